"""HEAD and PUT of a captured file: parts, resumption, wrong bytes, and what is refused before a byte is read."""

import hashlib

import pytest

from recordings.library import storage
from recordings.library.models import Recording, RecordingFile
from recordings.uploads import receiving, storing
from recordings.uploads.models import IncomingFile
from tests.factories.nodes import make_node
from tests.factories.recordings import Recorder, audio, start_recording

HALF = 20_000


@pytest.fixture
def job(node, recorder):
    start_recording(node)
    return recorder.claim().json()["data"]


@pytest.fixture
def content():
    """Sound that does not compress to nothing."""
    return audio(1, codec="wav")


def test_parts_add_up_and_the_answer_names_the_hash(recorder, job, content):
    assert recorder.state(job)["Upload-State"] == "none"
    first = recorder.put(job, content, content[:HALF], codec="wav")
    assert (first.status_code, first.json()["data"]) == (202, {"offset": HALF})
    seen = recorder.state(job)
    assert (seen["Upload-State"], seen["Upload-Offset"], seen["Upload-Length"]) == ("partial", str(HALF), str(len(content)))
    last = recorder.put(job, content, content[HALF:], codec="wav", start=HALF)
    assert last.status_code == 201, last.content
    file = RecordingFile.objects.get()
    assert (storage.root() / file.path).read_bytes() == content
    assert (storage.root() / f"{file.path}.etag").read_text() == f'"{hashlib.sha256(content).hexdigest()}"'
    seen = recorder.state(job)
    assert (seen["Upload-State"], seen["Upload-Offset"]) == ("complete", str(len(content)))
    assert seen["Repr-Digest"].startswith("sha-256=:")
    assert not list((storage.root() / ".incoming").iterdir())


def test_another_process_reads_back_what_it_did_not_hash(recorder, job, content):
    recorder.put(job, content, content[:HALF], codec="wav")
    receiving.running_hashes.keep(IncomingFile.objects.get().pk, 0, None)
    assert recorder.put(job, content, content[HALF:], codec="wav", start=HALF).status_code == 201


def _read_back_later(recorder, job, content, monkeypatch) -> IncomingFile:
    """An upload that the last part's process did not hash from the start, too long to be read back while the agent waits."""
    monkeypatch.setattr(receiving, "READ_BACK_LIMIT_BYTES", HALF)
    recorder.put(job, content, content[:HALF], codec="wav")
    receiving.running_hashes.keep(IncomingFile.objects.get().pk, 0, None)
    reply = recorder.put(job, content, content[HALF:], codec="wav", start=HALF)
    assert (reply.status_code, reply.json()["data"]) == (202, {"state": "verifying"})
    assert recorder.state(job)["Upload-State"] == "verifying"
    return IncomingFile.objects.get()


