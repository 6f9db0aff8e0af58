"""A track's way to the controller: cut, corrupted, answered with nothing, answered with anything."""

import hashlib
import os
import threading

import pytest

from nodes.agent import upload as upload_module
from nodes.agent.client import Controller
from nodes.agent.config import Settings, Timing
from nodes.agent.jobs import Job, Track
from nodes.agent.upload import FileChanged, Refused, TrackUpload

PART = 1024 * 1024
QUICK = Timing(
    backoff_first_seconds=0.05,
    upload_backoff_last_seconds=0.1,
    unauthorized_seconds=0.05,
    verify_poll_seconds=0.05,
    connect_seconds=2,
    read_seconds=5,
)


@pytest.fixture
def content() -> bytes:
    return os.urandom(3 * PART + PART // 2)


@pytest.fixture
async def upload(controller, tmp_path, content):
    """An upload of three and a half parts, not yet started."""
    (tmp_path / "render").mkdir()
    (tmp_path / "render" / "1.wav").write_bytes(content)
    track = Track(1, 0, 0, frames=48000, final=True, path="1.wav", state="rendered")
    track.sha256, track.size_bytes = hashlib.sha256(content).hexdigest(), len(content)
    job = Job(
        folder=tmp_path,
        job_id="11111111-1111-7111-8111-111111111111",
        recording_id="22222222-2222-7222-8222-222222222222",
        claim_id="c",
        claim_epoch=1,
        attempt=1,
        command={"output": {"codec": "wav"}},
        capture_start_at="2026-01-01T00:00:00Z",
        sample_rate=48000,
    )
    controller.jobs[job.job_id] = {"status": "running", "recordingId": job.recording_id}
    settings = Settings(data_dir=tmp_path, url=controller.url, node=controller.node, timing=QUICK)
    client = Controller(settings, controller.token)

    async def announce():
        """The job heartbeat is not what is tested here."""

    yield TrackUpload(client, job, track, QUICK, announce=announce, part_bytes=PART)
    await client.close()


def landed(controller) -> bytes:
    (stored,) = controller.files.values()
    assert stored.complete
    return bytes(stored.content)


async def test_a_large_file_goes_in_parts_each_with_its_digest(controller, upload, content):
    await upload.run()
    assert landed(controller) == content
    puts = controller.of("put")
    ranges = [put.headers["content-range"] for put in puts]
    assert ranges[0] == f"bytes 0-{PART - 1}/{len(content)}"
    assert ranges[-1] == f"bytes {3 * PART}-{len(content) - 1}/{len(content)}"
    assert len(puts) == 4
    assert {put.headers["track-final"] for put in puts} == {"true"}
    assert puts[0].headers["media-duration-seconds"] == "1.000"


async def test_cut_at_70_percent_only_the_rest_is_sent(controller, upload, content):
    controller.faults["put"] = [None, ("cut", 0.7)]
    await upload.run()
    assert landed(controller) == content
    sent = sum(len(put.body) for put in controller.of("put"))
    assert sent == len(content) - int(PART * 0.7)
    assert controller.count("head") == 2


async def test_one_flipped_byte_is_refused_and_sent_again(controller, upload, content):
    controller.faults["put"] = [None, "flip"]
    await upload.run()
    assert landed(controller) == content


async def test_a_lost_reply_to_the_last_part_finds_the_file_there(controller, upload, content):
    controller.faults["put"] = [None, None, None, "drop"]
    await upload.run()
    assert landed(controller) == content
    assert controller.count("put") == 5


@pytest.mark.parametrize(
    ("route", "status", "code"),
    [
        ("head", 503, "not_ready"),
        ("put", 429, "rate_limited"),
        ("put", 500, "internal_error"),
        ("put", 507, "storage_full"),
        ("put", 401, "not_authenticated"),
        ("put", 409, "upload_busy"),
        ("put", 400, "duration_invalid"),
    ],
)
async def test_what_may_pass_is_waited_out(controller, upload, content, route, status, code):
    controller.faults[route] = [("status", status, code)] * 2
    await upload.run()
    assert landed(controller) == content


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "not_found"),
        (409, "claim_superseded"),
        (409, "job_terminal"),
        (409, "recording_has_other_file"),
    ],
)
async def test_what_is_final_is_said_to_be(controller, upload, status, code):
    controller.faults["put"] = [("status", status, code), "forever"]
    with pytest.raises(Refused, match=code):
        await upload.run()


async def test_another_file_of_the_same_track_is_started_over(controller, upload, content):
    from tests.nodes.agent.controller import StoredFile, digest_field

    key = ("22222222-2222-7222-8222-222222222222", 1)
    controller.files[key] = StoredFile(digest_field(b"old"), 99, bytearray(b"old"))
    controller.faults["head"] = []
    await upload.run()
    assert landed(controller) == content


async def test_a_copy_that_rotted_here_is_not_sent_for_ever(controller, upload, content, tmp_path):
    (tmp_path / "render" / "1.wav").write_bytes(content[:-1] + b"\0")
    with pytest.raises(FileChanged):
        await upload.run()
    assert not any(stored.complete for stored in controller.files.values())


async def test_a_copy_that_was_cut_short_is_said_to_be_damaged(controller, upload, content, tmp_path):
    (tmp_path / "render" / "1.wav").write_bytes(content[:PART])
    with pytest.raises(FileChanged):
        await upload.run()


async def test_a_disk_that_does_not_answer_for_a_moment_is_tried_again(controller, upload, content, monkeypatch):
    read, failures = TrackUpload._read, [OSError(5, "Input/output error"), OSError(28, "No space left on device")]

    def failing(self, offset):
        if failures:
            raise failures.pop()
        return read(self, offset)

    monkeypatch.setattr(TrackUpload, "_read", failing)
    await upload.run()
    assert landed(controller) == content


async def test_checking_a_large_copy_keeps_nothing_waiting(controller, upload, content, monkeypatch):
    threads, check = [], upload_module.check_copy
    monkeypatch.setattr(upload_module, "check_copy", lambda *args: threads.append(threading.current_thread()) or check(*args))
    controller.faults["put"] = [None, "flip"]
    await upload.run()
    assert landed(controller) == content
    assert threads and threading.main_thread() not in threads
