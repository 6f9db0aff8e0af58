"""A session's recording begins: with its first media where it was asked for with one (`record`), or by hand while it is LIVE (07 §2).

The media process writes what `sessions.media.takes` says, into a folder of the recording's own; here are the rows, in the same transaction.
"""

from datetime import datetime
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
from recordings.library.models import Recording
from recordings.library.states import RecordingStatus, Source
from recordings.locks import patient
from recordings.profiles.models import RecordingProfile
from recordings.profiles.states import MediaKind
from recordings.wish import Wish
from sessions.field.locking import locked
from sessions.field.models import FieldSession
from sessions.field.states import SessionState
from sessions.media import provider, takes
from sessions.media.models import MediaInput

log = structlog.get_logger("recordings.sessions")
EPOCH = 1


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
    # The media process has written into it since the first picture.
    actor, recording_id = system("recordings.sessions"), media_input.recording_id or uuid7()
    made, _ = _make(recording_id, session, Wish(), profile, actor=actor, created_by=session.created_by_label, at=at, phase=Phase.CAPTURING)
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
    made = wish.recording(
        id=recording_id,
        at=at,
        name=f"{session.label or 'Session'} {at:%Y-%m-%d %H:%M}"[:240],
        profile=profile,
        kind=MediaKind.VIDEO,
        source=Source.SESSION,
        status=RecordingStatus.RECORDING,
        recorded_at=at,
        session_id=session.pk,
        session_label=session.label,
        created_by=created_by,
    )
    job = Job.objects.create(
        recording=made, executor=Executor.MEDIA, session_id=session.pk, status=JobStatus.RUNNING, phase=phase, claim_epoch=EPOCH,
        claimed_at=at, not_before=at, capture_start_at=at, capture_end_at=made.planned_end_at,
    )  # fmt: skip
    takes.begin(session_id=session.pk, recording_id=made.pk, until=made.planned_end_at)
    trail.of_recording(verbs.RECORDING_STARTED, made, actor=actor, permission=Perm.RECORDING_CREATE, job_id=job.pk, after=trail.snapshot(made))
    live.changed(made)
    live.job_changed(job)
    return made, job
