"""Recordings of field sessions: begun with the first media, ended with the session, their file joined from what the media server kept (07 §2).

The media server writes segments below `MEDIA_ROOT/sessions/<session>` as long as media flows, whatever happens here. A capture ends only by
the session's end; a kill of any process costs at most the two seconds that were not on disk.
"""

import hashlib
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction

from config.kernel import clock
from config.kernel.access import Perm, system
from config.kernel.errors import ApiError
from config.kernel.tasks import after_commit, single_flight
from recordings import live, trail, verbs
from recordings.jobs import locking, transitions
from recordings.jobs.models import Job
from recordings.jobs.states import LIVE, Executor, GapCause, JobStatus, Phase
from recordings.library import status, storage, text
from recordings.library.models import Recording
from recordings.library.states import RecordingStatus, Source
from recordings.locks import patient
from recordings.profiles.models import RecordingProfile
from recordings.profiles.states import MediaKind
from recordings.uploads import storing
from recordings.uploads.models import IncomingFile
from sessions.field.models import FieldSession
from sessions.field.states import TERMINAL, SessionState
from sessions.media import joining, provider
from sessions.media.models import MediaInput
from sessions.media.states import InputState

log = structlog.get_logger("recordings.sessions")
_EPOCH = 1
_CHUNK = 1 << 20


def folder_of(session_id) -> Path:
    """Where the media server keeps a session's segments."""
    return Path(settings.MEDIA_ROOT) / "sessions" / str(session_id)


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
        return None
    made = Recording(
        kind=MediaKind.VIDEO,
        source=Source.SESSION,
        name=f"{session.label or 'Session'} {at:%Y-%m-%d %H:%M}"[:240],
        status=RecordingStatus.RECORDING,
        planned_start_at=at,
        recorded_at=at,
        sort_at=at,
        session_id=session_id,
        session_label=session.label,
        profile=profile,
        profile_label=profile.name,
        created_by=session.created_by_label,
    )
    text.index(made)
    made.save(force_insert=True)
    job = Job.objects.create(
        recording=made, executor=Executor.MEDIA, session_id=session_id, status=JobStatus.RUNNING, phase=Phase.CAPTURING, claim_epoch=_EPOCH,
        claimed_at=at, not_before=at, capture_start_at=at,
    )  # fmt: skip
    actor = system("recordings.sessions")
    trail.of_recording(verbs.RECORDING_STARTED, made, actor=actor, permission=Perm.RECORDING_CREATE, job_id=job.pk, after=trail.snapshot(made))
    live.changed(made)
    live.job_changed(job)
    return made


def start_refusal(session: FieldSession) -> ApiError:
    """Why a session's recording can't be started by hand: it begins with the first media, where the session asks for one (`record`), or not at all."""
    if session.state != SessionState.LIVE:
        return ApiError("session_not_live", data={"state": session.state})
    running = Job.objects.filter(session_id=session.pk, status__in=LIVE).first()
    if running is not None:
        return ApiError("active_recording_exists", data={"recordingId": str(running.recording_id)})
    return ApiError("session_recording_unsupported", "A session is recorded from its first picture on, if it was asked for with a recording.")


def ended(*, session_id) -> None:
    """The session's input is gone, nothing more is written: finish its file. Called in the transaction that says so."""
    from recordings.sessions.tasks import finish_session

    if Job.objects.filter(session_id=session_id, status__in=LIVE).exists():
        after_commit(finish_session, str(session_id))


def waiting() -> list:
    """Ids of sessions whose media is over and whose recording is not in the library yet."""
    open_jobs = Job.objects.filter(executor=Executor.MEDIA, status__in=LIVE).values("session_id")
    rows = MediaInput.objects.filter(session_id__in=open_jobs, state=InputState.GONE, session__state__in=TERMINAL)
    return list(rows.values_list("session_id", flat=True)[:50])


def finish(session_id) -> bool:
    """Join what was recorded and store it; safe to repeat after a crash at any step. False if there was nothing to do."""
    with single_flight(f"session recording:{session_id}") as won:
        job = Job.objects.filter(session_id=session_id, executor=Executor.MEDIA, status__in=LIVE).first() if won else None
        if job is None:
            return False
        storage.prepare()
        runs = joining.tracks(joining.segments(folder_of(session_id)))
        joined = [
            track for index, run in enumerate(runs, 1) if (track := joining.join(run, storage.inside(storage.part_path(job.pk, _EPOCH, index))))
        ]
        if not joined:
            _nothing(job)
        for index, track in enumerate(joined, 1):
            incoming = _incoming(job, index, track, final=index == len(joined))
            storing.store(actor=system("recordings.sessions"), incoming=incoming)
        shutil.rmtree(folder_of(session_id), ignore_errors=True)
        return True


def _incoming(job: Job, index: int, track: joining.Track, *, final: bool) -> IncomingFile:
    """The joined file on its way into the library, as if a node had sent it."""
    digest, size = _settle(track.path)
    start = datetime.fromtimestamp(track.started_at_ms / 1000, UTC)
    result = {
        "trackIndex": index,
        "final": final,
        "sha256": digest,
        "sizeBytes": size,
        "durationSeconds": track.duration_ms / 1000,
        "captureStartAt": clock.wire(start),
        "captureEndAt": clock.wire(start + timedelta(milliseconds=track.duration_ms)),
        "partial": False,
    }
    relative = storage.part_path(job.pk, _EPOCH, index)
    if track.path.name != Path(relative).name:
        track.path.replace(storage.inside(relative))
    with transaction.atomic():
        job = locking.job(job.pk)
        gaps = [{"atSeconds": at / 1000, "lengthSeconds": length / 1000, "cause": GapCause.PUBLISHER_LOST.value} for at, length in track.gaps]
        transitions.change(job, results=job.results | {str(index): result}, gaps=gaps if index == 1 else job.gaps, phase=Phase.CAPTURED)
        now = clock.now()
        facts = {"track_final": final, "sha256": digest, "total": size, "offset": size, "mime_type": joining.MIME_TYPES[track.codec]}
        facts |= {"duration_seconds": result["durationSeconds"], "part_path": relative, "created_at": now, "updated_at": now}
        made, _ = IncomingFile.objects.update_or_create(job=job, claim_epoch=_EPOCH, track_index=index, defaults=facts)
    return made


def _settle(path: Path) -> tuple[str, int]:
    """(SHA-256, bytes) of a file that is on disk for good."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
        os.fsync(handle.fileno())
        return digest.hexdigest(), handle.tell()


def _nothing(job: Job) -> None:
    """The session ended before a picture was on disk."""
    with patient():
        job = locking.job(job.pk)
        transitions.move(job, "stop", stop_requested_at=clock.now(), stop_at=clock.now(), stop_by="session", stop_mode="keep")
        if transitions.move(job, "nothing_captured"):
            status.move(job.recording, "nothing_captured", ended_at=clock.now())
            trail.of_job(verbs.JOB_CANCELLED, job, actor=system("recordings.sessions"), permission=Perm.RECORDING_CONTROL, reason="nothing_captured")
            live.changed(job.recording)
            live.job_changed(job)
