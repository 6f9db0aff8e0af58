"""A month leaves the database: sealed, verified, written out, read back, then detached and dropped. A step that fails ends it there.

    (attached) ─write, read back▶ written ─DETACH CONCURRENTLY▶ (detached) ─DROP, `audit.month.archived`▶ dropped

`written` and `dropped` are the states of an `AuditArchive` row; whatever was interrupted goes on from there. The checkpoints stay.
"""

from contextlib import contextmanager
from datetime import date
from pathlib import Path

from django.conf import settings
from django.db import connection, connections, transaction

from audit import archive_file, holds, months, services, verification
from audit.models import AuditArchive, Outcome
from audit.verbs import MONTH_ARCHIVED
from config.kernel import clock
from config.kernel.access import Actor

_PARTITION = """
SELECT c.relname, i.inhparent IS NOT NULL, coalesce(i.inhdetachpending, false)
FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.oid = to_regclass(%s)
"""


class ArchiveFailed(RuntimeError):
    """The month stays where it is; the text says why, for people."""


def due(now=None) -> list[date]:
    """Whole months that have been kept long enough and are still in the database, oldest first."""
    keep = settings.AUDIT_RETENTION_MONTHS
    if keep == 0:
        return []
    before = months.next_month(months.month_of(now or clock.now()), -keep)
    unfinished = AuditArchive.objects.filter(dropped_at=None).values_list("month", flat=True)
    return sorted({month for month in verification.months_recorded() if month < before} | set(unfinished))


def archive(month: date, *, actor: Actor) -> AuditArchive:
    """Archive one month; its row. ArchiveFailed, naming the step."""
    if holds.in_force(month):
        raise ArchiveFailed(f"A hold keeps {month:%Y-%m}.")
    row = AuditArchive.objects.filter(month=month).first() or _written(month)
    path = path_of(row)
    if not path.is_file() or archive_file.sha256_of(path) != row.sha256:
        raise ArchiveFailed(f"{row.file} is not the file that was written.")
    if row.dropped_at is None:
        _remove(row, actor)
    return row


def path_of(row: AuditArchive) -> Path:
    return Path(settings.AUDIT_ARCHIVE_ROOT) / row.file


def _written(month: date) -> AuditArchive:
    """Check the month, write its file and read it back."""
    _demand_sound(month)
    path = Path(settings.AUDIT_ARCHIVE_ROOT) / archive_file.file_name(month)
    rows = archive_file.write(month, path)
    report, _ = archive_file.verify(path, verification.default_anchors())
    if report.findings or report.rows != rows:
        raise ArchiveFailed(f"{path.name} does not say what the database says: {report.findings[:3]}")
    _demand_nothing_new(month, rows)
    return AuditArchive.objects.create(
        month=month, file=path.name, sha256=archive_file.sha256_of(path), size_bytes=path.stat().st_size, rows=rows, written_at=clock.now()
    )


def _demand_sound(month: date) -> None:
    if waiting := verification.pending_in(month):
        raise ArchiveFailed(f"{waiting} events of {month:%Y-%m} are not sealed yet.")
    report = verification.verify_month(month, verification.default_anchors())
    if report.findings:
        raise ArchiveFailed(f"{month:%Y-%m} does not verify: {report.findings[0]['finding']}, {len(report.findings) + report.more} in all.")


def _demand_nothing_new(month: date, rows: int) -> None:
    """An old id that came in meanwhile must not be dropped unseen."""
    with connection.cursor() as cursor:
        bounds = [months.lowest_id(month), months.lowest_id(months.next_month(month))]
        cursor.execute("SELECT count(*) FROM audit_event WHERE id >= %s AND id < %s", bounds)
        found = cursor.fetchone()[0]
    if found != rows:
        raise ArchiveFailed(f"{month:%Y-%m} has {found} events, its archive {rows}.")


def _remove(row: AuditArchive, actor: Actor) -> None:
    tables = {"audit_event": f"audit_event_{row.month:%Y_%m}", "audit_chain": f"audit_chain_{row.month:%Y_%m}"}
    with _owner() as cursor:
        for parent, table in tables.items():
            _detach(cursor, parent, table)
        with transaction.atomic():
            # Recorded first, committed last: what is dropped is in the trail, or its row rolls back and the next run finds the tables gone.
            row.dropped_at = clock.now()
            row.save(update_fields=["dropped_at"])
            details = {"month": f"{row.month:%Y-%m}", "file": row.file, "sha256": row.sha256, "sizeBytes": row.size_bytes, "rows": row.rows}
            services.record(MONTH_ARCHIVED, actor=actor, outcome=Outcome.SUCCEEDED, details=details)
            for table in tables.values():
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
    services.forget_month(row.month)


def _detach(cursor, parent: str, table: str) -> None:
    """Waits for open writers and blocks none; goes on where an interrupted one stopped."""
    cursor.execute(_PARTITION, [table])
    found = cursor.fetchone()
    if found is not None and found[1]:
        cursor.execute(f"ALTER TABLE {parent} DETACH PARTITION {table} {'FINALIZE' if found[2] else 'CONCURRENTLY'}")


@contextmanager
def _owner():
    """A cursor of the tables' owner (AUDIT_OWNER_URL), outside any transaction: DETACH CONCURRENTLY can't be in one."""
    own = connections.create_connection("default")
    own.settings_dict = {**connection.settings_dict, **(settings.AUDIT_OWNER_DATABASE or {})}
    try:
        with own.cursor() as cursor:
            yield cursor
    finally:
        own.close()
