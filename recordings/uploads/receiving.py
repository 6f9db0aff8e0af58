"""Take in a file part by part: append under the file's lock, sync, count; the last part makes it a file of the library."""

import errno
import hashlib
import os

from django.http import UnreadablePostError

from config.kernel import clock
from config.kernel.access import Actor
from config.kernel.errors import ApiError
from config.kernel.tasks import after_commit, single_flight
from recordings.jobs.models import Job
from recordings.library import storage
from recordings.library.models import RecordingFile
from recordings.uploads import storing
from recordings.uploads.hashes import running_hashes
from recordings.uploads.models import IncomingFile
from recordings.uploads.request import Offer, Track

CHUNK_BYTES = 1024**2
READ_BACK_LIMIT_BYTES = 1024**3


def find_job(node_id, recording_id, track: Track) -> Job:
    """The node's own job that captures this recording; 404 for any other."""
    job = Job.objects.select_related("recording", "node").filter(pk=track.job_id, node_id=node_id).first()
    if job is None:
        raise ApiError("not_found")
    if job.recording_id != recording_id:
        group = job.recording.track_group_id
        same_group = group is not None and type(job.recording).objects.filter(pk=recording_id, track_group_id=group, track_index=track.index).exists()
        if not same_group:
            raise ApiError("not_found")
    return job


def stored(job: Job, track: Track) -> RecordingFile | None:
    """What is in the library already for this attempt and track."""
    return RecordingFile.objects.filter(job=job, track_index=track.index).order_by("-claim_epoch").first()


def state(job: Job, track: Track, file_sha256: str | None = None) -> tuple[str, int, int | None, str | None]:
    """(Upload-State, Upload-Offset, Upload-Length, sha256 when complete). Of another content than the caller's nothing counts: it starts over."""
    if done := stored(job, track):
        return "complete", done.size, done.size, done.sha256
    incoming = _incoming(job, track)
    if incoming is None or (file_sha256 and incoming.sha256 != file_sha256):
        return "none", 0, None, None
    return "verifying" if incoming.verifying else "partial", _offset(incoming), incoming.total, None


def _incoming(job: Job, track: Track) -> IncomingFile | None:
    return IncomingFile.objects.filter(job=job, claim_epoch=track.claim_epoch, track_index=track.index).first()


def _offset(incoming: IncomingFile) -> int:
    """Bytes counted and really there: a part file that was lost starts over."""
    if incoming.target_path:
        return incoming.total
    try:
        size = storage.inside(incoming.part_path).stat().st_size
    except OSError:
        return 0
    return min(incoming.offset, size)


def receive(*, actor: Actor, node_id, recording_id, offer: Offer, body) -> tuple[int, dict]:
    """(status, facts): 201 or 200 {file, job}, 202 {offset} or {verifying}. `body.read(n)` gives the part's bytes.

    ApiError not_found, claim_superseded, recording_has_other_file, upload_busy, upload_offset_mismatch, upload_changed, checksum_mismatch,
    storage_full, content_range_invalid (the body ended early; what arrived is kept), not_ready (the media root is not there).
    """
    job = find_job(node_id, recording_id, offer.track)
    if done := _already(job, offer):
        return 200, {"file": done, "job": job}
    with single_flight(f"upload:{job.pk}.{offer.track.claim_epoch}.{offer.track.index}") as won:
        if not won:
            raise ApiError("upload_busy", headers={"Retry-After": "1"})
        try:
            storage.prepare()
            return _receive(actor, job, offer, body)
        except storage.Unavailable as error:
            raise ApiError("not_ready", "The media storage is not there. The file can't be stored now.", headers={"Retry-After": "30"}) from error


def _already(job: Job, offer: Offer) -> RecordingFile | None:
    done = stored(job, offer.track)
    if done is not None and done.sha256 != offer.file_sha256 and done.claim_epoch == offer.track.claim_epoch:
        raise ApiError("recording_has_other_file", data={"sha256": done.sha256})
    if done is not None and done.sha256 == offer.file_sha256:
        return done
    if offer.track.claim_epoch != job.claim_epoch or job.claim_id is None:
        raise ApiError("claim_superseded", data={"claim_epoch": job.claim_epoch})
    return None


def _receive(actor: Actor, job: Job, offer: Offer, body) -> tuple[int, dict]:
    if done := _already(job, offer):
        return 200, {"file": done, "job": job}
    incoming = _begin(job, offer)
    if not incoming.target_path:
        _append(incoming, offer, body)
        if incoming.offset < incoming.total:
            return 202, {"offset": incoming.offset}
        if incoming.verifying or not _whole_is_right(incoming):
            return 202, {"verifying": True}
    file, job = storing.store(actor=actor, incoming=incoming)
    return 201, {"file": file, "job": job}


