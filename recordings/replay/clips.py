"""Clips: made, edited, thrown away, played. `processing` cuts them."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from config.kernel import clock, loops
from config.kernel.access import Actor, Perm, ports, system
from config.kernel.actions import Action
from config.kernel.errors import ApiError, FieldError
from recordings import live, trail, verbs
from recordings.library import text
from recordings.library.models import Recording, RecordingFile
from recordings.library.states import FileState, Source
from recordings.locks import patient
from recordings.replay import states
from recordings.replay.models import ClipGrant, ReplayClip
from recordings.replay.states import ClipStatus
from recordings.retention import disposal
from sessions.control_room import replay_channel

LOOP = "replay.cut"
GRANT_LIFE = timedelta(hours=4)
OPEN_GRANTS = 20


def clips():
    """Every clip that is not in the trash."""
    return ReplayClip.objects.filter(deleted_at=None)


def of_recording(recording_id):
    return clips().filter(recording_id=recording_id).order_by("-created_at")


def make(*, actor: Actor, recording: Recording, in_at: datetime, out_at: datetime, name: str = "") -> ReplayClip:
    """A pending clip; the caller holds the recording's row. ApiError limit_reached, clip_out_of_range."""
    if not states.fits(in_at, out_at):
        limits = {"minSeconds": states.SHORTEST_MS / 1000, "maxSeconds": states.LONGEST_MS / 1000}
        raise ApiError("clip_out_of_range", data={**limits, "seconds": states.milliseconds(out_at - in_at) / 1000})
    if clips().filter(session_id=recording.session_id).count() >= states.CLIPS_PER_SESSION:
        raise ApiError("limit_reached", data={"limit": states.CLIPS_PER_SESSION})
    made = ReplayClip.objects.create(
        session_id=recording.session_id,
        session_label=recording.session_label,
        recording_id=recording.pk,
        name=name or f"{recording.session_label or 'Session'} {in_at:%H:%M:%S}"[:120],
        in_at=in_at,
        out_at=out_at,
        # `processing` looks again until the recorder has it on disk.
        next_at=max(clock.now(), out_at + states.FIRST_LOOK),
        created_by=actor.label,
    )
    loops.wake(LOOP)
    return made


def span_of(clip: ReplayClip) -> dict:
    return {"in_at": clock.wire(clip.in_at), "out_at": clock.wire(clip.out_at), "name": clip.name}


def from_library(*, actor: Actor, recording: Recording, in_seconds: float, out_seconds: float, name: str = "") -> ReplayClip:
    """A clip of a recording that is in the library. ApiError recording_not_cached, limit_reached, clip_out_of_range; FieldError recordingId."""
    if recording.source != Source.SESSION:
        raise FieldError("recordingId", "not_a_session", "Clips are cut from recordings of field sessions.")
    with patient():
        recording = Recording.objects.select_for_update(of=("self",)).get(pk=recording.pk)
        file = RecordingFile.objects.filter(pk=recording.primary_file_id, state=FileState.PRESENT).first()
        if file is None or file.capture_start_at is None or recording.deleted_at is not None:
            raise ApiError("recording_not_cached")
        if not 0 <= in_seconds < out_seconds or out_seconds > (file.duration_seconds or 0) + 0.5:
            raise ApiError("clip_out_of_range", data={"durationSeconds": file.duration_seconds})
        begins = file.capture_start_at
        span = {"in_at": begins + timedelta(seconds=in_seconds), "out_at": begins + timedelta(seconds=out_seconds)}
        made = make(actor=actor, recording=recording, name=name, **span)
        facts = {**span_of(made), "replay_clip": str(made.pk)}
        trail.of_recording(verbs.CLIP_CREATED, recording, actor=actor, permission=Perm.RECORDING_CREATE, details=facts)
        live.clip_changed(made)
    return made


def edit(*, actor: Actor, clip: ReplayClip, body: dict, check) -> ReplayClip:
    """Name, tags, pinned. `check(row)` is asked under the lock."""
    with patient():
        row = _lock(clip.pk)
        check(row)
        before = trail.snapshot(row)
        for name, value in body.items():
            setattr(row, name, value)
        if "tags" in body:
            row.tag_keys = [text.tag_key(tag) for tag in row.tags]
        row.revision += 1
        row.save()
        audit(verbs.CLIP_EDITED, row, actor, Perm.RECORDING_EDIT, before=before, after=trail.snapshot(row))
        live.clip_changed(row)
    return row


def delete_refusal(clip: ReplayClip) -> str | None:
    """Why it may not be thrown away now."""
    if disposal.clip_is_held(clip):
        return "legal_hold"
    return "clip_in_use" if replay_channel.loaded_clip() == clip.pk else None