def test_a_long_file_is_read_back_after_the_answer(recorder, job, content, monkeypatch, commits):
    _read_back_later(recorder, job, content, monkeypatch)
    again = recorder.put(job, content, content[HALF:], codec="wav", start=HALF)
    assert (again.status_code, again.json()["data"]) == (202, {"state": "verifying"})
    with commits():
        assert storing.finish_pending()["adopted"] == 1
    seen = recorder.state(job)
    assert (seen["Upload-State"], seen["Upload-Offset"]) == ("complete", str(len(content)))
    done = recorder.put(job, content, content[HALF:], codec="wav", start=HALF)
    assert done.status_code == 200 and done.json()["data"]["file"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert (storage.root() / RecordingFile.objects.get().path).read_bytes() == content


def test_a_long_file_that_rotted_on_the_disk_starts_over(recorder, job, content, monkeypatch):
    incoming = _read_back_later(recorder, job, content, monkeypatch)
    part = storage.inside(incoming.part_path)
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    assert storing.finish_pending()["adopted"] == 0
    assert not RecordingFile.objects.exists() and recorder.state(job)["Upload-State"] == "none"
    monkeypatch.undo()
    assert recorder.put(job, content, codec="wav").status_code == 201


def test_a_flipped_byte_leaves_the_offset_where_it_was(recorder, job, content):
    recorder.put(job, content, content[:HALF], codec="wav")
    flipped = bytearray(content[HALF:])
    flipped[100] ^= 1
    reply = recorder.put(job, content, content[HALF:], codec="wav", start=HALF, body=bytes(flipped))
    assert (reply.status_code, reply.json()["code"], reply.json()["transient"]) == (422, "checksum_mismatch", True)
    assert reply.json()["data"] == {"scope": "part", "offset": HALF}
    assert recorder.state(job)["Upload-Offset"] == str(HALF)
    assert recorder.put(job, content, content[HALF:], codec="wav", start=HALF).status_code == 201


def test_a_whole_that_hashes_wrong_is_thrown_away(recorder, job, content):
    other = bytes(reversed(content))
    headers = {**recorder.headers(job, content, content), "Content_Digest": recorder.headers(job, other)["Repr_Digest"]}
    reply = recorder.client.put(f"/recordings/{job['recordingId']}/cache-file", data=other, content_type="audio/wav", **headers)
    assert (reply.status_code, reply.json()["code"], reply.json()["data"]["scope"]) == (422, "checksum_mismatch", "file")
    assert not reply.json()["transient"]
    assert not RecordingFile.objects.exists() and recorder.state(job)["Upload-State"] == "none"
    assert recorder.put(job, content, codec="wav").status_code == 201


def test_offsets_must_fit_and_another_content_starts_over_only_at_zero(recorder, job, content):
    gap = recorder.put(job, content, content[HALF:], codec="wav", start=HALF)
    assert (gap.status_code, gap.json()["code"], gap.json()["data"]) == (409, "upload_offset_mismatch", {"offset": 0})
    recorder.put(job, content, content[:HALF], codec="wav")
    again = recorder.put(job, content, content[:HALF], codec="wav")
    assert (again.json()["code"], again.json()["data"]) == ("upload_offset_mismatch", {"offset": HALF})
    other = audio(1, codec="wav", hz=500)
    headers = {"Recording_Job_Id": job["id"], "Claim_Epoch": 1, "Repr_Digest": recorder.headers(job, other)["Repr_Digest"]}
    fresh = recorder.client.head(f"/recordings/{job['recordingId']}/cache-file", **headers)
    assert (fresh["Upload-State"], fresh["Upload-Offset"]) == ("none", "0")
    changed = recorder.put(job, other, other[HALF:], codec="wav", start=HALF)
    assert (changed.status_code, changed.json()["code"]) == (409, "upload_changed")
    assert recorder.put(job, other, codec="wav").status_code == 201


def test_the_same_file_again_is_the_same_answer_another_one_is_refused(recorder, job, content):
    first = recorder.put(job, content, codec="wav")
    again = recorder.put(job, content, codec="wav")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["data"]["file"] == first.json()["data"]["file"]
    other = recorder.put(job, audio(1, codec="wav", hz=700), codec="wav")
    assert (other.status_code, other.json()["code"]) == (409, "recording_has_other_file")
    assert other.json()["data"] == {"sha256": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content_Digest": ""}, 400, "digest_required"),
        ({"Repr_Digest": "sha-256=:AAAA:"}, 400, "digest_required"),
        ({"Content_Range": "bytes 5-2/10"}, 400, "content_range_invalid"),
        ({"Content_Range": "bytes 0-9/10"}, 400, "content_range_invalid"),
        ({"Media_Duration_Seconds": "nan"}, 400, "duration_invalid"),
        ({"Claim_Epoch": "0"}, 409, "claim_superseded"),
        ({"Claim_Epoch": "x"}, 400, "validation_failed"),
        ({"Recording_Job_Id": "../x"}, 400, "validation_failed"),
    ],
)
def test_headers_that_do_not_describe_the_body_are_refused(recorder, job, content, headers, status, code):
    reply = recorder.put(job, content, codec="wav", **headers)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_sizes_and_types_are_bounded(recorder, job, content):
    for length in (16 * 1024**2 + 1, 65 * 1024**2, 10**12):
        reply = recorder.put(job, content, codec="wav", Content_Length=str(length))
        assert (reply.status_code, reply.json()["code"], reply.json()["data"]) == (413, "part_too_large", {"maxPartBytes": 16 * 1024**2})
    huge = recorder.put(job, content, codec="wav", Content_Range=f"bytes 0-{len(content) - 1}/{65 * 1024**3}")
    assert (huge.status_code, huge.json()["code"]) == (413, "file_too_large")
    empty = recorder.put(job, b"", codec="wav", Content_Length="0")
    assert (empty.status_code, empty.json()["code"]) == (400, "file_empty")
    html = recorder.client.put(
        f"/recordings/{job['recordingId']}/cache-file", data=content, content_type="text/html", **recorder.headers(job, content)
    )
    assert (html.status_code, html.json()["code"]) == (415, "unsupported_media_type")


