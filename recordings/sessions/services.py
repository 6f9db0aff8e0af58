"""Recordings of field sessions: their file joined from what the media server kept, once it writes no more into it (07 §2).

The media server writes segments into `MEDIA_ROOT/sessions/<session>/<recording>` as long as media flows, whatever happens here. A capture ends by
a stop, the end of its window, or the session's end; a kill of any process costs at most the two seconds that were not on disk.
"""

import hashlib
import os
import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from config.kernel import clock
from config.kernel.access import Perm, system
from config.kernel.tasks import after_commit, single_flight
from recordings import live, trail, verbs
from recordings.jobs import locking, transitions
from recordings.jobs.models import Job
from recordings.jobs.states import LIVE, Executor, GapCause, Phase
from recordings.library import status, storage
from recordings.library.models import Recording
from recordings.locks import patient
from recordings.sessions.starting import EPOCH
from recordings.uploads import storing
from recordings.uploads.models import IncomingFile
from sessions.field.states import TERMINAL
from sessions.media import joining
from sessions.media.models import MediaInput
from sessions.media.states import InputState

_CHUNK = 1 << 20


def folder_of(recording: Recording) -> Path:
    """Where the media server keeps the segments of a session's recording."""
    return Path(settings.MEDIA_ROOT) / "sessions" / str(recording.session_id) / str(recording.pk)


def settled(*, session_id) -> None:
    """The media server records what it is asked for and nothing else: one begins, or has ended. Called in the transaction that says so."""
    _queue(session_id)


def ended(*, session_id) -> None:
    """The session's input is gone, nothing more is written: finish its file. Called in the transaction that says so."""
    _queue(session_id)


def _queue(session_id) -> None:
    from recordings.sessions.tasks import finish_session

    if _open().filter(session_id=session_id).exists():
        after_commit(finish_session, str(session_id))


def _open():
    return Job.objects.filter(executor=Executor.MEDIA, status__in=LIVE)


_INPUT = MediaInput.objects.filter(session_id=OuterRef("session_id"))
_SETTLED = _INPUT.filter(recording_settled=True)


def _over():
    """Open jobs into which nothing more is written: the input is gone, or the media server was heard to record something else, or nothing."""
    let_go = _SETTLED.filter(Q(recording_id=None) | ~Q(recording_id=OuterRef("recording_id")))
    gone = _INPUT.filter(state=InputState.GONE, session__state__in=TERMINAL)
    return _open().filter(Exists(let_go) | Exists(gone))


def _heard():
    """Jobs of which the media server has heard, and nobody was told so."""
    return _open().filter(Exists(_SETTLED.filter(recording_id=OuterRef("recording_id"))), phase=Phase.CLAIMED)


def waiting() -> list:
    """Ids of sessions of which something is to be told or to be put into the library."""
    return list((_over() | _heard()).values_list("session_id", flat=True)[:50])


def confirm(session_id) -> bool:
    """Say that the capture has begun; whether it was new."""
    with patient():
        found = _heard().filter(session_id=session_id).first()
        job = locking.job(found.pk) if found else None
        if job is None or job.phase != Phase.CLAIMED or job.status not in LIVE:
            return False
        transitions.change(job, phase=Phase.CAPTURING)
        live.job_changed(job)
        return True


def finish(session_id) -> bool:
    """Join what was recorded and store it; safe to repeat after a crash at any step. False if there was nothing to do."""
    with single_flight(f"session recording:{session_id}") as won:
        job = _over().filter(session_id=session_id).select_related("recording").first() if won else None
        if job is None:
            return False
        storage.prepare()
        _captured(job)
        folder = folder_of(job.recording)
        runs = joining.tracks(joining.segments(folder))
        joined = [track for index, run in enumerate(runs, 1) if (track := joining.join(run, storage.inside(storage.part_path(job.pk, EPOCH, index))))]
        if not joined:
            _nothing(job)
        for index, track in enumerate(joined, 1):
            incoming = _incoming(job, index, track, final=index == len(joined))
            storing.store(actor=system("recordings.sessions"), incoming=incoming)
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            # Of the session, once nothing else is in it.
            folder.parent.rmdir()
        return True


def _captured(job: Job) -> None:
    """The capture is over, its file is not there yet."""
    with patient():
        job = locking.job(job.pk)
        if job.status in LIVE and status.move(job.recording, "capture_ended", ended_at=clock.now()):
            transitions.change(job, phase=Phase.CAPTURED)
            live.changed(job.recording)
            live.job_changed(job)


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
    relative = storage.part_path(job.pk, EPOCH, index)
    if track.path.name != Path(relative).name:
        track.path.replace(storage.inside(relative))
    with transaction.atomic():
        job = locking.job(job.pk)
        gaps = [{"atSeconds": at / 1000, "lengthSeconds": length / 1000, "cause": GapCause.PUBLISHER_LOST.value} for at, length in track.gaps]
        transitions.change(job, results=job.results | {str(index): result}, gaps=gaps if index == 1 else job.gaps, phase=Phase.CAPTURED)
        now = clock.now()
        facts = {"track_final": final, "sha256": digest, "total": size, "offset": size, "mime_type": joining.MIME_TYPES[track.codec]}
        facts |= {"duration_seconds": result["durationSeconds"], "part_path": relative, "created_at": now, "updated_at": now}
        made, _ = IncomingFile.objects.update_or_create(job=job, claim_epoch=EPOCH, track_index=index, defaults=facts)
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
