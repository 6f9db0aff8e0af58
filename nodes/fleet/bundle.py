"""`/agent.tar.gz`: the recorder agent as this controller runs it, with what it needs pinned by hash.

The agent imports no Django, so the archive is its own folder, the meter codec it shares with us and the empty packages on the way.
"""

import gzip
import io
import re
import tarfile
from functools import cache
from pathlib import Path

from django.conf import settings

PARTS = (
    "nodes/__init__.py",
    "nodes/agent/**/*.py",
    "nodes/meters/__init__.py",
    "nodes/meters/wire.py",
    "nodes/health/__init__.py",
    "nodes/health/rules.py",
)
NEEDS = {"av", "numpy", "httpx", "websockets"}
_PINNED = re.compile(r"^([a-z0-9._-]+)==", re.IGNORECASE)


def requirements(lock: str, needs: set[str] = NEEDS) -> str:
    """The blocks of a pip-compile lock that `needs` lead to, hashes kept; found by the `# via` remarks of each block."""
    blocks = {_PINNED.match(block)[1].lower(): block for block in re.split(r"\n(?=[a-zA-Z0-9])", lock) if _PINNED.match(block)}
    asked_by = {name: set(re.findall(r"#(?: via)?\s+([a-z0-9._-]+)$", block, re.MULTILINE | re.IGNORECASE)) for name, block in blocks.items()}
    wanted = set(needs)
    while more := {name for name, parents in asked_by.items() if name not in wanted and parents & wanted}:
        wanted |= more
    missing = wanted - set(blocks)
    if missing:
        raise LookupError(f"the lock does not pin {', '.join(sorted(missing))}")
    return "\n".join(blocks[name].rstrip() for name in sorted(wanted)) + "\n"


@cache
def archive(root: Path | None = None) -> bytes:
    """The gzipped tar; the same bytes for the same code."""
    root = root or settings.BASE_DIR
    paths = sorted({path for part in PARTS for path in root.glob(part)})
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    files["requirements.txt"] = requirements((root / "requirements.lock").read_text()).encode()
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
