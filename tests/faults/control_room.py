"""What the fault tests do to a running control room: sign in, enrol, record, stop, fetch; and recorder agents of their own."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
TONE_HZ = 997


class Client:
    """The documented API as one signed-in person; waits through outages instead of failing."""

    def __init__(self, stack):
        self.http = httpx.Client(base_url=stack.origin, timeout=20)
        email, password = stack.owner
        reply = self.http.post("/api/v1/auth/login", json={"email": email, "password": password})
        assert reply.status_code == 200, reply.text
        self.http.headers["Authorization"] = f"Bearer {reply.json()['data']['token']}"

    def call(self, method: str, path: str, expect: int | tuple = 200, **kwargs):
        reply = self.http.request(method, f"/api/v1{path}", **kwargs)
        assert reply.status_code in (expect if isinstance(expect, tuple) else (expect,)), f"{method} {path}: {reply.status_code} {reply.text[:500]}"
        return reply.json()["data"] if reply.content else None

    def enrol(self, alias: str) -> tuple[str, str]:
        sites = self.call("GET", "/sites")
        site = sites[0]["id"] if sites else self.call("POST", "/sites", 201, json={"name": "Test site", "timezone": "UTC"})["id"]
        body = {"alias": alias, "location": {"siteId": site}}
        made = self.call("POST", "/nodes/enroll", 201, json=body)
        return made["node"]["id"], made["credential"]["token"]

    def wait(self, path: str, until, seconds: float = 60, what: str = ""):
        """Poll `path` until `until(data)`; outages in between are lived through."""
        end, data = time.monotonic() + seconds, None
        while time.monotonic() < end:
            try:
                reply = self.http.get(f"/api/v1{path}")
                if reply.status_code == 200:
                    data = reply.json()["data"]
                    if until(data):
                        return data
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"waited {seconds} s for {what or path}; last: {json.dumps(data)[:1500]}")

    def wait_online(self, node: str, seconds: float = 40) -> dict:
        ready = lambda data: data["status"] != "offline" and data["interfaces"] and data["interfaces"][0]["state"] in {"open", "idle"}  # noqa: E731
        return self.wait(f"/nodes/{node}", ready, seconds, "the node to be online with an interface")

    def profile(self, codec: str) -> str:
        return next(row["id"] for row in self.call("GET", "/settings/recording-profiles") if row["codec"] == codec)

    def start(self, node: str, codec: str = "flac", **body) -> tuple[str, str]:
        made = self.call("POST", "/recordings", 202, json={"nodeId": node, "recordingProfileId": self.profile(codec), **body})
        return made["recording"]["id"], made["job"]["id"]

    def wait_capturing(self, job: str, seconds: float = 30) -> dict:
        return self.wait(f"/recording-jobs/{job}", lambda data: data["phase"] == "capturing", seconds, "capture to start")

    def stop(self, recording: str) -> None:
        self.call("POST", f"/recordings/{recording}/stop", 202, json={})

    def fetch(self, recording: str, seconds: float = 60) -> tuple[dict, bytes]:
        """The stored recording and its bytes, held against the announced SHA-256."""
        row = self.wait(f"/recordings/{recording}", lambda data: data["status"] in {"cached", "uploaded"}, seconds, "the file to arrive")
        link = self.call("POST", f"/recordings/{recording}/download", 201, json={})
        reply = self.http.get(link["url"])
        assert reply.status_code == 200, reply.text[:300]
        assert hashlib.sha256(reply.content).hexdigest() == link["sha256"] == row["file"]["sha256"]
        assert len(reply.content) == link["size"]
        return row, reply.content


class Agent:
    """A recorder agent process on a 997 Hz tone, with its own data folder."""

    def __init__(self, url: str, node: str, token: str, folder: Path, **env):
        self.url, self.node, self.folder = url, node, folder
        folder.mkdir(parents=True, exist_ok=True)
        credential = folder / "credential"
        credential.write_text(token)
        credential.chmod(0o600)
        config = folder / "agent.toml"
        config.write_text(
            f'url = "{url}"\nnode = "{node}"\ndata_dir = "{folder}"\n\n'
            f'[[interface]]\nsource = "lavfi:sine=frequency={TONE_HZ}:sample_rate=48000"\nsample_rate = 48000\nchannels = 1\nalias = "Tone"\n'
        )
        self.env = {**os.environ, **env}
        self.log = folder / "agent.log"
        self.process = None
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "nodes.agent", "run", "--config", str(self.folder / "agent.toml")]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=self.env, start_new_session=True)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=12)
            except subprocess.TimeoutExpired:
                self.kill()

    def state(self, job: str) -> dict:
        """The agent's own write-ahead state of a job, {} before it exists."""
        path = self.folder / "jobs" / job / "state.json"
        return json.loads(path.read_text()) if path.is_file() else {}

    def wait_phase(self, job: str, *phases: str, seconds: float = 30) -> dict:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (state := self.state(job)).get("phase") in phases:
                return state
            time.sleep(0.05)
        raise AssertionError(f"the agent never reached {phases}: {self.state(job)}\n{self.log.read_text()[-3000:]}")
