"""Events and trails of their own for each test.

The tables refuse to be emptied, so a test that commits leaves its rows behind: each takes a month that no other test uses, and looks only there.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from django.db import connection, transaction

from audit import months, sealing, services, verification
from audit.models import AuditEvent
from config.kernel import clock
from config.kernel.access import Actor, Kind

_unused_months = (months.next_month(date(2031, 1, 1), step) for step in count())
ANNA = Actor(kind=Kind.USER, id="anna", label="Anna")


@pytest.fixture(autouse=True)
def _own_files(settings, tmp_path):
    """Anchors and kept public keys of this test alone."""
    settings.AUDIT_ANCHORS = tmp_path / "audit" / "anchors.jsonl"


@pytest.fixture
def write():
    """`write(subject=…, scope=…)` records one success of Anna's and returns the event."""

    def record(verb="audit.trail.verified", *, actor=ANNA, outcome="succeeded", **facts) -> AuditEvent:
        with transaction.atomic():
            return AuditEvent.objects.get(pk=services.record(verb, actor=actor, outcome=outcome, **facts))

    return record


class Trail:
    """A month of its own: `grow` writes and seals, `tamper` runs SQL as someone who took the triggers away, `findings` verifies."""

    def __init__(self, anchors):
        self.month = next(_unused_months)
        self.anchors = anchors
        self.start = datetime.combine(self.month, datetime.min.time(), UTC) + timedelta(days=1)
        self.written = 0

    def grow(self, rows: int, *, seal: bool = True) -> list[AuditEvent]:
        grown = []
        for _ in range(rows):
            self.written += 1
            with clock.frozen(self.start + timedelta(seconds=self.written)), transaction.atomic():
                pk = services.record("audit.trail.verified", actor=ANNA, outcome="succeeded", details={"number": self.written})
            grown.append(AuditEvent.objects.get(pk=pk))
        if seal:
            sealing.seal()
        return grown

    def tamper(self, *statements: tuple[str, list]) -> None:
        tables = [f"audit_event_{self.month:%Y_%m}", f"audit_chain_{self.month:%Y_%m}", "audit_checkpoint"]
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement, values in statements:
                cursor.execute(statement, values)
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_no_change")
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_no_truncate")
            cursor.execute(f"ALTER TABLE {tables[0]} ENABLE ALWAYS TRIGGER audit_to_seal")

    def report(self, *, later: timedelta = timedelta(days=20)) -> verification.Report:
        with clock.frozen(self.start + later):
            return verification.verify_month(self.month, self.anchors if self.anchors.exists() else None)

    def findings(self) -> list[tuple]:
        """(finding, position or event id) of each."""
        return [(found["finding"], found.get("position", found.get("eventId"))) for found in self.report().findings]


@pytest.fixture
def trail(db, settings):
    return Trail(settings.AUDIT_ANCHORS)