def delete(*, actor: Actor, clip: ReplayClip) -> None:
    """Into the trash for a day. ApiError legal_hold, clip_in_use."""
    with patient():
        row = _lock(clip.pk)
        if (code := delete_refusal(row)) is not None:
            raise ApiError(code)
        _trash(actor, row, "")


def _trash(actor: Actor, row: ReplayClip, reason: str) -> None:
    before = trail.snapshot(row)
    row.deleted_at = clock.now()
    row.revision += 1
    if row.status in states.OPEN:
        row.status, row.next_at, row.failure = ClipStatus.FAILED, None, states.Failure.SOURCE_GONE
    row.save()
    ClipGrant.objects.filter(clip=row).delete()
    disposal.trash_clip(actor=actor, clip=row, reason=reason)
    audit(verbs.CLIP_TRASHED, row, actor, Perm.RECORDING_DELETE, before=before, after=trail.snapshot(row), reason=reason or None)
    live.clip_removed(row)


def expire() -> int:
    """Clips that nobody pinned, a week after their session's end: into the trash."""
    from sessions.field.models import FieldSession

    over = FieldSession.objects.filter(ended_at__lt=clock.now() - states.UNPINNED_LIFE).values("pk")
    done = 0
    for clip in clips().filter(pinned=False, session_id__in=over).order_by("created_at")[:200]:
        with patient():
            row = _lock(clip.pk)
            if not row.pinned and delete_refusal(row) is None:
                _trash(system("replay.expire"), row, "unpinned, seven days after its session")
                done += 1
    return done


def forget_grants() -> int:
    """Links that ended a day ago."""
    return ClipGrant.objects.filter(expires_at__lt=clock.now() - timedelta(days=1)).delete()[0]


def _lock(clip_id) -> ReplayClip:
    row = ReplayClip.objects.select_for_update(of=("self",)).filter(pk=clip_id, deleted_at=None).first()
    if row is None:
        raise ApiError("not_found")
    return row


def audit(verb: str, clip: ReplayClip, actor: Actor, permission: Perm, **facts) -> None:
    correlation = {"recording_id": clip.recording_id, "session_id": clip.session_id}
    facts.setdefault("outcome", "succeeded")
    ports.record(verb, actor=actor, subject=("replay_clip", clip.pk, clip.name), permission=permission, correlation=correlation, **facts)


# --- playing -----------------------------------------------------------------------------------------------------------------------


def actions(clip: ReplayClip) -> dict[str, Action]:
    """What can be done to it, in the order of the console."""
    href = f"/api/v1/replay-clips/{clip.pk}"
    not_ready = None if clip.status == ClipStatus.READY else "clip_not_ready"
    return {
        "playback": Action("POST", Perm.RECORDING_PLAYBACK, f"{href}/playback", code=not_ready),
        "edit": Action("PATCH", Perm.RECORDING_EDIT, href),
        "delete": Action("DELETE", Perm.RECORDING_DELETE, href, code=delete_refusal(clip)),
    }


def demand_ready(clip: ReplayClip) -> ReplayClip:
    """ApiError clip_not_ready."""
    if clip.status != ClipStatus.READY:
        data = {"status": clip.status, "failure": clip.failure or None}
        raise ApiError("clip_not_ready", data=data, headers={"Retry-After": "1"} if clip.status in states.OPEN else None)
    return clip


@transaction.atomic
def grant(*, actor: Actor, clip: ReplayClip) -> ClipGrant:
    """A link for this caller. ApiError clip_not_ready, concurrency_limit_reached."""
    demand_ready(clip)
    now = clock.now()
    if ClipGrant.objects.filter(holder_kind=actor.kind, holder_id=actor.id, expires_at__gt=now).count() >= OPEN_GRANTS:
        raise ApiError("concurrency_limit_reached", data={"scope": "playback", "limit": OPEN_GRANTS}, headers={"Retry-After": "60"})
    made = ClipGrant.objects.create(clip=clip, holder_kind=actor.kind, holder_id=actor.id, created_at=now, expires_at=now + GRANT_LIFE)
    audit(verbs.CLIP_PLAYBACK_GRANTED, clip, actor, Perm.RECORDING_PLAYBACK, outcome="allowed", details={"grant_id": str(made.pk)})
    return made


def find_grant(*, actor: Actor, clip: ReplayClip, grant_id: UUID) -> ClipGrant:
    """The caller's own link. ApiError not_found, link_expired."""
    found = ClipGrant.objects.filter(pk=grant_id, clip=clip, holder_kind=actor.kind, holder_id=actor.id).first()
    if found is None:
        raise ApiError("not_found")
    if found.expires_at <= clock.now():
        raise ApiError("link_expired")
    return found
