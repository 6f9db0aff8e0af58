"""What can be done to a recording now, and why not: the write, `/actions` and the button ask these functions."""

from config.kernel.access import Perm
from config.kernel.actions import Action
from recordings.jobs import retrying, stopping
from recordings.library.models import Recording, RecordingFile
from recordings.library.states import AnalysisStatus, FileState
from recordings.retention import disposal
from recordings.retention.states import person_blocker


def _path(recording: Recording, rest: str) -> str:
    return f"/api/v1/recordings/{recording.pk}{rest}"


def stop(recording: Recording) -> Action:
    return Action("POST", Perm.RECORDING_CONTROL, _path(recording, "/stop"), code=stopping.refusal(stopping.job_of(recording)))


def retry_job(recording: Recording) -> Action:
    """On the newest job."""
    job = stopping.job_of(recording)
    refused = retrying.refusal(job) if job else None
    code = refused.code if refused else None if job else "job_not_retryable"
    href = f"/api/v1/recording-jobs/{job.pk}/retry" if job else None
    return Action("POST", Perm.RECORDING_CONTROL, href, code=code, data=refused.data if refused else None)


def cached_file(recording: Recording, file_id=None) -> RecordingFile | None:
    """The file asked for, else the primary one; None if there is none."""
    rows = RecordingFile.objects.filter(recording=recording)
    return rows.filter(pk=file_id).first() if file_id else rows.filter(pk=recording.primary_file_id).first()


def playback(recording: Recording, file: RecordingFile | None) -> Action:
    href = _path(recording, "/playback")
    if file is None or file.state != FileState.PRESENT:
        return Action("POST", Perm.RECORDING_PLAYBACK, href, code="recording_not_cached")
    if not file.playable:
        return Action("POST", Perm.RECORDING_PLAYBACK, href, code="recording_unplayable")
    if needs_rendition(file) and not file.rendition_path:
        failed = file.analysis_status != AnalysisStatus.PENDING
        return Action("POST", Perm.RECORDING_PLAYBACK, href, code="recording_unplayable" if failed else "rendition_pending")
    return Action("POST", Perm.RECORDING_PLAYBACK, href)


def needs_rendition(file: RecordingFile) -> bool:
    """Audio that no browser plays: more than two channels, or 32-bit WAV. Before the analysis the job's order tells."""
    output = file.job.command.get("output", {})
    entries = file.job.command.get("channelMap", {})
    multichannel = entries.get("mode") == "multichannel" and len(entries.get("entries", [])) > 2
    channels = file.channels if file.channels is not None else 3 if multichannel else 1
    return channels > 2 or (file.mime_type == "audio/wav" and output.get("bitDepth") == 32)


def download(recording: Recording, file: RecordingFile | None) -> Action:
    missing = file is None or file.state != FileState.PRESENT
    return Action("POST", Perm.RECORDING_DOWNLOAD, _path(recording, "/download"), code="recording_not_cached" if missing else None)


def edit_metadata(recording: Recording) -> Action:
    return Action("PATCH", Perm.RECORDING_EDIT, _path(recording, "/metadata"))


def delete(recording: Recording) -> Action:
    return Action("DELETE", Perm.RECORDING_DELETE, _path(recording, ""), code=person_blocker(disposal.facts(recording)))


def restore(recording: Recording) -> Action:
    return Action("POST", Perm.RECORDING_DELETE, _path(recording, "/restore"), code=None if recording.deleted_at else "not_in_trash")


def of(recording: Recording) -> dict[str, Action]:
    """Every action of a recording, in the order of the console."""
    file = cached_file(recording)
    return {
        "stop": stop(recording),
        "retryJob": retry_job(recording),
        "playback": playback(recording, file),
        "download": download(recording, file),
        "editMetadata": edit_metadata(recording),
        "delete": delete(recording),
        "restore": restore(recording),
    }
