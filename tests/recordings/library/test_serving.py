"""One contract for bytes, with an edge in front and without: the edge is played by a reader of X-Accel-Redirect that does what Caddy does."""

import base64
import hashlib
from datetime import timedelta

import pytest
from django.utils.http import http_date

from config.kernel import clock
from recordings.library import ranges, storage
from recordings.library.models import MediaGrant, RecordingFile
from tests.factories.recordings import audio

CONTENT = audio(1, codec="mp3")
SIZE = len(CONTENT)
TAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


class Answer:
    """What reaches the browser: directly, or through the edge."""

    def __init__(self, reply, request_headers: dict, *, head: bool):
        self.status, self.headers = reply.status_code, dict(reply.items())
        body = b"".join(reply.streaming_content) if reply.streaming else reply.content
        path = self.headers.pop("X-Accel-Redirect", None)
        if path is None:
            self.body = body
            return
        assert self.status == 200 and not body, "web hands over, it does not send"
        self._edge(storage.root() / path.removeprefix("/_media/"), request_headers, head)

    def _edge(self, path, request_headers, head):
        content, tag = path.read_bytes(), path.with_name(path.name + ".etag").read_text()
        assert tag == self.headers["ETag"]
        span = ranges.parse(request_headers.get("Range"), len(content)) if ranges.if_range_holds(request_headers.get("If_Range"), tag) else None
        part = content[span.start : span.end + 1] if span else content
        self.status = 206 if span else 200
        if span:
            self.headers["Content-Range"] = span.content_range(len(content))
        self.headers["Content-Length"] = str(len(part))
        self.body = b"" if head else part


@pytest.fixture(params=["web", "edge"])
def ask(request, settings, api, bob, cached):
    """`ask(**headers)` fetches a playback stream; `ask.url` is it."""
    settings.MEDIA_ACCEL_PREFIX = "/_media/" if request.param == "edge" else ""
    recording = cached(CONTENT, codec="mp3", name='../x "a"\u202e ✓')
    url = api(bob).post(f"/recordings/{recording.pk}/playback", {}).json()["data"]["streamUrl"]

    def fetch(method="GET", path=url, **headers):
        reply = api(bob).request(method, path, **headers)
        return Answer(reply, headers, head=method == "HEAD")

    fetch.url, fetch.recording, fetch.client = url, recording, api(bob)
    return fetch


def test_the_whole_file_with_its_headers(ask):
    answer = ask()
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["ETag"] == TAG and answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "audio/mpeg" and answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Cache-Control"] == "private, no-cache" and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("inline; filename=")


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=-500", SIZE - 500, SIZE - 1),
        ("bytes=100-", 100, SIZE - 1),
        ("bytes=5-9", 5, 9),
        (f"bytes=0-{SIZE * 2}", 0, SIZE - 1),
    ],
)
def test_one_range(ask, header, start, end):
    answer = ask(Range=header)
    assert (answer.status, answer.body) == (206, CONTENT[start : end + 1])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{SIZE}" and answer.headers["Content-Length"] == str(end - start + 1)


@pytest.mark.parametrize("header", [f"bytes={SIZE}-", "bytes=0-1,3-4", "bytes=9-5", "bytes=-0"])
def test_a_range_that_cannot_be_given_is_json(ask, header):
    reply = ask.client.get(ask.url, Range=header)
    assert (reply.status_code, reply.json()["code"], reply["Content-Range"]) == (416, "range_not_satisfiable", f"bytes */{SIZE}")
    assert "X-Accel-Redirect" not in reply


def test_conditions_and_head(ask):
    assert ask(Range="bytes=0-9", If_Range=TAG).status == 206
    stale = ask(Range="bytes=0-9", If_Range='"other"')
    assert (stale.status, len(stale.body)) == (200, SIZE)
    assert ask(Range="bytes=0-9", If_Range=http_date()).status == 200
    unchanged = ask(If_None_Match=f'"x", {TAG}')
    assert (unchanged.status, unchanged.body, unchanged.headers["ETag"]) == (304, b"", TAG)
    head = ask("HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(SIZE))


def test_a_download_carries_its_digest_and_a_safe_name(ask):
    link = ask.client.post(f"/recordings/{ask.recording.pk}/download", {}).json()["data"]
    assert (link["size"], link["sha256"]) == (SIZE, TAG.strip('"'))
    answer = ask(path=link["url"])
    assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()}:"
    shown = answer.headers["Content-Disposition"]
    assert shown.startswith("attachment; filename=") and "\n" not in shown and shown.isascii() and shown.count('"') == 2
    assert shown.endswith("%E2%9C%93.mp3")


def test_a_link_is_its_holders_of_one_kind_and_has_an_end(ask, api, alice):
    other = api(alice).get(ask.url)
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
    link = ask.client.post(f"/recordings/{ask.recording.pk}/download", {}).json()["data"]
    wrong = ask.client.get(ask.url.replace(ask.url.rpartition("=")[2], link["downloadId"]))
    assert wrong.status_code == 404
    MediaGrant.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    late = ask.client.get(ask.url)
    assert (late.status_code, late.json()["code"]) == (410, "link_expired")


def test_a_file_removed_behind_us_is_a_409_and_told(ask):
    path = storage.root() / RecordingFile.objects.get().path
    path.rename(path.with_suffix(".gone"))
    reply = ask.client.get(ask.url)
    assert (reply.status_code, reply.json()["code"]) == (409, "recording_not_cached")
    assert ask.client.get(f"/recordings/{ask.recording.pk}").json()["data"]["cacheState"] == "missing"
    refused = ask.client.post(f"/recordings/{ask.recording.pk}/playback", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "recording_not_cached")


@pytest.mark.parametrize("path", ["../outside.mp3", "library/link.mp3"])
def test_nothing_outside_the_media_root_is_opened(ask, path):
    outside = storage.root().parent / "outside.mp3"
    outside.write_bytes(CONTENT)
    (storage.root() / "library" / "link.mp3").symlink_to(outside)
    RecordingFile.objects.update(path=path)
    assert ask.client.get(ask.url).status_code == 409


def test_a_permission_withdrawn_stops_the_next_request(ask, bob):
    from config.kernel.access import system
    from operators.access.models import Role
    from operators.access.services import set_roles

    set_roles(user=bob, roles=[Role.AUDITOR], actor=system("tests"))
    reply = ask.client.get(ask.url, Range="bytes=0-9")
    assert (reply.status_code, reply.json()["code"]) == (403, "permission_denied")


def test_twenty_open_playbacks_are_enough(api, bob, cached):
    recording = cached(CONTENT, codec="mp3")
    codes = [api(bob).post(f"/recordings/{recording.pk}/playback", {}).status_code for _ in range(21)]
    assert codes == [201] * 20 + [429]
