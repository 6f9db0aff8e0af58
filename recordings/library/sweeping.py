"""Hold the disk against the rows: nothing is deleted here, what nobody knows is set aside."""

import os
from datetime import timedelta
from pathlib import Path

import structlog

from config.kernel import clock
from recordings import worries
from recordings.library import missing, storage
from recordings.library.models import MediaGrant, RecordingFile
from recordings.library.states import FileState
from recordings.uploads.models import IncomingFile

log = structlog.get_logger("storage")
NEW = timedelta(days=2)
SETTLED = timedelta(hours=1)
_KEEP_GRANTS = timedelta(days=1)


def purge_grants() -> int:
    return MediaGrant.objects.filter(expires_at__lt=clock.now() - _KEEP_GRANTS).delete()[0]


def sweep() -> dict:
    """Both ways, for files stored or written in the last two days. Without our media root: nothing."""
    try:
        storage.check_marker()
    except storage.Unavailable as error:
        log.warning("media_root_unavailable", error=str(error))
        return {}
    return {"quarantined": _files_without_rows(), "missing": _rows_without_files()}


def _files_without_rows() -> int:
    now = clock.now().timestamp()
    young, settled = now - NEW.total_seconds(), now - SETTLED.total_seconds()
    moved = 0
    for path in _library_files():
        written = path.lstat().st_mtime
        if not young < written < settled:
            continue
        relative = str(path.relative_to(storage.root()))
        if RecordingFile.objects.filter(path=relative).exists() or IncomingFile.objects.filter(target_path=relative).exists():
            continue
        storage.move(relative, f"quarantine/{clock.now():%Y-%m-%d}/{path.name}")
        worries.about_stray_file("A file that no recording knows was found in the library and set aside.", relative)
        moved += 1
    return moved


def _library_files():
    for folder, _, names in os.walk(storage.root() / "library", followlinks=False):
        for name in names:
            path = Path(folder) / name
            if not name.startswith(".") and path.suffix != ".etag" and path.is_file() and not path.is_symlink():
                yield path


def _rows_without_files() -> int:
    rows = RecordingFile.objects.filter(stored_at__gt=clock.now() - NEW, state__in=[FileState.PRESENT, FileState.MISSING]).select_related("recording")
    lost = 0
    for file in rows.iterator(chunk_size=200):
        try:
            storage.open_regular(file.path, size=file.size).close()
        except storage.Missing as error:
            if file.state == FileState.PRESENT:
                missing.report(file.recording, file, error)
                lost += 1
        else:
            if file.state == FileState.MISSING:
                missing.found(file.recording, file)
    return lost
