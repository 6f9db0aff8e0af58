"""The room's numbered changes: replayed to sockets for a day, listed for ninety."""

from datetime import timedelta

from django.db.models import QuerySet

from config.kernel import clock, realtime
from operators.console import room
from operators.console.models import ControlRoomEvent

KEEP = timedelta(days=90)
REPLAY = timedelta(hours=24)
REPLAY_EVENTS = 1000


class Change:
    """A stored event as the socket sends it; every reader of the topic sees every change."""

    subject_kind = subject_id = None

    def __init__(self, row: ControlRoomEvent):
        self.seq, self.event, self.data, self.created_at = row.seq, row.event, row.data, row.at
        self.by = {"kind": row.actor_kind, "id": row.actor_id, "name": row.actor_name}


def events() -> QuerySet[ControlRoomEvent]:
    return ControlRoomEvent.objects.all()


def _latest(names: list[str]) -> dict[str, int]:
    return dict.fromkeys(names, room.main().seq)


def _after(_name: str, after: int, limit: int) -> list[Change]:
    rows = events().filter(control_room=room.main(), seq__gt=after, at__gt=clock.now() - REPLAY)
    return [Change(row) for row in rows.order_by("seq")[:limit]]


LOG = realtime.Log(latest=_latest, after=_after, replay=REPLAY_EVENTS, frame="change")


def purge() -> int:
    """Delete what is older than 90 days; how many."""
    return events().filter(at__lt=clock.now() - KEEP).delete()[0]
