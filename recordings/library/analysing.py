"""Run the analysis of one file and write down what it found; tries again after 1, 5 and 30 minutes, then gives up and says so."""

import hashlib
import os
from datetime import timedelta

import structlog
from django.db import transaction

from config.kernel import clock, later
from config.kernel.tasks import single_flight
from recordings import live, worries
from recordings.library import missing, storage
from recordings.library.actions import needs_rendition
from recordings.library.models import Recording, RecordingFile
from recordings.library.states import AnalysisStatus, FileState
from recordings.uploads import storing

analysis = later.module("recordings.library.analysis")
log = structlog.get_logger("analysis")
RETRIES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
BATCH = 20


def due() -> list:
    """Ids of files to analyse now, oldest first."""
    rows = RecordingFile.objects.filter(analysis_due_at__lte=clock.now(), state=FileState.PRESENT)
    return list(rows.order_by("analysis_due_at").values_list("pk", flat=True)[:BATCH])


def run(file_id) -> bool:
    """Analyse a file if that is still to be done; True if it was."""
    with single_flight(f"analyse:{file_id}") as won:
        file = (
            RecordingFile.objects.select_related("recording__profile", "job").filter(pk=file_id, analysis_due_at__isnull=False).first()
            if won
            else None
        )
        if file is None or file.state != FileState.PRESENT:
            return False
        try:
            _analyse(file)
        except storage.Missing as error:
            missing.report(file.recording, file, error)
            _try_later(file, error)
        except analysis.Undecodable as error:
            _write(file, {"analysis_status": AnalysisStatus.FAILED, "analysis_due_at": None, "playable": False, "analysis_error": str(error)[:500]})
            text = f"{file.recording.name}: the file arrived whole but can't be decoded. It is kept."
            with transaction.atomic():
                worries.about_recording("recording.unplayable", worries.CRITICAL, text, file.recording, fileId=str(file.pk))
        except (OSError, MemoryError, ArithmeticError) as error:
            log.warning("analysis_failed", file=str(file.pk), error=str(error)[:200])
            _try_later(file, error)
        return True


def _analyse(file: RecordingFile) -> None:
    recording = file.recording
    rendition = storage.derived_path(recording.pk, file.sha256, "mp3")
    temporary = storage.inside(f"{rendition}.part")
    made = []

    def rendition_path(channels: int, codec: str) -> str | None:
        file.channels = channels
        if not needs_rendition(file):
            return None
        storage.check_marker()
        temporary.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        made.append(temporary)
        return str(temporary)

    with storage.open_regular(file.path, size=file.size) as handle:
        try:
            found = analysis.analyse(handle, silence=recording.profile.silence_detection, rendition_path=rendition_path)
        except analysis.Silent:
            _write(file, {"playable": True, "analysis_status": AnalysisStatus.READY, "analysis_due_at": None, "analysis_error": ""})
            return
    changes = _columns(file, found)
    if made:
        changes |= _keep_rendition(temporary, rendition)
    _write(file, changes)


def _columns(file: RecordingFile, found: "analysis.Findings") -> dict:
    peaks_path = storage.derived_path(file.recording_id, file.sha256, "peaks")
    storage.write_whole(peaks_path, found.peaks)
    is_video = file.mime_type.startswith("video/") and file.duration_seconds is not None
    return {
        "codec": found.codec,
        "sample_rate": found.sample_rate,
        "channels": found.channels,
        "frames": found.frames,
        # Sound with gaps in it is shorter than its picture.
        "duration_seconds": file.duration_seconds if is_video else round(found.duration_seconds, 3),
        "loudness": found.loudness,
        "silent_spans": found.silent_spans,
        "waveform_preview": {"peaks": found.preview, "channelCount": found.channels, "sampleRate": found.sample_rate, "sampleCount": found.frames},
        "peaks_path": peaks_path,
        "playable": True,
        "analysis_status": AnalysisStatus.READY,
        "analysis_due_at": None,
        "analysis_error": "",
    }


def _keep_rendition(temporary, relative: str) -> dict:
    digest = hashlib.sha256()
    with open(temporary, "rb") as handle:
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
        os.fsync(handle.fileno())
    size = temporary.stat().st_size
    temporary.replace(storage.inside(relative))
    storage.write_etag(relative, digest.hexdigest())
    return {"rendition_path": relative, "rendition_mime_type": "audio/mpeg", "rendition_size": size, "rendition_sha256": digest.hexdigest()}


def _try_later(file: RecordingFile, error: Exception) -> None:
    tries = file.analysis_attempts
    changes = {"analysis_attempts": tries + 1, "analysis_error": str(error)[:500]}
    if tries < len(RETRIES):
        _write(file, {**changes, "analysis_due_at": clock.now() + RETRIES[tries]})
        return
    _write(file, {**changes, "analysis_due_at": None, "analysis_status": AnalysisStatus.FAILED})
    text = f"{file.recording.name}: the waveform could not be computed. The file itself is safe."
    with transaction.atomic():
        worries.about_recording("recording.analysis_failed", worries.WARNING, text, file.recording, fileId=str(file.pk))


def _write(file: RecordingFile, changes: dict) -> None:
    """On the file and, if it is the primary one, on its recording."""
    with transaction.atomic():
        recording = Recording.objects.select_for_update(of=("self",)).filter(pk=file.recording_id).first()
        if recording is None or not RecordingFile.objects.filter(pk=file.pk).update(**changes):
            return
        file.refresh_from_db()
        before = recording.primary_file_id
        if file.state == FileState.PRESENT:
            storing.choose_primary(recording)
        if file.pk in {before, recording.primary_file_id}:
            live.changed(recording)
