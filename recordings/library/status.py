"""The only writer of `Recording.status`: each move is an UPDATE with the states it may leave in its WHERE."""

from django.db.models import F

from config.kernel import clock
from recordings.library.models import Recording
from recordings.library.states import MOVES


def move(recording: Recording, event: str, **changes) -> bool:
    """Move `recording` by `event` (library.states.MOVES) and set `changes`; False, and nothing written, if it does not apply.

    The instance follows the row.
    """
    sources, to = MOVES[event]
    now = clock.now()
    rows = Recording.objects.filter(pk=recording.pk, status__in=sources)
    if not rows.update(status=to, revision=F("revision") + 1, updated_at=now, **changes):
        return False
    recording.refresh_from_db()
    return True


def change(recording: Recording, **changes) -> None:
    """Set columns other than the status, with the revision that the ETag is made of."""
    Recording.objects.filter(pk=recording.pk).update(revision=F("revision") + 1, updated_at=clock.now(), **changes)
    recording.refresh_from_db()
