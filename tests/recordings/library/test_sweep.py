"""The disk held against the rows: what nobody knows is set aside, what is gone is told, what is back is back."""

import os
import time
from pathlib import Path

from config.kernel import clock
from nodes.health.models import HealthEvent
from recordings.library import storage, sweeping
from recordings.library.models import Recording
from recordings.uploads.models import IncomingFile
from tests.factories.recordings import audio, start_recording


def age(path, hours: float) -> None:
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


def test_a_file_without_a_row_goes_to_quarantine_and_a_known_one_stays(cached):
    known = storage.root() / cached().primary_file.path
    unknown, fresh = known.with_name("unknown.flac"), known.with_name("fresh.flac")
    for path in (unknown, fresh):
        path.write_bytes(b"x")
    for path in (unknown, known):
        age(path, 3)
    assert sweeping.sweep() == {"quarantined": 1, "missing": 0}
    assert known.is_file() and fresh.is_file() and not unknown.exists()
    assert (storage.root() / f"quarantine/{clock.now():%Y-%m-%d}/unknown.flac").read_bytes() == b"x"
    assert HealthEvent.objects.get(type="controller.storage.unknown_file").severity == "warning"


def test_the_part_of_a_removed_recording_goes_to_quarantine_and_one_that_is_awaited_stays(node, recorder):
    content = audio(1, codec="wav")

    def half() -> tuple[Recording, dict, Path]:
        recording, _ = start_recording(node)
        job = recorder.claim().json()["data"]
        assert recorder.put(job, content, content[:20_000], codec="wav").status_code == 202
        return recording, job, storage.inside(IncomingFile.objects.get(job_id=job["id"]).part_path)

    removed, _, gone = half()
    removed.delete()
    _, job, there = half()
    (joining := there.with_name(f"{job['id']}.1.2.part")).write_bytes(b"written before it is counted")
    assert sweeping.sweep() == {"quarantined": 0, "missing": 0}, "the recording was removed just now"
    for path in (gone, there, joining):
        age(path, 24 * 30)
    assert sweeping.sweep() == {"quarantined": 1, "missing": 0}
    assert there.is_file() and joining.is_file() and not gone.exists()
    assert (storage.root() / f"quarantine/{clock.now():%Y-%m-%d}/{gone.name}").stat().st_size == 20_000
    assert HealthEvent.objects.get(type="controller.storage.unknown_file").severity == "warning"


def test_a_lost_file_is_told_once_and_is_well_again_when_it_returns(cached):
    recording = cached()
    path = storage.root() / recording.primary_file.path
    path.rename(path.with_suffix(".kept"))
    assert sweeping.sweep()["missing"] == 1 and sweeping.sweep()["missing"] == 0
    row = Recording.objects.get()
    assert (row.cache_state, row.status) == ("missing", "cached")
    assert HealthEvent.objects.get(type="controller.storage.file_missing").severity == "critical"
    path.with_suffix(".kept").rename(path)
    sweeping.sweep()
    assert Recording.objects.get().cache_state == "cached"
    assert HealthEvent.objects.get(type="controller.storage.file_missing").status == "resolved"


def test_without_the_media_root_nothing_is_called_missing(cached):
    cached()
    storage.root().rename(storage.root().with_name("away"))
    assert sweeping.sweep() == {}
    assert Recording.objects.get().cache_state == "cached" and not storage.is_ready() and not storage.root().exists()
