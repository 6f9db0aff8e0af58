"""The library on disk: one POSIX file system below MEDIA_ROOT, entered only through these functions.

    .incoming/<jobId>.<epoch>.<track>.part     library/<yyyy>/<mm>/<recordingId>/<jobId>.<track>.<sha256:12>.<ext> (+ .etag)
    derived/<recordingId>/<sha256:16>.{peaks,mp3}     clips/<clipId>.<ext> (+ .etag)     trash/<date>/<disposalId>     quarantine/<date>/<name>

Paths are made of ids, dates and hashes and kept relative; names that people type never reach the disk.
"""

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from recordings.library.models import RecordingFile

MARKER = ".tallyroom-media"
INCOMING = ".incoming"
_FOLDERS = (INCOMING, "library", "derived", "clips", "trash", "quarantine")
_DIRECTORY_MODE, _FILE_MODE = 0o750, 0o640
EXTENSIONS = {"audio/flac": "flac", "audio/wav": "wav", "audio/mpeg": "mp3", "audio/ogg": "ogg", "video/webm": "webm", "video/x-matroska": "mkv"}


class Unavailable(OSError):
    """The media root is not there, or is not ours: nothing may be written."""


class Missing(OSError):
    """The file of a row is gone, is no regular file, lies elsewhere or has another size."""


def root() -> Path:
    return Path(settings.MEDIA_ROOT)


def prepare() -> None:
    """Make the folders and the marker of a new media root. Unavailable for one that was in use and lost its marker, or is another's."""
    base = root()
    marker = base / MARKER
    if not marker.exists():
        if (base / "library").exists() or RecordingFile.objects.exists():
            raise Unavailable(f"{MARKER} is gone from a media root that was in use: is the right file system mounted?")
        base.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        with suppress(FileExistsError), open(marker, "x") as handle:
            handle.write(settings.INSTANCE_ID + "\n")
            os.fsync(handle.fileno())
    check_marker()
    for name in _FOLDERS:
        (base / name).mkdir(mode=_DIRECTORY_MODE, exist_ok=True)


def check_marker() -> None:
    """Unavailable unless this is our media root."""
    try:
        owner = (root() / MARKER).read_text().strip()
    except OSError as error:
        raise Unavailable("the media root has no marker") from error
    if owner != settings.INSTANCE_ID:
        raise Unavailable("the media root belongs to another installation")


def is_ready() -> bool:
    """For `/readyz`: the marker is there, or nothing was ever stored."""
    try:
        prepare()
    except OSError:
        return False
    return True


def free_bytes() -> tuple[int, int]:
    """(free to us, total) of the media file system; OSError if it can't be asked."""
    facts = os.statvfs(root())
    return facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize


def inside(relative: str) -> Path:
    """The absolute path of a relative one; Missing if it leads out of the root, by `..` or by a link."""
    base = root().resolve()
    path = (base / relative).resolve()
    if not relative or not path.is_relative_to(base) or path == base:
        raise Missing(errno.ENOENT, "path outside the media root", relative)
    return path


def open_regular(relative: str, *, size: int | None = None):
    """A binary handle on a regular file of that size, links refused; Missing otherwise."""
    try:
        descriptor = os.open(inside(relative), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise Missing(error.errno or errno.ENOENT, "not readable", relative) from error
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or (size is not None and facts.st_size != size):
        os.close(descriptor)
        raise Missing(errno.ENOENT, "not a regular file of the recorded size", relative)
    return os.fdopen(descriptor, "rb")


def is_there(relative: str, size: int) -> bool:
    """Whether a regular file of that size lies at `relative`."""
    try:
        open_regular(relative, size=size).close()
    except Missing:
        return False
    return True


def open_part(relative: str):
    """A read-write handle on an incoming file, made if it is new."""
    check_marker()
    path = inside(relative)
    path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE), "r+b")


def sync_folder(path: Path) -> None:
    """fsync a directory, so that a rename in it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move(source: str, destination: str) -> None:
    """Rename without replacing, durably. FileExistsError if something is there already, FileNotFoundError without a source."""
    check_marker()
    old, new = inside(source), inside(destination)
    new.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    # A hard link fails where a rename would replace; the old name goes only once the new one is on disk.
    os.link(old, new, follow_symlinks=False)
    sync_folder(new.parent)
    old.unlink()
    sync_folder(old.parent)


def unlink(relative: str) -> None:
    """Remove a file; one that is gone already is done. Below a mount that is away nothing counts as gone: Unavailable."""
    check_marker()
    path = inside(relative)
    with suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def write_whole(relative: str, content: bytes) -> None:
    """A small file, whole or not at all."""
    check_marker()
    path = inside(relative)
    path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE), "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def write_etag(relative: str, sha256: str) -> None:
    """The sidecar from which the edge takes the entity tag of a file."""
    write_whole(f"{relative}.etag", f'"{sha256}"'.encode())


def discard_derived(recording_id) -> None:
    """Everything that was computed from a recording's files."""
    if not is_ready():
        return
    shutil.rmtree(inside(f"derived/{recording_id}"), ignore_errors=True)


def part_path(job_id, epoch: int, track: int) -> str:
    return f"{INCOMING}/{job_id}.{epoch}.{track}.part"


def library_path(recording, job_id, track: int, sha256: str, mime_type: str) -> str:
    made = recording.created_at
    return f"library/{made:%Y}/{made:%m}/{recording.id}/{job_id}.{track}.{sha256[:12]}.{EXTENSIONS[mime_type]}"


def derived_path(recording_id, sha256: str, suffix: str) -> str:
    return f"derived/{recording_id}/{sha256[:16]}.{suffix}"