def _begin(job: Job, offer: Offer) -> IncomingFile:
    """The row of this upload at the offset of this part; another content from offset 0 starts over."""
    incoming, part = _incoming(job, offer.track), offer.part
    if incoming is not None and incoming.target_path and incoming.sha256 == offer.file_sha256:
        return incoming
    if incoming is not None and (incoming.sha256, incoming.total) != (offer.file_sha256, part.total):
        if part.start:
            raise ApiError("upload_changed", data={"digest": incoming.sha256})
        _discard(incoming)
        incoming = None
    if incoming is None:
        if part.start:
            raise ApiError("upload_offset_mismatch", data={"offset": 0})
        incoming = _new(job, offer)
    incoming.offset = _offset(incoming)
    last_again = incoming.offset == incoming.total and part.is_last
    if part.start != incoming.offset and not last_again:
        raise ApiError("upload_offset_mismatch", data={"offset": incoming.offset})
    _demand_space(incoming.total - incoming.offset)
    return incoming


def _new(job: Job, offer: Offer) -> IncomingFile:
    now = clock.now()
    which = offer.track
    return IncomingFile.objects.create(
        job=job,
        claim_epoch=which.claim_epoch,
        track_index=which.index,
        track_final=which.final,
        sha256=offer.file_sha256,
        total=offer.part.total,
        mime_type=offer.mime_type,
        file_name=offer.file_name,
        duration_seconds=offer.duration_seconds,
        part_path=storage.part_path(job.pk, which.claim_epoch, which.index),
        created_at=now,
        updated_at=now,
    )


def _discard(incoming: IncomingFile) -> None:
    storage.unlink(incoming.part_path)
    running_hashes.keep(incoming.pk, 0, None)
    incoming.delete()


def _demand_space(wanted: int) -> None:
    """507 unless what is to come and 5 % of it fit; a disk that can't be asked counts as full."""
    try:
        free, _ = storage.free_bytes()
    except OSError:
        free = 0
    if free < wanted + wanted // 20:
        raise ApiError("storage_full", headers={"Retry-After": "60"})


def _append(incoming: IncomingFile, offer: Offer, body) -> None:
    """Write the part behind what is there. A part that hashes wrong leaves no byte; one that breaks off leaves what arrived."""
    start = incoming.offset
    if start == incoming.total:
        return
    whole = running_hashes.at(incoming.pk, start)
    part = hashlib.sha256()
    with storage.open_part(incoming.part_path) as handle:
        handle.truncate(start)
        handle.seek(start)
        try:
            received = _copy(body, handle, offer.part.length, [part, whole] if whole else [part])
            if received == offer.part.length and part.hexdigest() != offer.part_sha256:
                handle.truncate(start)
                raise ApiError("checksum_mismatch", data={"scope": "part", "offset": start}, transient=True)
            handle.flush()
            os.fsync(handle.fileno())
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            handle.truncate(start)
            raise ApiError("storage_full", headers={"Retry-After": "60"}) from error
    _count(incoming, start + received)
    running_hashes.keep(incoming.pk, incoming.offset, whole)
    if received < offer.part.length:
        raise ApiError("content_range_invalid", "The body ended before the announced length.", data={"offset": incoming.offset})


def _copy(body, handle, length: int, hashes: list) -> int:
    received = 0
    while received < length:
        try:
            chunk = body.read(min(CHUNK_BYTES, length - received))
        except UnreadablePostError:
            break
        if not chunk:
            break
        handle.write(chunk)
        for one in hashes:
            one.update(chunk)
        received += len(chunk)
    return received


def _count(incoming: IncomingFile, offset: int) -> None:
    incoming.offset = offset
    IncomingFile.objects.filter(pk=incoming.pk).update(offset=offset, updated_at=clock.now())


def _whole_is_right(incoming: IncomingFile) -> bool:
    """True if the whole file hashes right; False if that takes long and was queued. ApiError checksum_mismatch {scope: file}."""
    running = running_hashes.at(incoming.pk, incoming.total)
    if running is None and incoming.total > READ_BACK_LIMIT_BYTES:
        IncomingFile.objects.filter(pk=incoming.pk).update(verifying=True)
        from recordings.uploads.tasks import verify

        after_commit(verify, str(incoming.pk))
        return False
    digest = running.hexdigest() if running else storing.hash_of(incoming.part_path)
    if digest != incoming.sha256:
        _discard(incoming)
        raise ApiError("checksum_mismatch", data={"scope": "file", "offset": 0})
    return True
