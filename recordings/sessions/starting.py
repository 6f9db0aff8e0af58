"""A session's recording begins: with its first media where it was asked for with one (`record`), or by hand while it is LIVE (07 §2).

The media process writes what `sessions.media.takes` says, into a folder of the recording's own; here are the rows, in the same transaction.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from config.kernel import clock
from config.kernel.access import Actor, Perm, system
from config.kernel.errors import ApiError
from config.kernel.ids import uuid7
from recordings import live, trail, verbs
from recordings.jobs import demands
from recordings.jobs.models import Job
from recordings.jobs.states import LIVE, Executor, JobStatus, Phase
from recordings.library import text
from recordings.library.models import Recording
from recordings.library.states import RecordingStatus, Source
from recordings.locks import patient
from recordings.profiles.models import RecordingProfile
from recordings.profiles.states import MediaKind
from sessions.field.locking import locked
from sessions.field.models import FieldSession
from sessions.field.states import SessionState
from sessions.media import provider, takes
from sessions.media.models import MediaInput

log = structlog.get_logger("recordings.sessions")
EPOCH = 1


@dataclass(frozen=True)
class Wish:
    """What a person asks for; everything may be left open."""

    name: str = ""
    folder: str = ""
    tags: list[str] = field(default_factory=list)
    duration_seconds: int | None = None
    profile: RecordingProfile | None = None
    upload_policy_id: UUID | None = None
    retention_policy_id: UUID | None = None


def begin(*, session_id, at: datetime) -> Recording | None:
    """The recording of a session whose media begins; None where nothing is recorded. Called in the transaction that makes it LIVE."""
    session = FieldSession.objects.select_related("consumer_workspace").get(pk=session_id)
    media_input = MediaInput.objects.get(session_id=session_id)
    if not session.record or not provider.named(media_input.provider).capabilities.recording:
        return None
    if Job.objects.filter(session_id=session_id).exists():
        return None
    profile = RecordingProfile.objects.filter(kind=MediaKind.VIDEO, enabled=True).order_by("-is_default", "name").first()
    if profile is None:
        log.warning("session_not_recorded", session=str(session_id), reason="no video profile is enabled")
        takes.end(session_id=session_id, recording_id=media_input.recording_id)
        return None
    wish = Wish(profile=profile)
    # The media process has written into it since the first picture.
    actor, recording_id = system("recordings.sessions"), media_input.recording_id or uuid7()
    made, _ = _make(recording_id, session, wish, profile, actor=actor, created_by=session.created_by_label, at=at, phase=Phase.CAPTURING)
    return made


def start(*, actor: Actor, session_id: UUID, wish: Wish) -> tuple[Recording, Job]:
    """Record a LIVE session from now on.

    ApiError reference_not_found (a profile that is none for video), session_not_live, active_recording_exists, session_recording_unsupported,
    profile_disabled, storage_full.
    """
    with patient():
        session = locked(session_id)
        profile = wish.profile or RecordingProfile.objects.filter(kind=MediaKind.VIDEO, is_default=True).first()
        if profile is not None and profile.kind != MediaKind.VIDEO:
            raise ApiError("reference_not_found", data={"path": "recordingProfileId"})
        if refused := start_refusal(session):
            raise refused
        if profile is None or not profile.enabled:
            raise ApiError("profile_disabled")
        if refused := demands.storage_refusal():
            raise refused
        return _make(uuid7(), session, wish, profile, actor=actor, created_by=actor.label, at=clock.now(), phase=Phase.CLAIMED)


def start_refusal(session: FieldSession) -> ApiError | None:
    """Why no recording of this session can be started now, or None."""
    if session.state != SessionState.LIVE:
        return ApiError("session_not_live", data={"state": session.state})
    running = Job.objects.filter(session_id=session.pk, status__in=LIVE).first()
    if running is not None:
        return ApiError("active_recording_exists", data={"recordingId": str(running.recording_id)})
    return None if takes.supported(session.pk) else ApiError("session_recording_unsupported")


def _make(
    recording_id: UUID, session: FieldSession, wish: Wish, profile: RecordingProfile, *, actor: Actor, created_by: str, at: datetime, phase: Phase
) -> tuple[Recording, Job]:
    until = at + timedelta(seconds=wish.duration_seconds) if wish.duration_seconds else None
    made = Recording(
        id=recording_id,
        kind=MediaKind.VIDEO,
        source=Source.SESSION,
        name=wish.name or f"{session.label or 'Session'} {at:%Y-%m-%d %H:%M}"[:240],
        folder=wish.folder,
        tags=text.unique_tags(wish.tags),
        status=RecordingStatus.RECORDING,
        planned_start_at=at,
        planned_end_at=until,
        recorded_at=at,
        sort_at=at,
        session_id=session.pk,
        session_label=session.label,
        profile=profile,
        profile_label=profile.name,
        upload_policy_id=wish.upload_policy_id,
        retention_policy_id=wish.retention_policy_id,
        created_by=created_by,
    )
    text.index(made)
    made.save(force_insert=True)
    job = Job.objects.create(
        recording=made, executor=Executor.MEDIA, session_id=session.pk, status=JobStatus.RUNNING, phase=phase, claim_epoch=EPOCH,
        claimed_at=at, not_before=at, capture_start_at=at, capture_end_at=until,
    )  # fmt: skip
    takes.begin(session_id=session.pk, recording_id=made.pk, until=until)
    trail.of_recording(verbs.RECORDING_STARTED, made, actor=actor, permission=Perm.RECORDING_CREATE, job_id=job.pk, after=trail.snapshot(made))
    live.changed(made)
    live.job_changed(job)
    return made, job
