"""A job on this machine: its write-ahead state, its timeline, its tracks.

    claimed → capturing → captured → rendered → uploading → uploaded → done

state.json is replaced durably before the device is opened and at every phase. The answer to the
claim lies beside it, never rewritten, and so do the sidecars of segments and finished tracks: a torn
state is rebuilt from them (`jobstore`).
"""

import logging
import re
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nodes.agent import durable
from nodes.agent import segments as segment_files
from nodes.agent.clock import format_time, parse_time

log = logging.getLogger("tallyroom.agent.jobs")

PHASES = ("claimed", "capturing", "captured", "rendered", "uploading", "uploaded", "done")
VERSION = 1
ROLL_SHARE = 0.95
DEFAULT_MAX_FILE_BYTES = 68_719_476_736
#: A first frame that comes later than this after the window's beginning is a late start.
LATE_SECONDS = 1.0
#: What one report may hold.
MAX_GAPS = 2000


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
    def keeps_copy(self) -> bool:
        """Whether a copy stays on the node once the controller confirmed its own."""
        return not (self.command.get("recorderCache") or {}).get("deleteAfterUpload", True)

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

    @property
    def late_seconds(self) -> float:
        """How much of the window's beginning nobody captured; the files begin after it."""
        late = 0.0 if self.first_frame_utc is None else self.first_frame_utc - self.start_utc
        return late if late > LATE_SECONDS else 0.0

    def gap_report(self) -> list[dict]:
        """The wire's `gaps`, the newest of too many. Their time is that of the files: 0 is the first
        frame, and what a late start missed lies before it."""
        rate, late = self.sample_rate or 1, self.late_seconds
        with self.lock:
            gaps = [(gap.at_frame / rate, gap.frames / rate, gap.cause) for gap in self.gaps[-MAX_GAPS:]]
        if late:
            gaps.insert(0, (0.0, late, "late_start"))
        return [{"atSeconds": round(at, 3), "lengthSeconds": round(length, 3), "cause": cause} for at, length, cause in gaps]

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

    def try_save(self) -> bool:
        """Save; False, and logged, while the disk refuses. The next save holds what this one did."""
        try:
            self.save()
        except OSError as error:
            log.error("job %s: its state could not be written: %s", self.job_id, error)
            return False
        return True

    def save_track(self, track: Track) -> None:
        """A finished track's own sidecar, and the state."""
        origin = {"sampleRate": self.sample_rate, "firstFrameUtc": self.first_frame_utc}
        with self.lock:
            durable.write_json(self.render_folder / f"{track.index}.json", _camel(asdict(track)) | origin)
            self.save()

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

    @classmethod
    def from_claim(cls, folder: Path, wire: dict) -> "Job":
        """As claimed. Raises KeyError, ValueError, TypeError."""
        return cls(
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

    @classmethod
    def from_state(cls, folder: Path, state: dict) -> "Job":
        """As last saved, without its segments. Raises KeyError, ValueError, TypeError."""
        if state["v"] != VERSION or state["phase"] not in PHASES:
            raise ValueError("another version of the state")
        parse_time(state["captureStartAt"])
        return cls(
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

    # -- after a crash -------------------------------------------------------------------------

    def recover(self) -> None:
        """Take up what the disk holds: open segments are cut to a whole frame and closed, so nobody
        may be writing them any more."""
        self.segments = segment_files.recover(self.segment_folder, self._first_segment())
        if self.segments:
            self._learn_from_segments()
        elif not self.tracks:
            self.first_frame_utc = None  # it was noted, but not one frame reached the disk

    @property
    def confirmed_frames(self) -> int:
        """How much of the timeline's beginning is stored at the controller, its segments gone."""
        ends = [track.first_frame + track.frames for track in self.tracks if track.state == "uploaded"]
        return max(ends, default=0)

    def _first_segment(self) -> dict:
        """What the sidecar of the first segment says, as far as the job itself knows."""
        command, first = self.command, self.confirmed_frames
        rate = self.sample_rate or int(command.get("sampleRate") or 48000)
        begun = self.start_utc if self.first_frame_utc is None else self.first_frame_utc
        wanted = command.get("sampleFormat")
        return {
            "startAt": format_time(begun + first / rate),
            "firstFrame": first,
            "frames": None,
            "sampleRate": rate,
            "channels": int(command.get("channels") or 2),
            "format": wanted if wanted in segment_files.BYTES else "s16",
        }

    def _learn_from_segments(self) -> None:
        """What the sidecars know and a state from before the crash may not."""
        first = self.segments[0]
        if not self.sample_rate or self.first_frame_utc is None:
            self.sample_rate = first.sample_rate
            self.first_frame_utc = parse_time(first.start_at) - first.first_frame / first.sample_rate
        self.segment_total = max(self.segment_total, self.segments[-1].index)
        self.frames_captured = max(self.frames_captured, sum(s.frames for s in self.segments))
        self.bytes_written = max(self.bytes_written, sum(s.frames * s.frame_bytes for s in self.segments))


def read_track(path: Path) -> tuple[Track, int, float | None]:
    """A finished track's sidecar: (track, sampleRate, firstFrameUtc of the job). Raises ValueError,
    KeyError, TypeError."""
    stored = durable.read_json(path) or {}
    rate, begun = int(stored.pop("sampleRate")), stored.pop("firstFrameUtc")
    return Track(**_snake(stored)), rate, begun


def _camel(values: dict) -> dict:
    return {re.sub("_(.)", lambda m: m[1].upper(), key): value for key, value in values.items()}


def _snake(values: dict) -> dict:
    return {re.sub("([A-Z])", lambda m: "_" + m[1].lower(), k): v for k, v in values.items()}
