"""What a person at the node sees: one live line a job on a terminal, else a JSON line on change."""

import json
import sys
import time

from nodes.agent.runner import JobRunner


class Progress:
    """mode: auto | line | json | off."""

    def __init__(self, mode: str, every_seconds: float):
        if mode == "auto":
            mode = "line" if sys.stdout.isatty() else "json"
        self._mode, self._every = mode, every_seconds
        self._said: dict[str, tuple[str, float]] = {}

    def show(self, runners: list[JobRunner]) -> None:
        if self._mode == "line" and runners:
            sys.stdout.write("\r\x1b[K" + "   ".join(line(runner) for runner in runners))
            sys.stdout.flush()
        if self._mode == "json":
            for runner in runners:
                self._say(runner)

    def _say(self, runner: JobRunner) -> None:
        job, now = runner.job, time.monotonic()
        state = f"{job.phase} {job.stop is not None} {runner.lease}"
        before, at = self._said.get(job.job_id, ("", 0.0))
        if state == before and now - at < self._every:
            return
        self._said[job.job_id] = (state, now)
        body = runner.heartbeat_body()
        known = ("phase", "bytesWritten", "framesCaptured", "xruns", "segments", "uploadOffset")
        print(
            json.dumps(
                {
                    "jobId": job.job_id,
                    **{key: body[key] for key in known},
                    "gaps": len(body["gaps"]),
                    "lease": runner.lease,
                }
            ),
            flush=True,
        )


def line(runner: JobRunner) -> str:
    """`● 00:12:41 32ch 6.9 GB seg 13 lease held ↑42 %`"""
    job = runner.job
    seconds = int(job.frames_captured / (job.sample_rate or 1))
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    mark = "●" if job.holds_slot else "○"
    total = sum(track.size_bytes for track in job.tracks)
    sent = sum(track.offset for track in job.tracks)
    share = f" ↑{100 * sent // total} %" if total else ""
    return f"{mark} {clock} {job.command.get('channels')}ch {job.bytes_written / 1e9:.2f} GB seg {job.segment_total} lease {runner.lease}{share}"
