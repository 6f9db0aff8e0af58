"""A job on this machine: its write-ahead state, its timeline, its tracks.

    claimed → capturing → captured → rendered → uploading → uploaded → done

state.json is replaced durably before the device is opened and at every phase. The answer to the
claim lies beside it, never rewritten, so that a torn state can be rebuilt from it and the sidecars.
"""

import logging
import re
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nodes.agent import durable
from nodes.agent import segments as segment_files
from nodes.agent.clock import parse_time

log = logging.getLogger("tallyroom.agent.jobs")

PHASES = ("claimed", "capturing", "captured", "rendered", "uploading", "uploaded", "done")
VERSION = 1
ROLL_SHARE = 0.95
DEFAULT_MAX_FILE_BYTES = 68_719_476_736
#: What one report may hold.
MAX_GAPS, MAX_LISTED = 2000, 1000


@dataclass
class Track:
    """One file of the recording. state: open → rendered → uploaded | refused."""

    index: int
    cell: int
    first_frame: int
    frames: int = 0
    final: bool = False
    path: str | None = None
    sha256: str | None = None
    size_bytes: int = 0
    offset: int = 0
    state: str = "open"
    partial: bool = False
    peak_dbfs: float | None = None
    lufs_integrated: float | None = None
    render_fallback: str | None = None


@dataclass
class Gap:
    """Frames of silence that stand for samples nobody got."""

    at_frame: int
    frames: int
    cause: str


@dataclass
class Job:
    """All that is known; `save` is safe from any thread."""

    folder: Path
    job_id: str
    recording_id: str
    claim_id: str
    claim_epoch: int
    attempt: int
    command: dict
    capture_start_at: str
    capture_end_at: str | None = None
    stop: dict | None = None
    phase: str = "claimed"
    clock_offset_ms: float = 0.0
    clock_corrected: bool = False
    sample_rate: int = 0
    first_frame_utc: float | None = None
    end_frame: int | None = None
    drift_ppm: float | None = None
    ended_early: bool = False
    refused: str | None = None
    segments: list[segment_files.Segment] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    max_file_bytes: int = DEFAULT_MAX_FILE_BYTES
    segment_total: int = 0
    xruns: int = 0
    frames_captured: int = 0
    bytes_written: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.RLock()

    # -- window --------------------------------------------------------------------------------

    @property
    def start_utc(self) -> float:
        return parse_time(self.capture_start_at)

    @property
    def end_utc(self) -> float | None:
        """The end of the window; None: until stopped."""
        return None if self.capture_end_at is None else parse_time(self.capture_end_at)

    @property
    def holds_slot(self) -> bool:
        return self.phase in ("claimed", "capturing")

    @property
    def segment_folder(self) -> Path:
        return self.folder / "seg"

    @property
    def render_folder(self) -> Path:
        return self.folder / "render"

    # -- timeline ------------------------------------------------------------------------------

    @property
    def next_frame(self) -> int:
        """Where the next captured frame goes if nothing was missed."""
        with self.lock:
            ends = [segment.end_frame for segment in self.segments[-1:]]
            ends += [track.first_frame + track.frames for track in self.tracks[-1:]]
            return max(ends, default=0)

    @property
    def output(self) -> dict:
        return self.command.get("output") or {}

    def track_frames(self) -> int:
        """Frames of a full track: maxTrackSeconds, or what fits in 95 % of the largest file."""
        channels = max(1, int(self.command.get("channels") or 1))
        raw = channels * 4 if self.output.get("codec", "wav") == "wav" else channels * 3
        limit = int(self.max_file_bytes * ROLL_SHARE) // raw
        seconds = self.output.get("maxTrackSeconds") or 0
        wanted = round(seconds * self.sample_rate)
        return max(1, min(wanted, limit) if wanted else limit)

    def _first_cell_frames(self) -> int:
        full = self.track_frames()
        if self.output.get("trackAlign") != "clock" or self.first_frame_utc is None:
            return full
        period = full / self.sample_rate
        return max(1, round((period - self.first_frame_utc % period) * self.sample_rate))

    def cell_of(self, frame: int) -> int:
        """Which track's stretch of the timeline a frame lies in, from 0."""
        first = self._first_cell_frames()
        return 0 if frame < first else 1 + (frame - first) // self.track_frames()

    def cell_start(self, cell: int) -> int:
        return 0 if cell == 0 else self._first_cell_frames() + (cell - 1) * self.track_frames()

    def gap_report(self) -> list[dict]:
        """The wire's `gaps`, the newest of too many."""
        rate = self.sample_rate or 1
        with self.lock:
            return [
                {
                    "atSeconds": round(gap.at_frame / rate, 3),
                    "lengthSeconds": round(gap.frames / rate, 3),
                    "cause": gap.cause,
                }
                for gap in self.gaps[-MAX_GAPS:]
            ]

    # -- persistence ---------------------------------------------------------------------------

    def move(self, phase: str) -> None:
        """Enter a later phase, durably."""
        if PHASES.index(phase) <= PHASES.index(self.phase):
            return
        with self.lock:
            self.phase = phase
            self.save()

    def save(self) -> None:
        with self.lock:
            durable.write_json(self.folder / "state.json", self._to_json())

    def _to_json(self) -> dict:
        return {
            "v": VERSION,
            "jobId": self.job_id,
            "recordingId": self.recording_id,
            "claimId": self.claim_id,
            "claimEpoch": self.claim_epoch,
            "attempt": self.attempt,
            "phase": self.phase,
            "command": self.command,
            "captureStartAt": self.capture_start_at,
            "captureEndAt": self.capture_end_at,
            "stop": self.stop,
            "clockOffsetMs": self.clock_offset_ms,
            "clockCorrected": self.clock_corrected,
            "sampleRate": self.sample_rate,
            "firstFrameUtc": self.first_frame_utc,
            "endFrame": self.end_frame,
            "driftPpm": self.drift_ppm,
            "endedEarly": self.ended_early,
            "refused": self.refused,
            "maxFileBytes": self.max_file_bytes,
            "segmentTotal": self.segment_total,
            "framesCaptured": self.frames_captured,
            "bytesWritten": self.bytes_written,
            "segments": [segment.index for segment in self.segments],
            "gaps": [_camel(asdict(gap)) for gap in self.gaps],
            "tracks": [_camel(asdict(track)) for track in self.tracks],
        }


