"""From a whole `.part` to a file of the library: rename, then one transaction; a crash in between is finished by the next caller."""

import hashlib
from datetime import timedelta

import structlog
from django.db import DatabaseError
from django.db.models import F, Q

from config.kernel import clock
from config.kernel.access import Actor, Perm, system
from config.kernel.errors import ApiError
from config.kernel.tasks import after_commit, single_flight
from recordings import live, trail, verbs, worries
from recordings.jobs import locking, transitions
from recordings.jobs.models import Job
from recordings.jobs.states import ACTIVE, Executor, Phase
from recordings.library import status, storage, tracks
from recordings.library.models import Recording, RecordingFile
from recordings.library.states import AnalysisStatus, CacheState, FileRole, FileState
from recordings.locks import patient
from recordings.uploads.hashes import running_hashes
from recordings.uploads.models import IncomingFile

log = structlog.get_logger("uploads")
STALE = timedelta(days=7)
_HASH_CHUNK = 1024**2


def hash_of(relative: str) -> str:
    """SHA-256 of a stored file, read in chunks."""
    digest = hashlib.sha256()
    with storage.open_regular(relative) as handle:
        while chunk := handle.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def store(*, actor: Actor, incoming: IncomingFile) -> tuple[RecordingFile, Job]:
    """Rename a verified `.part` into the library and record it; safe to repeat after a crash at any point."""
    job = Job.objects.select_related("recording", "node").get(pk=incoming.job_id)
    if not incoming.target_path:
        incoming.target_path = storage.library_path(job.recording, job.pk, incoming.track_index, incoming.sha256, incoming.mime_type)
        IncomingFile.objects.filter(pk=incoming.pk).update(target_path=incoming.target_path, updated_at=clock.now())
    _rename(incoming)
    storage.write_etag(incoming.target_path, incoming.sha256)
    with patient():
        return _record(actor, incoming)


def _rename(incoming: IncomingFile) -> None:
    if storage.is_there(incoming.target_path, incoming.total):
        storage.unlink(incoming.part_path)
        return
    try:
        storage.move(incoming.part_path, incoming.target_path)
    except FileNotFoundError as error:
        IncomingFile.objects.filter(pk=incoming.pk).update(target_path="", offset=0)
        raise ApiError("upload_offset_mismatch", data={"offset": 0}) from error


def _record(actor: Actor, incoming: IncomingFile) -> tuple[RecordingFile, Job]:
    """The one transaction: file, job, recording, audit, events; analysis is queued on commit."""
    job = locking.job(incoming.job_id)
    known = RecordingFile.objects.filter(job=job, claim_epoch=incoming.claim_epoch, track_index=incoming.track_index).first()
    if known is not None:
        IncomingFile.objects.filter(pk=incoming.pk).delete()
        return known, job
    recording = locking.recording(tracks.ensure(job, incoming.track_index).pk)
    file = _file(job, recording, incoming)
    own = recording.pk == job.recording_id
    if own:
        job.recording = recording
    choose_primary(recording)
    if not (own and _newer_attempt_is_active(job)):
        status.move(recording, "stored", ended_at=recording.ended_at or clock.now())
    _finish_job(actor, job, incoming)
    IncomingFile.objects.filter(pk=incoming.pk).delete()
    running_hashes.keep(incoming.pk, 0, None)
    facts = {"size": file.size, "sha256": file.sha256, "track_index": file.track_index, "claim_epoch": file.claim_epoch}
    trail.of_recording(verbs.FILE_STORED, recording, actor=actor, permission=Perm.RECORDING_CONTROL, job_id=job.pk, details=facts)
    live.changed(recording)
    live.job_changed(job)
    from recordings.library.tasks import analyse

    after_commit(analyse, str(file.pk))
    return file, job


def _file(job: Job, recording: Recording, incoming: IncomingFile) -> RecordingFile:
    """The row of the file, with what the node told of its track; what it did not tell the analysis measures."""
    now, result = clock.now(), job.results.get(str(incoming.track_index), {})
    return RecordingFile.objects.create(
        recording=recording,
        job=job,
        claim_epoch=incoming.claim_epoch,
        track_index=incoming.track_index,
        role=FileRole.ALTERNATE,
        path=incoming.target_path,
        size=incoming.total,
        sha256=incoming.sha256,
        mime_type=incoming.mime_type,
        file_name=incoming.file_name,
        duration_seconds=result.get("durationSeconds", incoming.duration_seconds),
        capture_start_at=tracks.moment(result.get("captureStartAt")) or tracks.presumed_start(job, recording),
        capture_end_at=tracks.moment(result.get("captureEndAt")),
        stored_at=now,
        analysis_due_at=now,
        playable=True,
    )