def test_a_full_disk_or_one_that_cannot_be_asked_says_so_and_the_next_try_succeeds(recorder, job, content, monkeypatch):
    for probe in (lambda: (1000, 10**12), lambda: (_ for _ in ()).throw(OSError(5, "I/O"))):
        with monkeypatch.context() as patched:
            patched.setattr(storage, "free_bytes", probe)
            reply = recorder.put(job, content, codec="wav")
            assert (reply.status_code, reply.json()["code"], reply.json()["transient"]) == (507, "storage_full", True)
    assert recorder.put(job, content, codec="wav").status_code == 201


def test_without_our_media_root_nothing_is_written(recorder, job, content):
    recorder.put(job, content, content[:HALF], codec="wav")
    (storage.root() / storage.MARKER).unlink()
    reply = recorder.put(job, content, content[HALF:], codec="wav", start=HALF)
    assert (reply.status_code, reply.json()["code"]) == (503, "not_ready")
    assert next((storage.root() / ".incoming").iterdir()).stat().st_size == HALF


def test_another_nodes_job_is_not_found(recorder, job, content, node_client):
    stranger = Recorder(node_client(make_node()), None)
    for reply in (stranger.put(job, content, codec="wav"), stranger.state(job), stranger.report(job)):
        assert reply.status_code == 404


def test_the_name_is_a_label_and_never_a_path(recorder, job, content):
    recorder.put(job, content, codec="wav", Content_Disposition='attachment; filename="../../etc/x\u0001.wav"')
    file = RecordingFile.objects.get()
    assert file.file_name == "x.wav"
    assert file.path.startswith("library/") and "etc" not in file.path


def test_a_long_file_whose_part_vanished_starts_over(recorder, job, content, monkeypatch):
    incoming = _read_back_later(recorder, job, content, monkeypatch)
    storage.inside(incoming.part_path).unlink()
    marker = storage.root() / storage.MARKER
    marker.rename(marker.with_name("away"))
    with pytest.raises(storage.Unavailable):
        storing.verify_and_store(incoming.pk)
    assert IncomingFile.objects.exists(), "below a mount that is away nothing counts as gone"
    marker.with_name("away").rename(marker)
    assert storing.finish_pending()["adopted"] == 0
    assert recorder.state(job)["Upload-State"] == "none"
    monkeypatch.undo()
    assert recorder.put(job, content, codec="wav").status_code == 201


@pytest.mark.parametrize("crash", ["after_count", "before_rename", "after_rename", "before_commit"])
def test_a_crash_while_storing_is_finished_by_the_repeat_or_by_the_sweep(recorder, job, content, monkeypatch, crash):
    target = {"before_rename": (storage, "move"), "after_rename": (storage, "write_etag"), "after_count": (receiving, "_whole_is_right")}.get(crash)

    def die(*_args, **_kwargs):
        raise SystemExit("killed")

    with monkeypatch.context() as patched:
        patched.setattr(*(target or (storing, "_record")), die)
        with pytest.raises(SystemExit):
            recorder.put(job, content, codec="wav")
    assert not RecordingFile.objects.exists()
    if crash == "before_commit":
        assert recorder.put(job, content, codec="wav").status_code == 201
    else:
        assert storing.finish_pending()["adopted"] == 1
        assert recorder.put(job, content, codec="wav").status_code == 200
    recording = Recording.objects.get()
    assert recording.status == "cached" and recording.files.count() == 1
    assert (storage.root() / recording.primary_file.path).read_bytes() == content
    assert not IncomingFile.objects.exists() and storing.finish_pending() == {"adopted": 0, "quarantined": 0}