class JobStore:
    """The folder `jobs/`."""

    def __init__(self, data_dir: Path):
        self.root = durable.make_private(data_dir / "jobs")
        self.quarantine_root = durable.make_private(data_dir / "quarantine")

    def create(self, wire: dict, *, clock_offset_seconds: float, max_file_bytes: int) -> Job:
        """Write a claimed job down, durably, before anything else happens."""
        folder = durable.make_private(self.root / _safe_id(wire["id"]))
        durable.make_private(folder / "seg")
        durable.make_private(folder / "render")
        durable.write_json(folder / "claim.json", wire)
        job = _from_claim(folder, wire)
        job.clock_offset_ms = round(clock_offset_seconds * 1000, 3)
        job.max_file_bytes = max_file_bytes
        job.save()
        durable.fsync_directory(self.root)
        return job

    def load_all(self) -> tuple[list[Job], list[str]]:
        """Every job, and the ids of those whose state had to be rebuilt."""
        jobs, rebuilt = [], []
        for folder in sorted(path for path in self.root.iterdir() if path.is_dir()):
            job, torn = load(folder)
            if job is not None:
                jobs.append(job)
                if torn:
                    rebuilt.append(job.job_id)
        return jobs, rebuilt

    def has_claim(self, claim_id: str) -> bool:
        for path in self.root.glob("*/claim.json"):
            try:
                if (durable.read_json(path) or {}).get("claimId") == claim_id:
                    return True
            except ValueError:
                continue
        return False

    def quarantine(self, job: Job) -> None:
        """Set a job's files aside for a person; nothing removes them automatically."""
        target = self.quarantine_root / job.folder.name
        if target.exists():
            target = self.quarantine_root / f"{job.folder.name}.{durable.uuid7()[-6:]}"
        job.folder.rename(target)
        job.folder = target
        durable.fsync_directory(self.root)
        durable.fsync_directory(self.quarantine_root)

    def quarantined(self) -> list[dict]:
        """The heartbeat's `quarantine`: what lies there, by its files' own record."""
        entries = []
        folders = sorted(path for path in self.quarantine_root.iterdir() if path.is_dir())
        for folder in folders[:MAX_LISTED]:
            try:
                state = durable.read_json(folder / "state.json") or {}
            except ValueError:
                state = {}
            tracks = [track for track in state.get("tracks", []) if track.get("sha256")]
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            entries.append(
                {
                    "jobId": state.get("jobId", folder.name.partition(".")[0]),
                    "bytes": size,
                    "sha256": tracks[-1]["sha256"] if tracks else None,
                }
            )
        return entries

    def remove(self, job: Job) -> None:
        durable.remove_tree(job.folder)


