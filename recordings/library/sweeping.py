"""Hold the disk against the rows: nothing is deleted here, what nobody knows is set aside."""

import os
from datetime import timedelta
from pathlib import Path

import structlog

from config.kernel import clock
from recordings import worries
from recordings.jobs.models import Job
from recordings.jobs.states import ACTIVE
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
    moved = 0
    for path, text in (*_unknown_files(), *_abandoned_parts()):
        relative = str(path.relative_to(storage.root()))
        storage.move(relative, f"quarantine/{clock.now():%Y-%m-%d}/{path.name}")
        worries.about_stray_file(text, relative)
        moved += 1
    return moved


def _unknown_files():
    """Files of the library that no row names."""
    young = (clock.now() - NEW).timestamp()
    for path in _library_files():
        relative = str(path.relative_to(storage.root()))
        if not young < path.lstat().st_mtime < _settled():
            continue
        if not (RecordingFile.objects.filter(path=relative).exists() or IncomingFile.objects.filter(target_path=relative).exists()):
            yield path, "A file that no recording knows was found in the library and set aside."


def _abandoned_parts():
    """Files on their way in, however old, that no row counts and no open job writes: their recording was removed meanwhile."""
    counted = set(IncomingFile.objects.values_list("part_path", flat=True))
    writing = {str(pk) for pk in Job.objects.filter(status__in=ACTIVE).values_list("pk", flat=True)}
    for path in (storage.root() / storage.INCOMING).glob("*"):
        job, _, _ = path.name.partition(".")
        if job in writing or f"{storage.INCOMING}/{path.name}" in counted:
            continue
        if path.is_file() and not path.is_symlink() and path.lstat().st_mtime < _settled():
            yield path, "A part of a file whose recording is gone was set aside."


def _settled() -> float:
    return (clock.now() - SETTLED).timestamp()


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
