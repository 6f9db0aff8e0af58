"""Track k of a job is a recording of its own, made when the node first speaks of it. The job belongs to the first of them that is there."""

from datetime import datetime

from django.utils.dateparse import parse_datetime

from recordings.jobs.models import Job
from recordings.library import status, text
from recordings.library.models import Recording
from recordings.library.states import RecordingStatus

# What belongs to the whole job and is the same in each of its tracks.
_SHARED = (
    "kind", "source", "folder", "tags", "notes", "planned_start_at", "planned_end_at", "node_id", "node_label", "interface_id", "interface_label",
    "session_id", "session_label", "schedule_id", "schedule_label", "occurrence_key", "profile_id", "profile_label", "upload_policy_id",
    "retention_policy_id", "watchdog_policy_id", "created_by",
)  # fmt: skip


def ensure(job: Job, index: int) -> Recording:
    """The recording of track `index`; called with the job's row locked, so it is made once."""
    first = job.recording
    if index == first.track_index:
        return first
    if first.track_group_id is None:
        status.change(first, track_group_id=first.pk)
    found = Recording.objects.filter(track_group_id=first.track_group_id, track_index=index).first()
    if found is not None:
        return found
    made = Recording(
        **{name: getattr(first, name) for name in _SHARED},
        name=f"{first.name[:230]} ({index})",
        status=RecordingStatus.RECORDING,
        sort_at=first.sort_at,
        track_group_id=first.track_group_id,
        track_index=index,
    )
    text.index(made)
    made.save(force_insert=True)
    return made


def bequeath(recording: Recording) -> None:
    """Before a locked recording is removed: its jobs go to the next track that is there, because they are where that one's file comes from."""
    if recording.track_group_id is None:
        return
    others = Recording.objects.select_for_update(of=("self",)).filter(track_group_id=recording.track_group_id).exclude(pk=recording.pk)
    if (heir := others.order_by("track_index").first()) is not None:
        Job.objects.filter(recording=recording).update(recording=heir)


def apply_result(recording: Recording, job: Job, result: dict) -> bool:
    """Times, duration, flags and gaps of a closed track; True if the recording changed."""
    began, ended = moment(result.get("captureStartAt")), moment(result.get("captureEndAt"))
    changes = {
        "recorded_at": began or recording.recorded_at,
        "ended_at": ended or recording.ended_at,
        "duration_seconds": result.get("durationSeconds", recording.duration_seconds),
        "gaps": gaps_within(job, began, result.get("durationSeconds")),
    }
    changes["sort_at"] = changes["recorded_at"] or recording.sort_at
    changes["partial"], changes["partial_reasons"] = partiality(job, result, changes["gaps"])
    changes = {name: value for name, value in changes.items() if getattr(recording, name) != value}
    if changes:
        status.change(recording, **changes)
    if recording.pk != job.recording_id:
        return status.move(recording, "capture_ended") or bool(changes)
    return bool(changes)


def partiality(job: Job, result: dict, gaps: list[dict]) -> tuple[bool, list[str]]:
    """(partial, reasons): not all of what was asked for is in the file."""
    reasons = []
    if job.stop_requested_at and job.capture_end_at and job.stop_at and job.stop_at < job.capture_end_at:
        reasons.append("operator_stop")
    if any(gap.get("cause") == "late_start" for gap in gaps):
        reasons.append("late_start")
    if any(gap.get("cause") != "late_start" for gap in gaps):
        reasons.append("gap")
    return bool(result.get("partial")) or bool(reasons), reasons


def gaps_within(job: Job, began: datetime | None, seconds: float | None) -> list[dict]:
    """The job's gaps that fall into one track, in the track's own time."""
    if not job.command.get("output", {}).get("maxTrackSeconds") or began is None or seconds is None:
        return job.gaps
    offset = (began - job.capture_start_at).total_seconds()
    inside = [gap for gap in job.gaps if offset <= gap["atSeconds"] < offset + seconds]
    return [{**gap, "atSeconds": round(gap["atSeconds"] - offset, 3)} for gap in inside]


def moment(value) -> datetime | None:
    """A stored wire time."""
    return parse_datetime(value) if isinstance(value, str) else value


def close(job: Job, last: int) -> None:
    """The job's last track is known: say how many there are."""
    group = job.recording.track_group_id
    rows = Recording.objects.filter(track_group_id=group) if group else Recording.objects.filter(pk=job.recording_id)
    rows.update(track_total=last)
