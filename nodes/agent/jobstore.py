"""The folders `jobs/` and `quarantine/`: what is claimed, taken up again after a crash, set aside, removed.

Whoever only wants to look reads the state (`read`); `load` takes a job over and closes what a crash
left open, which nothing but the start of the program may do: a capture writes there afterwards.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from nodes.agent import durable
from nodes.agent.jobs import Gap, Job, read_track

log = logging.getLogger("tallyroom.agent.jobs")

#: What one heartbeat lists of the quarantine.
MAX_LISTED = 1000
UNREADABLE = (ValueError, KeyError, TypeError)


class JobStore:
    """One per program, on a locked data folder."""

    def __init__(self, data_dir: Path):
        self.root = durable.make_private(data_dir / "jobs")
        self.quarantine_root = durable.make_private(data_dir / "quarantine")
        self._removed_root = durable.make_private(data_dir / "removed")
        for folder in self._removed_root.iterdir():
            durable.remove_tree(folder)

    def create(self, wire: dict, *, clock_offset_seconds: float, max_file_bytes: int) -> Job:
        """Write a claimed job down, durably, before anything else happens."""
        folder = durable.make_private(self.root / _safe_id(wire["id"]))
        durable.make_private(folder / "seg")
        durable.make_private(folder / "render")
        durable.write_json(folder / "claim.json", wire)
        job = Job.from_claim(folder, wire)
        job.clock_offset_ms = round(clock_offset_seconds * 1000, 3)
        job.max_file_bytes = max_file_bytes
        job.save()
        durable.fsync(self.root)
        return job

    def _folders(self) -> Iterator[Path]:
        yield from sorted(path for path in self.root.iterdir() if path.is_dir())

    def load_all(self) -> tuple[list[Job], list[Job]]:
        """Every job, taken over, and those of them whose state had to be rebuilt."""
        jobs, rebuilt = [], []
        for folder in self._folders():
            try:
                job, torn = load(folder)
            except OSError:
                log.exception("%s cannot be read; left as it is", folder.name)  # the others go on
                continue
            if job is not None:
                jobs.append(job)
                rebuilt += [job] if torn else []
        return jobs, rebuilt

    def done(self) -> list[Job]:
        """Jobs in phase `done`, by their states alone: jobs at work are not touched."""
        jobs = []
        for folder in self._folders():
            try:
                job = read(folder)
            except (*UNREADABLE, OSError):
                continue  # the next start rebuilds it
            if job is not None and job.phase == "done":
                jobs.append(job)
        return jobs

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
        self._move(job, target)

    @property
    def has_quarantined(self) -> bool:
        return any(self.quarantine_root.iterdir())

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
        """Out of `jobs/` in one step: a job that is half gone could be taken for one just claimed."""
        self._move(job, self._removed_root / f"{job.folder.name}.{durable.uuid7()[-6:]}")
        durable.remove_tree(job.folder)

    def _move(self, job: Job, target: Path) -> None:
        job.folder.rename(target)
        job.folder = target
        durable.fsync(self.root)
        durable.fsync(target.parent)


def read(folder: Path) -> Job | None:
    """A job by its state alone, without segments; None if there is no state. Changes nothing.

    Raises ValueError, KeyError, TypeError if the state is torn.
    """
    state = durable.read_json(folder / "state.json")
    return None if state is None else Job.from_state(folder, state)


def load(folder: Path) -> tuple[Job | None, bool]:
    """Take a job over after a crash: (job, whether its state was torn and had to be rebuilt)."""
    try:
        job = read(folder)
        if job is not None:
            job.recover()
            return job, False
    except UNREADABLE:
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
    """From the claim and the sidecars of tracks and segments."""
    job = Job.from_claim(folder, wire)
    _take_tracks(job)
    job.recover()
    end = job.confirmed_frames
    for segment in job.segments:
        if segment.first_frame > end:
            job.gaps.append(Gap(end, segment.first_frame - end, "restart"))
        end = max(end, segment.end_frame)
    if any(track.final for track in job.tracks):
        job.phase = "captured"
    elif job.tracks or job.segments:
        job.phase = "capturing"
    job.save()
    return job


def _take_tracks(job: Job) -> None:
    """Finished tracks: what is stored at the controller left nothing else here."""
    for path in sorted(job.render_folder.glob("*.json"), key=lambda path: int(path.stem)):
        try:
            track, job.sample_rate, job.first_frame_utc = read_track(path)
        except UNREADABLE:
            continue  # its segments, if they are still here, are rendered again
        job.tracks.append(track)
    job.frames_captured = sum(track.frames for track in job.tracks)


def _safe_id(value: object) -> str:
    """The controller's id as a folder name: letters, digits and dashes only."""
    text = str(value)
    if not text or len(text) > 64 or not text.replace("-", "").isalnum() or not text.isascii():
        raise ValueError("a job id must be a UUID")
    return text
