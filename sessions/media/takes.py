"""What of a session's media is recorded: the database says it, the provider is told by the poll until it does so (07 §2).

    wanted    recording_id ≠ null                told    recording_settled: the provider was heard to do what the row says

A provider that was killed, or missed what it was told, hears it again: each poll compares. A publisher that comes back to a new process is
admitted with what the row says (`admission`), so nothing is lost in between.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from config.kernel import clock, loops
from sessions.media import provider
from sessions.media.models import MediaInput
from sessions.media.provider import Status, Take
from sessions.media.signals import recording_settled
from sessions.media.states import InputState

LOOP = "media.reconcile"


def of(row: MediaInput) -> Take | None:
    """What the row wants recorded."""
    return Take(row.recording_id, row.recording_until) if row.recording_id else None


def supported(session_id) -> bool:
    """Whether the provider of this session's input can record at all."""
    row = MediaInput.objects.filter(session_id=session_id, state=InputState.READY).first()
    return row is not None and provider.named(row.provider).capabilities.recording


def begin(*, session_id, recording_id: UUID, until: datetime | None = None) -> None:
    """Record from now on into this recording, in the caller's transaction; the provider hears it as soon as that has committed."""
    row = MediaInput.objects.filter(session_id=session_id).first()
    if row is not None and (row.recording_id, row.recording_until) != (recording_id, until):
        _want(MediaInput.objects.filter(pk=row.pk), recording_id, until)


def end(*, session_id, recording_id: UUID) -> None:
    """Record no more into this recording; nothing happens if another one is recorded by now."""
    _want(MediaInput.objects.filter(session_id=session_id, recording_id=recording_id), None, None)


def _want(rows, recording_id: UUID | None, until: datetime | None) -> bool:
    wanted = {"recording_id": recording_id, "recording_until": until, "recording_settled": False}
    changed = rows.update(**wanted, updated_at=clock.now(), revision=F("revision") + 1)
    if changed:
        loops.wake(LOOP)
    return bool(changed)


def tell(adapter: provider.MediaProvider, row: MediaInput, status: Status) -> None:
    """Have the provider do what the row says, unless it does so already; a window that is over ends here. ApiError as the provider's."""
    if not adapter.capabilities.recording:
        return
    if row.recording_until is not None and row.recording_until <= clock.now():
        _want(MediaInput.objects.filter(pk=row.pk, revision=row.revision), None, None)
        row.refresh_from_db()
    take = of(row)
    if row.recording_settled and status.recording in (None, str(take.recording) if take else ""):
        return
    adapter.record(row.ref, take)
    with transaction.atomic():
        # Of another revision: it was changed while the provider was told, and is told again.
        said = MediaInput.objects.filter(pk=row.pk, revision=row.revision, recording_settled=False)
        if said.update(recording_settled=True, updated_at=clock.now()):
            recording_settled.send(sender=MediaInput, session_id=row.session_id)