def load(folder: Path) -> tuple[Job | None, bool]:
    """(job, whether its state was torn and had to be rebuilt from claim and sidecars)."""
    try:
        state = durable.read_json(folder / "state.json")
        if state is not None:
            return _from_state(folder, state), False
    except (ValueError, KeyError, TypeError):
        (folder / "state.json").rename(folder / "state.bad")
    try:
        wire = durable.read_json(folder / "claim.json")
    except ValueError:
        wire = None
    if wire is None:
        log.error("%s: neither state nor claim can be read; left as it is", folder.name)
        return None, True
    return _rebuild(folder, wire), True


def _rebuild(folder: Path, wire: dict) -> Job:
    job = _from_claim(folder, wire)
    job.segments = segment_files.recover(job.segment_folder)
    if job.segments:
        job.phase, end = "capturing", 0
        for segment in job.segments:
            if segment.first_frame > end:
                job.gaps.append(Gap(end, segment.first_frame - end, "restart"))
            end = segment.end_frame
        _learn_from_segments(job)
    job.save()
    return job


def _from_claim(folder: Path, wire: dict) -> Job:
    return Job(
        folder=folder,
        job_id=str(wire["id"]),
        recording_id=str(wire["recordingId"]),
        claim_id=str(wire["claimId"]),
        claim_epoch=int(wire["claimEpoch"]),
        attempt=int(wire.get("attempt") or 1),
        command=wire["command"],
        capture_start_at=wire["captureStartAt"],
        capture_end_at=wire.get("captureEndAt"),
        stop=wire.get("stop"),
    )


def _from_state(folder: Path, state: dict) -> Job:
    if state["v"] != VERSION or state["phase"] not in PHASES:
        raise ValueError("another version of the state")
    job = Job(
        folder=folder,
        job_id=state["jobId"],
        recording_id=state["recordingId"],
        claim_id=state["claimId"],
        claim_epoch=int(state["claimEpoch"]),
        attempt=int(state["attempt"]),
        command=state["command"],
        capture_start_at=state["captureStartAt"],
        capture_end_at=state["captureEndAt"],
        stop=state["stop"],
        phase=state["phase"],
        clock_offset_ms=state["clockOffsetMs"],
        clock_corrected=state["clockCorrected"],
        sample_rate=int(state["sampleRate"]),
        first_frame_utc=state["firstFrameUtc"],
        end_frame=state["endFrame"],
        drift_ppm=state["driftPpm"],
        ended_early=state["endedEarly"],
        refused=state["refused"],
        max_file_bytes=int(state["maxFileBytes"]),
        segment_total=int(state["segmentTotal"]),
        frames_captured=int(state["framesCaptured"]),
        bytes_written=int(state["bytesWritten"]),
        gaps=[Gap(**_snake(gap)) for gap in state["gaps"]],
        tracks=[Track(**_snake(track)) for track in state["tracks"]],
    )
    parse_time(job.capture_start_at)
    job.segments = segment_files.recover(job.segment_folder)
    if job.segments:
        _learn_from_segments(job)
    elif not job.tracks:
        job.first_frame_utc = None  # it was noted, but not one frame reached the disk
    return job


def _learn_from_segments(job: Job) -> None:
    """What the sidecars know and a state from before the crash may not."""
    first = job.segments[0]
    if not job.sample_rate or job.first_frame_utc is None:
        job.sample_rate = first.sample_rate
        job.first_frame_utc = parse_time(first.start_at) - first.first_frame / first.sample_rate
    job.segment_total = max(job.segment_total, job.segments[-1].index)
    job.frames_captured = max(job.frames_captured, sum(s.frames for s in job.segments))
    job.bytes_written = max(job.bytes_written, sum(s.frames * s.frame_bytes for s in job.segments))


def _camel(values: dict) -> dict:
    return {re.sub("_(.)", lambda m: m[1].upper(), key): value for key, value in values.items()}


def _snake(values: dict) -> dict:
    return {re.sub("([A-Z])", lambda m: "_" + m[1].lower(), k): v for k, v in values.items()}


def _safe_id(value: object) -> str:
    """The controller's id as a folder name: letters, digits and dashes only."""
    text = str(value)
    if not text or len(text) > 64 or not text.replace("-", "").isalnum() or not text.isascii():
        raise ValueError("a job id must be a UUID")
    return text
