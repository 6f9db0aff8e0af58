"""A backup is a folder: the database at one instant, and what the media folder held, each file with its SHA-256.

    backup.json      written last: a folder without it is no backup. {format, createdAt, version, installationId, keyCheck, migrations,
                     tables: {table: rows}, database: {sizeBytes, sha256}, media: {files, bytes, copied}}
    database.dump    pg_dump's custom format
    media.jsonl      {"path", "sizeBytes", "sha256"} a line; paths are relative to MEDIA_ROOT
    media/           the files themselves, when they were asked for

Secrets are in none of it: `var/secrets` is kept elsewhere (docs/backup.md). `keyCheck` only tells whether two SECRET_KEYs are the same.
"""

import hashlib
import hmac
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

FORMAT = 1
RECORD, DUMP, MANIFEST, MEDIA = "backup.json", "database.dump", "media.jsonl", "media"
CHUNK_BYTES = 1024**2
# Uploads under way belong to the node that sends them; the marker belongs to the installation.
_NOT_KEPT = {".incoming", ".tallyroom-media"}
_TABLES = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


class BackupError(Exception):
    """The backup can't be made or restored; the text says why, for people."""


@dataclass(frozen=True)
class MediaFile:
    """One file of the media folder."""

    path: str
    size_bytes: int
    sha256: str

    def line(self) -> str:
        return json.dumps({"path": self.path, "sizeBytes": self.size_bytes, "sha256": self.sha256}) + "\n"


@dataclass(frozen=True)
class Differences:
    """What the media folder lacks of a manifest: paths that are not there, and paths with other content."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.changed)


def key_check() -> str:
    """Tells equal SECRET_KEYs from different ones, and nothing else about them."""
    return hmac.new(settings.SECRET_KEY.encode(), b"tallyroom-backup", hashlib.sha256).hexdigest()[:16]


def applied_migrations() -> list[str]:
    """`["app.name", …]` of the database, sorted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1")
        return [name for (name,) in cursor.fetchall()]


def table_rows() -> dict[str, int]:
    """Rows of every table, partitions each for itself."""
    counts = {}
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for (table,) in cursor.fetchall():
            # Names come quoted from the database itself.
            cursor.execute(f"SELECT count(*) FROM ONLY {table}")
            counts[table.removeprefix("public.")] = cursor.fetchone()[0]
    return counts


def sha256_of(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def media_paths(root: Path) -> Iterator[Path]:
    """Regular files below `root`, in order, without uploads under way and half-written ones. Links are not followed."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _NOT_KEPT)
        for name in sorted(names):
            path = Path(folder, name)
            half_written = name.startswith(".") and name.endswith(".tmp")
            if name not in _NOT_KEPT and not half_written and path.is_file() and not path.is_symlink():
                yield path


def copy_hashed(source: Path, destination: Path | None) -> MediaFile:
    """Read `source` once: hash it and, with a destination, copy it there, whole or not at all. `path` of the answer is the source's name."""
    digest, size = hashlib.sha256(), 0
    partial = destination.with_name(f".{destination.name}.tmp") if destination else None
    if partial is not None:
        partial.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reading, _writing(partial) as writing:
        while chunk := reading.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            if writing:
                writing.write(chunk)
        if writing:
            writing.flush()
            os.fsync(writing.fileno())
    if partial is not None:
        shutil.copystat(source, partial)
        partial.replace(destination)
    return MediaFile(source.name, size, digest.hexdigest())


def _writing(path: Path | None):
    return path.open("wb") if path is not None else nullcontext()


def keep_media(root: Path, folder: Path, *, copied: bool) -> tuple[int, int]:
    """Write the manifest of `root` into the backup `folder`, and with `copied` the files. (files, bytes).

    A file that is moved or deleted while we walk is left out: it is on its way out.
    """
    files = total = 0
    with (folder / MANIFEST).open("w") as manifest:
        for path in media_paths(root):
            relative = path.relative_to(root).as_posix()
            try:
                found = copy_hashed(path, folder / MEDIA / relative if copied else None)
            except FileNotFoundError:
                continue
            manifest.write(MediaFile(relative, found.size_bytes, found.sha256).line())
            files, total = files + 1, total + found.size_bytes
    return files, total


def manifest(folder: Path) -> Iterator[MediaFile]:
    """What `keep_media` wrote. BackupError for a line that is none, or a path that leads out of the media folder."""
    try:
        lines = (folder / MANIFEST).read_text().splitlines()
        files = [MediaFile(row["path"], row["sizeBytes"], row["sha256"]) for row in map(json.loads, lines)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{MANIFEST} can't be read: {error}") from error
    for file in files:
        if not file.path or Path(file.path).is_absolute() or ".." in Path(file.path).parts:
            raise BackupError(f"{MANIFEST} names a path outside the media folder: {file.path!r}")
    return iter(files)


def put_back_media(folder: Path, root: Path) -> int:
    """Copy what `root` lacks from the backup; how many files. A file with the right content stays as it is.

    BackupError when a file of the backup does not hash as its manifest says; nothing is put in place of it then.
    """
    put = 0
    for file in manifest(folder):
        target = root / file.path
        if _is(target, file):
            continue
        arrived = target.with_name(f".{target.name}.restored.tmp")
        try:
            copied = copy_hashed(folder / MEDIA / file.path, arrived)
        except FileNotFoundError as error:
            raise BackupError(f"The backup lacks {file.path}.") from error
        if copied.sha256 != file.sha256:
            arrived.unlink()
            raise BackupError(f"{file.path} in the backup is damaged: its SHA-256 is not that of the manifest.")
        arrived.replace(target)
        put += 1
    return put


def compare(files: Iterable[MediaFile], root: Path) -> Differences:
    """Hold `root` against a manifest, by content."""
    missing, changed = [], []
    for file in files:
        target = root / file.path
        if not target.is_file():
            missing.append(file.path)
        elif not _is(target, file):
            changed.append(file.path)
    return Differences(tuple(missing), tuple(changed))


def _is(path: Path, file: MediaFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size_bytes and sha256_of(path) == file.sha256


def read_record(folder: Path) -> dict:
    """`backup.json`, checked. BackupError when there is none, of another format, or the dump is not the one that it describes."""
    try:
        record = json.loads((folder / RECORD).read_text())
        known, described = record["format"], record["database"]["sha256"]
    except FileNotFoundError as error:
        raise BackupError(f"{folder} holds no {RECORD}: it is no backup, or one that was not finished.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{RECORD} can't be read: {error}") from error
    if known != FORMAT:
        raise BackupError(f"This backup has format {known}; this version reads format {FORMAT}.")
    if not (folder / DUMP).is_file() or sha256_of(folder / DUMP) != described:
        raise BackupError(f"{DUMP} is damaged: its SHA-256 is not the one in {RECORD}.")
    return record
