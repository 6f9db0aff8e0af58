"""The whole stack with a phone and a screen: media flows, its server is killed, the session goes on at the same URL, the recording is kept."""

import io
import json
import os
import subprocess
import sys
import time

import av
import httpx
import pytest
from playwright.sync_api import sync_playwright

from config.stack.paths import PROJECT
from tests.browser.conftest import chromium_path
from tests.sessions.media import chromium

pytestmark = pytest.mark.timeout(600)

# Runs against the stack's own database: a supplier with a phone, a consumer, and their keys of the TEST world.
CAST = """
import django, json
django.setup()
from tests.factories.sessions import key_token, make_operator, owned_workspace
supplier, consumer = owned_workspace("supplier", ["SUPPLIER"]), owned_workspace("consumer", ["CONSUMER"])
operator = make_operator(supplier, "Phone", environment="TEST")
print(json.dumps({
    "operator": str(operator.pk),
    "supplier": key_token(supplier, "sessions:read", "sessions:operate", environment="TEST"),
    "consumer": key_token(consumer, "sessions:read", "sessions:create", environment="TEST"),
}))
"""


@pytest.fixture
def cast(stack):
    environment = {**os.environ, "TALLYROOM_VAR": str(stack.instance.var), "DJANGO_SETTINGS_MODULE": "config.settings"}
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY"):
        environment.pop(name, None)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CAST], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


class Side:
    def __init__(self, stack, token):
        self.http = httpx.Client(base_url=f"{stack.origin}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False)

    def call(self, method, path, body=None):
        reply = self.http.request(method, path, json=body)
        assert reply.is_success, f"{method} {path}: {reply.status_code} {reply.text[:600]}"
        return reply.json()["data"]


def wait(read, what, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := read():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def test_a_session_outlives_its_media_server(stack, cast):
    phone, consumer = Side(stack, cast["supplier"]), Side(stack, cast["consumer"])
    owner = Side(stack, _owner_token(stack))
    point = {"lat": 4.711, "lng": -74.072}
    made = consumer.call("POST", "/sessions", {"point": point, "maxDurationSeconds": 600, "label": "Bridge"})
    path = f"/sessions/{made['id']}"
    phone.call("POST", f"{path}/accept", {"operatorId": cast["operator"]})
    started = phone.call("POST", f"{path}/start")
    url = started["whipUrl"]
    assert url.startswith(f"{stack.origin}/whip/tr_edge_")
    assert phone.call("POST", f"{path}/start")["whipUrl"] == url
    assert consumer.http.get(f"{path}/producer-token").status_code == 403
    assert consumer.http.get(f"{path}/frame").status_code == 404

    def state():
        return consumer.call("GET", path)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=chromium.ARGUMENTS)
        page = browser.new_page()
        page.goto(f"{stack.origin}/healthz")
        wish = {"url": url, "codec": None, "width": 640, "height": 360}
        posted = time.time()
        sent = page.evaluate(chromium.PUBLISH, wish)
        assert sent["status"] == 201
        wait(lambda: state()["state"] == "LIVE", "LIVE")
        assert time.time() - posted < 15
        screen = page.evaluate(chromium.VIEW, {"url": consumer.call("GET", f"{path}/viewer-token")["whepUrl"]})
        assert screen["status"] == 201
        wait(lambda: page.evaluate(chromium.STATS, screen["key"])["shown"] > 30, "a picture on the screen")
        assert page.evaluate(chromium.STATS, screen["key"])["audioPackets"] > 10
        assert consumer.http.get(f"{path}/frame").content[:2] == b"\xff\xd8"
        measured = wait(lambda: (m := consumer.call("GET", f"{path}/media"))["bitrateKbps"] > 0 and m, "figures")
        assert measured["measured"] and measured["flow"] == "flowing" and measured["viewers"] == 1

        # SIGKILL: the session survives, the phone comes back to the same URL, the time between is not billed.
        killed = stack.kill("media")
        stack.wait_for("media", other_than=killed)
        page.evaluate(chromium.CLOSE, sent["key"])
        time.sleep(3)

        def again():
            reply = page.evaluate(chromium.PUBLISH, wish)
            return reply if reply["status"] == 201 else None

        sent = wait(again, "the phone's return")
        wait(lambda: consumer.call("GET", f"{path}/media")["flow"] == "flowing", "media again")
        time.sleep(3)
        assert state()["state"] == "LIVE"
        recording, again_id = _another_by_hand(stack, owner, made["id"])
        assert state()["state"] == "LIVE"
        assert page.evaluate(chromium.LEAVE, sent["key"]) == 200
        browser.close()
    ended = consumer.call("POST", f"{path}/end")
    assert ended["state"] == "ENDED"
    assert ended["failedSeconds"] >= 2 and ended["cleanSeconds"] >= 3
    refused = httpx.post(url, content="v=0", headers={"Content-Type": "application/sdp"}, trust_env=False)
    assert refused.status_code == 404

    # Each has a file of its own; the one of the killed server has a gap.
    second = wait(lambda: _cached(owner, again_id), "the second recording in the library", 120)
    assert not second["partial"] and second["durationSeconds"] > 1 and not (stack.instance.media / "sessions" / made["id"]).exists()
    assert recording["partial"] and [gap["cause"] for gap in recording["gaps"]] == ["publisher_lost"]
    (path,) = (stack.instance.media / "library").rglob(f"{recording['id']}/*.webm")
    with av.open(io.BytesIO(path.read_bytes())) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
        pictures = sum(1 for _ in container.decode(video=0))
    assert pictures > 60
    for secret in (url.rpartition("/")[2], started["edge"]["viewToken"]):
        assert secret not in stack.log()


def _owner_token(stack) -> str:
    email, password = stack.owner
    reply = httpx.post(f"{stack.origin}/api/v1/auth/login", json={"email": email, "password": password}, trust_env=False)
    return reply.json()["data"]["token"]


def _cached(owner, recording_id):
    found = owner.call("GET", f"/recordings/{recording_id}")
    return found if found["status"] == "cached" else None


def _another_by_hand(stack, owner, session_id):
    """The recording that runs is stopped and in the library while the session goes on; another one begins within two seconds."""
    (running,) = owner.call("GET", f"/recordings?sessionId={session_id}")
    assert running["status"] == "recording"
    assert owner.call("POST", f"/recordings/{running['id']}/stop", {})["job"]["status"] == "stop_requested"
    kept = wait(lambda: _cached(owner, running["id"]), "the stopped recording in the library", 30)
    asked = time.time()
    begun = owner.call("POST", "/recordings", {"sessionId": session_id, "name": "By hand"})["recording"]["id"]
    folder = stack.instance.media / "sessions" / session_id / begun
    wait(lambda: list(folder.glob("*.json")), "the first picture of the second recording", 10)
    assert time.time() - asked < 3
    time.sleep(2)
    return kept, begun
