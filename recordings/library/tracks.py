"""Track k of a job is a recording of its own, made when the node first speaks of it. The job belongs to the first of them that is there."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.dateparse import parse_datetime

from recordings.jobs.models import Job
from recordings.jobs.states import Executor, GapCause
from recordings.library import status, text
from recordings.library.models import Recording, RecordingFile
from recordings.library.states import RecordingStatus

# A window is whole with so much less at either end: a tenth of it, never more than 30 s (07 §5), and always what a device takes to open.
LEAST_LACKING_SECONDS, MOST_LACKING_SECONDS = 2.0, 30.0
# What belongs to the whole job and is the same in each of its tracks.
_SHARED = (
    "kind", "source", "folder", "tags", "notes", "planned_start_at", "planned_end_at", "node_id", "node_label", "interface_id", "interface_label",
    "session_id", "session_label", "schedule_id", "schedule_label", "occurrence_key", "profile_id", "profile_label", "upload_policy_id",
    "retention_policy_id", "watchdog_policy_id", "created_by", "clock_corrected",
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
    """Times, duration, flags and gaps of a track that the node closed, until its file tells; True if the recording changed."""
    told = columns(recording, job, Captured.reported(result)) if recording.primary_file_id is None else {}
    changes = {name: value for name, value in told.items() if getattr(recording, name) != value}
    if changes:
        status.change(recording, **changes)
    if recording.pk != job.recording_id:
        return status.move(recording, "capture_ended") or bool(changes)
    return bool(changes)


@dataclass(frozen=True)
class Captured:
    """One closed track, as the node told of it or as its file shows.

    began, ended, seconds  None: unknown
    final                  the last track of its job
    admitted               the node itself calls it partial
    """

    index: int
    final: bool
    began: datetime | None
    ended: datetime | None
    seconds: float | None
    admitted: bool

    @classmethod
    def reported(cls, result: dict) -> "Captured":
        """An entry of the job heartbeat's `results` (06 §7)."""
        began, ended = moment(result["captureStartAt"]), moment(result["captureEndAt"])
        return cls(result["trackIndex"], result["final"], began, ended, result["durationSeconds"], result["partial"])

    @classmethod
    def stored(cls, file: RecordingFile, *, final: bool) -> "Captured":
        """A file of the library; `final` where the node has not told."""
        told = file.job.results.get(str(file.track_index), {})
        began, ended, seconds = file.capture_start_at, file.capture_end_at, file.duration_seconds
        if ended is None and began is not None and seconds is not None:
            ended = began + timedelta(seconds=seconds)
        return cls(file.track_index, told.get("final", final), began, ended, seconds, told.get("partial", False))


def columns(recording: Recording, job: Job, captured: Captured) -> dict:
    """What a closed track says of its recording."""
    gaps = gaps_within(job, captured.began, captured.seconds)
    reasons = partial_reasons(job, captured, gaps)
    return {
        "recorded_at": captured.began or recording.recorded_at,
        "sort_at": captured.began or recording.sort_at,
        "ended_at": captured.ended or recording.ended_at,
        "duration_seconds": recording.duration_seconds if captured.seconds is None else captured.seconds,
        "gaps": gaps,
        "partial": captured.admitted or bool(reasons),
        "partial_reasons": reasons,
    }


def partial_reasons(job: Job, captured: Captured, gaps: list[dict]) -> list[str]:
    """Why not all of what was asked for is in the file; empty if it is, as far as anybody knows."""
    late, short = lacking(job, captured, sum(gap["lengthSeconds"] for gap in gaps if gap["cause"] == GapCause.LATE_START))
    stopped = captured.final and job.stop_at and job.capture_end_at and job.stop_at < job.capture_end_at
    found = {"operator_stop": stopped, "late_start": late, "gap": short or any(gap["cause"] != GapCause.LATE_START for gap in gaps)}
    return [reason for reason, holds in found.items() if holds]


def lacking(job: Job, captured: Captured, told_late: float) -> tuple[bool, bool]:
    """Whether too much of the window is missing (before the first sample, after the last); `told_late`: seconds of silence that stand for a late start.

    A session is recorded while its media flows, so there is nothing that its own gaps leave out.
    """
    if job.executor != Executor.NODE or captured.began is None:
        return False, False
    window = (job.capture_end_at - job.capture_start_at).total_seconds() if job.capture_end_at else math.inf
    tolerated = min(MOST_LACKING_SECONDS, max(LEAST_LACKING_SECONDS, window / 10))
    late = captured.index == 1 and max(told_late, (captured.began - job.capture_start_at).total_seconds()) > tolerated
    ends = [at for at in (job.capture_end_at, job.stop_at) if at is not None]
    if not (captured.final and ends) or captured.seconds is None:
        return late, False
    return late, (min(ends) - captured.began).total_seconds() - captured.seconds > tolerated


def presumed_start(job: Job, recording: Recording) -> datetime:
    """When a track of which the node told nothing began: with the window or the claim, a later one where the one before it ended."""
    before = Recording.objects.filter(track_group_id=recording.track_group_id, track_index=recording.track_index - 1)
    ended = before.values_list("ended_at", flat=True).first() if recording.track_group_id else None
    return ended or max(job.capture_start_at, job.claimed_at or job.capture_start_at)


def gaps_within(job: Job, began: datetime | None, seconds: float | None) -> list[dict]:
    """The job's gaps that fall into one track, in the track's own time."""
    if not job.command.get("output", {}).get("maxTrackSeconds") or began is None or seconds is None:
        return job.gaps
    # The job's own time begins with its first sample.
    first = job.results.get("1")
    offset = (began - (moment(first["captureStartAt"]) if first else job.capture_start_at)).total_seconds()
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
