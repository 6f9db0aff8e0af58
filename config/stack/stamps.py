"""What a start may skip: fingerprints of everything that migrations and static files depend on.

A fingerprint covers what is there (the tables' own record, the files) and what it was made from, so that a restored
database or an update never passes for done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from config.stack import health
from config.stack.paths import PROJECT

_APPS = ("config", "audit", "operators", "nodes", "sessions", "recordings")


def _digest(parts: Iterable[object]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _packages() -> list[object]:
    """The installed packages, as the lock names them: they bring migrations and static files, too."""
    return [path.read_bytes() for path in (PROJECT / "requirements.lock", PROJECT / "requirements.txt") if path.exists()]


def database(url: str) -> str:
    """Migrations: those on disk, those the database says were applied, and where it is."""
    files = (path for app in _APPS for path in sorted((PROJECT / app).rglob("migrations/*.py")))
    return _digest([url, health.applied_migrations(url), *_packages(), *((path.name, path.read_bytes()) for path in files)])


def static(target: Path) -> str:
    """Static files: the sources by name, size and time, and which collection of them lies in `target`."""
    sources = [path for app in _APPS for path in (PROJECT / app).rglob("static/**/*")]
    files = sorted(path for path in (*(PROJECT / "static").rglob("*"), *sources) if path.is_file())
    listed = ((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    manifest = target / "staticfiles.json"
    return _digest([str(target), manifest.exists() and manifest.stat().st_mtime_ns, *_packages(), *listed])
