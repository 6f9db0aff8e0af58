"""A file that is not where its row says: the row stays, people are told, nothing is guessed."""

from django.db import transaction

from recordings import live, worries
from recordings.library import storage
from recordings.library.models import Recording, RecordingFile
from recordings.library.states import FileState
from recordings.uploads import storing


def report(recording: Recording, file: RecordingFile, error: OSError) -> None:
    """Mark the file missing, once, and raise critical `controller.storage.file_missing`. A media root that is away is no missing file."""
    try:
        storage.check_marker()
    except storage.Unavailable:
        return
    if storage.is_there(file.path, file.size):
        return
    with transaction.atomic():
        row = Recording.objects.select_for_update(of=("self",)).get(pk=recording.pk)
        if not RecordingFile.objects.filter(pk=file.pk, state=FileState.PRESENT).update(state=FileState.MISSING):
            return
        text = f"{row.name}: the stored file is gone or has another size. The recording's data are kept."
        worries.about_recording("storage.file_missing", worries.CRITICAL, text, row, path=file.path, sha256=file.sha256, error=str(error.strerror))
        storing.choose_primary(row)
        live.changed(row)


def found(recording: Recording, file: RecordingFile) -> None:
    """The file is back: present again, the worry over."""
    with transaction.atomic():
        row = Recording.objects.select_for_update(of=("self",)).get(pk=recording.pk)
        if RecordingFile.objects.filter(pk=file.pk, state=FileState.MISSING).update(state=FileState.PRESENT):
            worries.over("storage.file_missing", row)
            storing.choose_primary(row)
            live.changed(row)
