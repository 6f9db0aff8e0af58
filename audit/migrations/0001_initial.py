"""The append-only tables, by hand: partitions, triggers and the absence of foreign keys are the point of them."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

TABLES = """
CREATE TABLE audit_event (
    id uuid NOT NULL PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    verb text NOT NULL,
    actor_kind text NOT NULL,
    actor_id text,
    actor_label text NOT NULL,
    on_behalf_of_kind text,
    on_behalf_of_id text,
    on_behalf_of_label text,
    subject_kind text,
    subject_id text,
    subject_label text,
    scope text[] NOT NULL,
    workspace_ids uuid[] NOT NULL,
    permission text,
    outcome text NOT NULL CHECK (outcome IN ('allowed', 'denied', 'failed', 'partial', 'succeeded')),
    reason text,
    before jsonb,
    after jsonb,
    details jsonb,
    correlation jsonb,
    request_id text NOT NULL,
    method text NOT NULL,
    route text NOT NULL,
    status smallint,
    ip inet,
    user_agent text NOT NULL,
    sign_in_id text,
    credential_prefix text NOT NULL,
    environment text CHECK (environment IN ('LIVE', 'TEST')),
    format smallint NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX audit_event_verb ON audit_event (verb, id);
CREATE INDEX audit_event_actor ON audit_event (actor_id, id);
CREATE INDEX audit_event_subject ON audit_event (subject_id, id);
CREATE INDEX audit_event_request ON audit_event (request_id);
CREATE INDEX audit_event_scope ON audit_event USING gin (scope);
CREATE INDEX audit_event_correlation ON audit_event USING gin (correlation jsonb_path_ops) WHERE correlation IS NOT NULL;

-- Ids that committed and are not sealed yet.
CREATE TABLE audit_pending (event_id uuid NOT NULL PRIMARY KEY);

CREATE TABLE audit_chain (
    month date NOT NULL,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    digest bytea NOT NULL,
    link bytea NOT NULL,
    PRIMARY KEY (month, position)
) PARTITION BY LIST (month);
CREATE INDEX audit_chain_event ON audit_chain (event_id);

CREATE TABLE audit_checkpoint (
    seq bigint NOT NULL PRIMARY KEY,
    month date NOT NULL,
    position bigint NOT NULL,
    link bytea NOT NULL,
    at timestamptz NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL
);
CREATE INDEX audit_checkpoint_month ON audit_checkpoint (month, position);
"""

TRIGGERS = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only: % of %', TG_OP, TG_TABLE_NAME USING ERRCODE = '23A01';
END $$;

CREATE FUNCTION audit_enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_pending (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit_chain FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_chain FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_to_seal AFTER INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_enqueue();

ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_no_change;
ALTER TABLE audit_chain ENABLE ALWAYS TRIGGER audit_no_change;
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_no_change;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_no_truncate;
ALTER TABLE audit_chain ENABLE ALWAYS TRIGGER audit_no_truncate;
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_no_truncate;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_to_seal;
"""

# A month's partitions. CREATE and then ATTACH, because CREATE … PARTITION OF would wait for every writer and block the next ones. The row triggers
# come with ATTACH, always enabled or not as in the parent's line below; those on TRUNCATE are never inherited.
MONTHS = """
CREATE FUNCTION audit_floor_id(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

CREATE FUNCTION audit_ensure_month(at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    first date := date_trunc('month', at AT TIME ZONE 'UTC')::date;
    following date := (first + interval '1 month')::date;
    events text := 'audit_event_' || to_char(first, 'YYYY_MM');
    links text := 'audit_chain_' || to_char(first, 'YYYY_MM');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('audit_ensure_month', 0));
    IF to_regclass(events) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE audit_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', events);
        EXECUTE format('CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', events);
        EXECUTE format('ALTER TABLE audit_event ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', events,
            audit_floor_id(first::timestamp AT TIME ZONE 'UTC'), audit_floor_id(following::timestamp AT TIME ZONE 'UTC'));
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER audit_no_change', events);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER audit_no_truncate', events);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER audit_to_seal', events);
    END IF;
    IF to_regclass(links) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE audit_chain INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', links);
        EXECUTE format('CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', links);
        EXECUTE format('ALTER TABLE audit_chain ATTACH PARTITION %I FOR VALUES IN (%L)', links, first);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER audit_no_change', links);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER audit_no_truncate', links);
    END IF;
END $$;

SELECT audit_ensure_month(now() + make_interval(months => step)) FROM generate_series(0, 3) AS step;
"""

DROP = """
DROP TABLE audit_event, audit_chain, audit_checkpoint, audit_pending;
DROP FUNCTION audit_ensure_month, audit_floor_id, audit_refuse, audit_enqueue;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.RunSQL(TABLES + TRIGGERS + MONTHS, DROP),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("occurred_at", models.DateTimeField()),
                ("verb", models.TextField()),
                ("actor_kind", models.TextField()),
                ("actor_id", models.TextField(null=True)),
                ("actor_label", models.TextField()),
                ("on_behalf_of_kind", models.TextField(null=True)),
                ("on_behalf_of_id", models.TextField(null=True)),
                ("on_behalf_of_label", models.TextField(null=True)),
                ("subject_kind", models.TextField(null=True)),
                ("subject_id", models.TextField(null=True)),
                ("subject_label", models.TextField(null=True)),
                ("scope", ArrayField(models.TextField())),
                ("workspace_ids", ArrayField(models.UUIDField())),
                ("permission", models.TextField(null=True)),
                ("outcome", models.TextField()),
                ("reason", models.TextField(null=True)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                ("details", models.JSONField(null=True)),
                ("correlation", models.JSONField(null=True)),
                ("request_id", models.TextField()),
                ("method", models.TextField()),
                ("route", models.TextField()),
                ("status", models.SmallIntegerField(null=True)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("user_agent", models.TextField()),
                ("sign_in_id", models.TextField(null=True)),
                ("credential_prefix", models.TextField()),
                ("environment", models.TextField(null=True)),
                ("format", models.SmallIntegerField()),
            ],
            options={"db_table": "audit_event", "managed": False, "default_permissions": (), "permissions": [("audit_read", "Read the audit")], "ordering": ["-id"]},
        ),
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("month", models.DateField()),
                ("position", models.BigIntegerField()),
                ("link", models.BinaryField()),
                ("at", models.DateTimeField()),
                ("key_id", models.TextField()),
                ("signature", models.BinaryField()),
            ],
            options={"db_table": "audit_checkpoint", "managed": False, "default_permissions": (), "ordering": ["-seq"]},
        ),
    ]
