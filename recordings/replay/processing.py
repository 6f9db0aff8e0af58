"""Pending clips become files: looked at until the recorder has their out point on disk, cut, hashed, renamed, then one transaction (07 §10)."""

import hashlib
import os
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import F

from config.kernel import clock, later
from config.kernel.access import Perm, system
from recordings import live, verbs
from recordings.jobs.models import Job
from recordings.jobs.states import LIVE as LIVE_JOBS
from recordings.jobs.states import Executor, GapCause
from recordings.library import storage
from recordings.library.models import RecordingFile
from recordings.library.states import FileState
from recordings.replay import clips, cutting, states
from recordings.replay.models import ReplayClip
from recordings.replay.states import ClipStatus, Failure
from recordings.sessions.services import folder_of
from sessions.media import joining

av = later.module("av")
log = structlog.get_logger("recordings.replay")
BATCH = 20
# A worker that dies in the middle gives the clip back after this.
LEASE = timedelta(seconds=30)
_AGAIN = timedelta(milliseconds=400)
_RETRIES = 5
_CODECS = {mime: codec for codec, mime in joining.MIME_TYPES.items()}
_CHUNK = 1 << 20


def run_due() -> dict:
    """One look at every clip whose time has come; `waiting` keeps the loop at its quick pace."""
    open_ones = ReplayClip.objects.filter(status__in=states.OPEN, deleted_at=None)
    now, cut = clock.now(), 0
    for pk, due in list(open_ones.filter(next_at__lte=now).order_by("next_at").values_list("pk", "next_at")[:BATCH]):
        if open_ones.filter(pk=pk, next_at=due).update(status=ClipStatus.CUTTING, next_at=now + LEASE):
            cut += look(pk)
    return {"cut": cut, "waiting": open_ones.count()}


def look(clip_id) -> bool:
    """Cut one clip if it can be cut; whether it is settled."""
    clip = ReplayClip.objects.get(pk=clip_id)
    try:
        return _look(clip)
    except (av.FFmpegError, OSError) as error:
        # Its segments were being joined, or the disk is away: the next look finds the file, or gives up.
        log.warning("clip_not_cut", clip=str(clip.pk), error=type(error).__name__, attempt=clip.attempts + 1)
        if clip.attempts + 1 >= _RETRIES and not isinstance(error, storage.Unavailable):
            return _fail(clip, Failure.SOURCE_UNREADABLE)
        ReplayClip.objects.filter(pk=clip.pk).update(attempts=F("attempts") + 1, next_at=clock.now() + timedelta(seconds=1))
        return False


def _look(clip: ReplayClip) -> bool:
    storage.prepare()
    found, running = _sources(clip)
    in_ms, out_ms = states.unix_ms(clip.in_at), states.unix_ms(clip.out_at)
    may_wait = running and clock.now() < clip.out_at + states.LAST_LOOK
    if may_wait and not cutting.reaches(found, out_ms):
        ReplayClip.objects.filter(pk=clip.pk).update(status=ClipStatus.PENDING, next_at=clock.now() + _AGAIN)
        return False
    if not found:
        return _fail(clip, Failure.SOURCE_GONE)
    part = storage.inside(f"{storage.INCOMING}/clip.{clip.pk}.part")
    made = cutting.cut(found, in_ms, out_ms, part)
    if made is None:
        return _fail(clip, Failure.NO_PICTURE)
    return _store(clip, made, part)


def _sources(clip: ReplayClip) -> tuple[list[joining.Segment], bool]:
    """(what holds its bytes, whether more may come): the recorder's segments while it runs, then the files of the library."""
    job = Job.objects.filter(recording_id=clip.recording_id, executor=Executor.MEDIA, status__in=LIVE_JOBS).select_related("recording").first()
    if job is not None and (segments := joining.segments(folder_of(job.recording))):
        return segments, True
    rows = RecordingFile.objects.filter(recording__session_id=clip.session_id, state=FileState.PRESENT, mime_type__in=_CODECS)
    files = [
        joining.Segment(storage.inside(row.path), states.unix_ms(row.capture_start_at), _CODECS[row.mime_type])
        for row in rows.exclude(capture_start_at=None).order_by("capture_start_at")
    ]
    return files, job is not None


def _store(clip: ReplayClip, made: cutting.Cut, part) -> bool:
    """By its content into `clips/`, then the row; a crash in between leaves a file that the next look replaces."""
    digest = hashlib.sha256()
    with part.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
        os.fsync(handle.fileno())
        size = handle.tell()
    mime_type = joining.MIME_TYPES[made.codec]
    path = f"clips/{clip.pk}.{storage.EXTENSIONS[mime_type]}"
    target = storage.inside(path)
    part.chmod(0o640)
    part.replace(target)
    storage.sync_folder(target.parent)
    storage.write_etag(path, digest.hexdigest())
    gaps = [{"atSeconds": at / 1000, "lengthSeconds": length / 1000, "cause": GapCause.PUBLISHER_LOST.value} for at, length in made.gaps]
    facts = {"path": path, "size": size, "sha256": digest.hexdigest(), "mime_type": mime_type, "gaps": gaps}
    facts |= {"play_from_ms": made.play_from_ms, "duration_ms": made.duration_ms, "ready_at": clock.now()}
    if _settle(clip, ClipStatus.READY, verbs.CLIP_READY, **facts):
        return True
    # Thrown away while it was cut.
    storage.unlink(path)
    storage.unlink(f"{path}.etag")
    return True


def _fail(clip: ReplayClip, failure: Failure) -> bool:
    return _settle(clip, ClipStatus.FAILED, verbs.CLIP_FAILED, failure=failure)


@transaction.atomic
def _settle(clip: ReplayClip, status: ClipStatus, verb: str, **facts) -> bool:
    row = ReplayClip.objects.select_for_update().filter(pk=clip.pk, status__in=states.OPEN, deleted_at=None).first()
    if row is None:
        return False
    for name, value in {**facts, "status": status, "next_at": None}.items():
        setattr(row, name, value)
    row.revision += 1
    row.save()
    clips.audit(verb, row, system(clips.LOOP), Perm.CONTROL_ROOM_OPERATE, outcome="succeeded" if status == ClipStatus.READY else "failed")
    live.clip_changed(row)
    return True
