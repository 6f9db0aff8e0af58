"""A file on its way in, in parts of 8 MiB through the PUT view, against `sha256sum` and `cp` of the same file."""

import base64
import hashlib
import os
import subprocess
import time
from pathlib import Path
from uuid import uuid4

from bench import fleet
from bench.calls import Caller
from bench.measure import Growth, Line, percent

HOUSE = True
PART = 8 * 1024**2
MIB = 1024**2
MEMORY_LIMIT = 64 * MIB


def run(options, house) -> list[Line]:
    sizes = [32, 64] if options.quick else [64, 256, 2048] if options.scale == 100 else [64, 256]
    growth = Growth("seconds for MiB", 1.1)
    ours, peer = [], []
    for size in sizes:
        source = house.var / f"source-{size}.wav"
        _fill(source, size)
        # In turns, and the better of each: the page cache and the disk belong to everybody here.
        rounds = [(_copied(source), _uploaded(source)) for _ in range(2 if size <= 256 else 1)]
        peer.append(min(seconds for seconds, _ in rounds))
        taken, grown = min(seconds for _, (seconds, _) in rounds), max(grown for _, (_, grown) in rounds)
        ours.append(taken)
        growth.add(size, taken)
        source.unlink()
    size = sizes[-1]
    ratio = peer[-1] / ours[-1]
    return [
        Line(
            f"upload of {size} MiB", f"{size / ours[-1]:,.0f} MiB/s", f"sha256sum + cp {size / peer[-1]:,.0f} MiB/s", percent(ratio), "≥ 50 %, RSS + < 64 MiB",
            ratio >= 0.5 and grown < MEMORY_LIMIT,
            [f"peak memory grew by {grown / MIB:.0f} MiB; parts of 8 MiB, each hashed twice and synced to disk, which cp does not"], [growth],
        )
    ]  # fmt: skip


def _fill(path: Path, size_mib: int) -> None:
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(size_mib):
            file.write(number.to_bytes(8, "big") + block[8:])


def _copied(source: Path) -> float:
    copy = source.with_suffix(".copy")
    began = time.perf_counter()
    subprocess.run(["sha256sum", source], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cp", source, copy], check=True)
    taken = time.perf_counter() - began
    copy.unlink()
    return taken


def _digest(hashed: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashed).decode()}:"


def _uploaded(source: Path) -> tuple[float, int]:
    """(seconds in the view, growth of the peak memory in bytes) for one file; what the sender hashes is not counted."""
    job, token = _claimed_job()
    caller, total = Caller(token), source.stat().st_size
    whole = _digest(_hash(source, 0, total))
    parts = [(start, min(PART, total - start)) for start in range(0, total, PART)]
    digests = [_digest(_hash(source, start, length)) for start, length in parts]
    url, statuses = f"/api/v1/recordings/{job.recording_id}/cache-file", []
    before, seconds = _peak_reset(), 0.0
    with source.open("rb") as file:
        for (start, length), digest in zip(parts, digests, strict=True):
            file.seek(start)
            began = time.perf_counter()
            status, answer = caller.send(
                "PUT", url, file, length, content_type="audio/wav", recording_job_id=str(job.pk), claim_epoch="1",
                content_range=f"bytes {start}-{start + length - 1}/{total}", content_digest=digest, repr_digest=whole,
            )  # fmt: skip
            seconds += time.perf_counter() - began
            statuses.append(status)
    if statuses[-1] != 201 or set(statuses[:-1]) - {202}:
        raise AssertionError(f"{statuses} {answer[:500]!r}")
    return seconds, _peak() - before


def _hash(path: Path, start: int, length: int) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(start)
        while length > 0:
            chunk = file.read(min(MIB, length))
            digest.update(chunk)
            length -= len(chunk)
    return digest.digest()


def _claimed_job():
    """A running job of a new node, and the node's token."""
    from config.kernel.access import Actor, Kind, system
    from recordings.jobs import claiming, starting
    from recordings.wish import Wish

    fleet.profile()
    node, _, token = fleet.recorder()
    starting.start(actor=system("bench"), node_id=node.pk, wish=Wish())
    actor = Actor(kind=Kind.NODE, id=str(node.pk), label=node.alias)
    job = claiming.claim_next(actor=actor, node_id=node.pk, claim=claiming.Claim(uuid4(), "bench", 1))
    return job, token


def _peak_reset() -> int:
    """Forget the highest memory so far; the present one in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _peak() -> int:
    return _memory("VmHWM")


def _memory(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