def choose_primary(recording: Recording) -> None:
    """The longest file that is present is the recording's own; without any it has none."""
    rows = RecordingFile.objects.filter(recording=recording)
    best = (
        rows.filter(state=FileState.PRESENT).select_related("job").order_by(F("duration_seconds").desc(nulls_last=True), "-size", "stored_at").first()
    )
    if best is None:
        status.change(recording, cache_state=CacheState.MISSING)
        return
    rows.filter(role=FileRole.PRIMARY).exclude(pk=best.pk).update(role=FileRole.ALTERNATE)
    rows.filter(pk=best.pk).update(role=FileRole.PRIMARY)
    reflect(recording, best)


def reflect(recording: Recording, file: RecordingFile) -> None:
    """Show a file's facts on its recording."""
    final = not file.job.command.get("output", {}).get("maxTrackSeconds") or recording.track_total == file.track_index
    status.change(
        recording,
        **tracks.columns(recording, file.job, tracks.Captured.stored(file, final=final)),
        primary_file=file,
        cache_state=CacheState.CACHED if file.state == FileState.PRESENT else CacheState.MISSING,
        size_bytes=file.size,
        playable=file.playable,
        analysis_status=file.analysis_status if file.analysis_status else AnalysisStatus.PENDING,
        waveform_preview=file.waveform_preview,
        loudness=file.loudness,
    )


def _newer_attempt_is_active(job: Job) -> bool:
    return Job.objects.filter(recording_id=job.recording_id, attempt__gt=job.attempt, status__in=ACTIVE).exists()


def _finish_job(actor: Actor, job: Job, incoming: IncomingFile) -> None:
    """The final track completes the job, also one that was given up for lost."""
    transitions.change(job, upload_offset=incoming.total)
    if not incoming.track_final:
        return
    transitions.free_slot(job, clock.now())
    if transitions.move(job, "last_file", phase=Phase.UPLOADED, failure_reason="", failure_detail=""):
        tracks.close(job, incoming.track_index)
        job.recording.refresh_from_db()
        for worry in ("job.lease_lapsed", "job.node_lost", "job.orphaned", "job.failed"):
            worries.over(worry, job.recording)
        trail.of_job(verbs.JOB_COMPLETED, job, actor=actor, permission=Perm.RECORDING_CONTROL)


def verify_and_store(incoming_id) -> bool:
    """Hash a whole `.part` and store it, or throw it away; False if there was nothing to do."""
    incoming = IncomingFile.objects.select_related("job").filter(pk=incoming_id).first()
    if incoming is None:
        return False
    with single_flight(f"upload:{incoming.job_id}.{incoming.claim_epoch}.{incoming.track_index}") as won:
        incoming = IncomingFile.objects.filter(pk=incoming_id).first() if won else None
        if incoming is None:
            return False
        if not incoming.target_path and not _is_whole(incoming):
            log.warning("upload_not_whole", job=str(incoming.job_id), track=incoming.track_index)
            storage.unlink(incoming.part_path)
            incoming.delete()
            return False
        store(actor=system("jobs.finish_uploads"), incoming=incoming)
        return True


def _is_whole(incoming: IncomingFile) -> bool:
    """Whether its `.part` is there and has the announced content; Unavailable if nobody can tell now."""
    storage.check_marker()
    try:
        return hash_of(incoming.part_path) == incoming.sha256
    except storage.Missing:
        return False


def finish_pending() -> dict:
    """Adopt what was renamed or is whole but was not recorded; set aside what nobody continues."""
    if not storage.is_ready():
        return {}
    adopted = 0
    # What a node has sent to the last byte; a session's file is joined anew by its own reconciler.
    received = Q(offset=F("total"), job__executor=Executor.NODE, claim_epoch=F("job__claim_epoch"))
    whole = IncomingFile.objects.filter(received | Q(verifying=True) | ~Q(target_path=""))
    for pk in list(whole.values_list("pk", flat=True)[:200]):
        try:
            adopted += verify_and_store(pk)
        except (ApiError, OSError, DatabaseError) as error:
            log.warning("upload_set_aside", incoming=str(pk), error=str(error).splitlines()[0])
    return {"adopted": adopted, "quarantined": _quarantine_stale()}


def _quarantine_stale() -> int:
    """Parts of jobs that ended, untouched for 7 days: kept in quarantine, no longer waited for."""
    stale = IncomingFile.objects.filter(updated_at__lt=clock.now() - STALE).exclude(job__status__in=ACTIVE).filter(target_path="")
    moved = 0
    for incoming in stale[:200]:
        destination = f"quarantine/{clock.now():%Y-%m-%d}/{incoming.job_id}.{incoming.claim_epoch}.{incoming.track_index}.part"
        try:
            storage.move(incoming.part_path, destination)
            moved += 1
        except FileNotFoundError:
            log.info("upload_part_gone", incoming=str(incoming.pk))
        incoming.delete()
    return moved
