import config.kernel.ids
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

# No foreign key: dropping a day would lock the sessions. The primary key serves the log of a session, which is all that is ever asked.
SAMPLES = """
CREATE TABLE telemetry_sample (
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    captured_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    lat double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    lng double precision NOT NULL CHECK (lng BETWEEN -180 AND 180),
    accuracy_meters double precision NOT NULL CHECK (accuracy_meters BETWEEN 0 AND 100000),
    source varchar(12) NOT NULL,
    verdict varchar(20) NOT NULL,
    signer varchar(42) NOT NULL,
    signature bytea,
    challenge varchar(32) NOT NULL,
    sensors jsonb,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (session_id, captured_at)
) PARTITION BY RANGE (captured_at);

CREATE TABLE telemetry_sample_default PARTITION OF telemetry_sample DEFAULT;
"""

# A UTC day's partition. CREATE and then ATTACH, as for the audit's months; what meanwhile fell into the default partition moves over.
DAYS = """
CREATE FUNCTION telemetry_ensure_day(day date) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    name text := 'telemetry_sample_' || to_char(day, 'YYYYMMDD');
    first timestamptz := day::timestamp AT TIME ZONE 'UTC';
    following timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('telemetry_ensure_day', 0));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE telemetry_sample INCLUDING ALL)', name);
    LOCK TABLE telemetry_sample_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('WITH moved AS (DELETE FROM telemetry_sample_default WHERE captured_at >= %L AND captured_at < %L RETURNING *) '
        'INSERT INTO %I SELECT * FROM moved', first, following, name);
    EXECUTE format('ALTER TABLE telemetry_sample ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, following);
END $$;

SELECT telemetry_ensure_day((now() AT TIME ZONE 'UTC')::date + step) FROM generate_series(0, 7) AS step;
"""

DROP = """
DROP TABLE telemetry_sample;
DROP FUNCTION telemetry_ensure_day;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('live_sessions', '0003_money'),
    ]

    operations = [
        migrations.CreateModel(
            name='TelemetrySample',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('captured_at', models.DateTimeField()),
                ('received_at', models.DateTimeField()),
                ('lat', models.FloatField()),
                ('lng', models.FloatField()),
                ('accuracy_meters', models.FloatField()),
                ('source', models.CharField(choices=[('gps', 'Gps'), ('network', 'Network'), ('fused', 'Fused'), ('fixed', 'Fixed'), ('manual', 'Manual'), ('simulated', 'Simulated')], max_length=12)),
                ('verdict', models.CharField(choices=[('in_fence', 'In Fence'), ('out_of_fence', 'Out Of Fence'), ('late', 'Late'), ('unusable_source', 'Unusable Source'), ('inaccurate', 'Inaccurate'), ('challenge_missing', 'Challenge Missing'), ('implausible', 'Implausible')], max_length=20)),
                ('signer', models.CharField(blank=True, max_length=42)),
                ('signature', models.BinaryField(null=True)),
                ('challenge', models.CharField(blank=True, max_length=32)),
                ('sensors', models.JSONField(null=True)),
                ('digest', models.BinaryField(max_length=32)),
            ],
            options={
                'db_table': 'telemetry_sample',
                'managed': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='MeterRecord',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveSmallIntegerField()),
                ('input_hash', models.CharField(max_length=64)),
                ('mode', models.CharField(choices=[('wall_clock', 'Wall Clock'), ('telemetry', 'Telemetry')], max_length=10)),
                ('started_at', models.DateTimeField()),
                ('cutoff_at', models.DateTimeField()),
                ('metered_seconds', models.PositiveIntegerField()),
                ('clean_seconds', models.PositiveIntegerField()),
                ('failed_seconds', models.PositiveIntegerField()),
                ('windows', models.JSONField(default=list)),
                ('intervals', models.JSONField(default=list)),
                ('samples', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('session', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='meter', to='live_sessions.fieldsession')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.CheckConstraint(condition=models.Q(('metered_seconds', django.db.models.expressions.CombinedExpression(models.F('clean_seconds'), '+', models.F('failed_seconds')))), name='meter_adds_up')],
            },
        ),
        migrations.CreateModel(
            name='TelemetryChallenge',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('nonce', models.CharField(max_length=32, unique=True)),
                ('issued_at', models.DateTimeField()),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='challenges', to='live_sessions.fieldsession')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['session', 'issued_at'], name='challenge_of_session')],
            },
        ),
        migrations.RunSQL(SAMPLES + DAYS, DROP),
    ]
