"""Which triggers must stand on which tables, and which do not."""

from django.db import connection

_EXPECTED = """
WITH tables AS (
    SELECT relid::regclass::oid AS oid, 'audit_event' AS family FROM pg_partition_tree('audit_event')
    UNION ALL SELECT relid::regclass::oid, 'audit_chain' FROM pg_partition_tree('audit_chain')
    UNION ALL SELECT 'audit_checkpoint'::regclass::oid, 'audit_checkpoint'
), expected AS (
    SELECT oid, name FROM tables, unnest(ARRAY['audit_no_change', 'audit_no_truncate']) AS name
    UNION ALL SELECT oid, 'audit_to_seal' FROM tables WHERE family = 'audit_event'
)
SELECT oid::regclass::text, name FROM expected
WHERE NOT EXISTS (
    SELECT 1 FROM pg_trigger WHERE tgrelid = expected.oid AND tgname = expected.name AND tgenabled = 'A'
      AND tgfoid = (CASE name WHEN 'audit_to_seal' THEN 'audit_enqueue()' ELSE 'audit_refuse()' END)::regprocedure
)
ORDER BY 1, 2
"""


def missing_triggers() -> list[tuple[str, str]]:
    """(table, trigger) for each one that is absent, disabled, or silenced by `session_replication_role`."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPECTED)
        return cursor.fetchall()


def is_installed() -> bool:
    """Whether the tables exist (they don't before the first migration)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('audit_event') IS NOT NULL")
        return cursor.fetchone()[0]
