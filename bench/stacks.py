"""A whole `bin/up` to measure from outside, and a recorder that speaks to it by the API."""

import base64
import hashlib
import threading
import time
from uuid import UUID, uuid4

import httpx

from config.stack.testing import Stack

PART = 16 * 1024**2


def _digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


class Room:
    """A bare stack and its owner's API client."""

    def __init__(self):
        self.stack = Stack(bare=True, environment={"RATE_LIMIT_ENABLED": "0"})
        self.api = httpx.Client(base_url=f"{self.stack.origin}/api/v1", timeout=60)
        email, password = self.stack.owner
        self.api.headers["Authorization"] = f"Bearer {self.data('POST', '/auth/login', {'email': email, 'password': password})['token']}"

    def data(self, method: str, path: str, body: dict | None = None, client: httpx.Client | None = None):
        """What an answer holds under `data`. AssertionError for a refusal."""
        reply = (client or self.api).request(method, path, json=body)
        if not reply.is_success:
            raise AssertionError(f"{method} {path}: {reply.status_code} {reply.text[:500]}")
        return reply.json()["data"] if reply.content else None

    def close(self) -> None:
        self.api.close()
        self.stack.stop()


class Recorder:
    """An enrolled node with one interface."""

    def __init__(self, room: Room, channels: int):
        self.room = room
        site = room.data("POST", "/sites", {"name": f"Bench {channels}", "timezone": "UTC"})
        made = room.data("POST", "/nodes/enroll", {"alias": f"bench-{channels}", "location": {"siteId": site["id"]}})
        self.node_id, self.token = made["node"]["id"], made["credential"]["token"]
        self.client = httpx.Client(base_url=room.api.base_url, timeout=120, headers={"Authorization": f"Bearer {self.token}"})
        self._channels, self._seq = channels, 0
        self.heartbeat()
        self.interface_id = UUID(room.data("GET", f"/nodes/{self.node_id}")["interfaces"][0]["id"])

    def heartbeat(self) -> None:
        self._seq += 1
        interface = {
            "systemName": "XUSB", "systemRef": "hw:XUSB,0", "backend": "alsa", "hardwarePath": "usb-1.2", "serialNumber": "A1", "sampleRates": [48000],
            "channelCount": self._channels, "state": "open", "error": None, "xruns": 0,
        }  # fmt: skip
        said = {
            "agentInstanceId": "bench",
            "processId": "bench",
            "seq": self._seq,
            "sentAt": _now(),
            "status": "ok",
            "freeSlots": 1,
            "interfaces": [interface],
        }
        self.room.data("POST", f"/nodes/{self.node_id}/heartbeat", said, self.client)

    def stored_recording(self, content: bytes) -> str:
        """Record, claim and upload a file of this content; the recording's id."""
        made = self.room.data("POST", "/recordings", {"nodeId": self.node_id, "name": "Bench"})
        claim = {"claimId": str(uuid4()), "agentInstanceId": "bench", "processId": "bench", "freeSlots": 1, "agentTime": _now()}
        job = self.room.data("POST", f"/nodes/{self.node_id}/recording-jobs/claim-next", claim, self.client)
        whole, recording_id = _digest(content), made["recording"]["id"]
        for start in range(0, len(content), PART):
            part = content[start : start + PART]
            headers = {
                "Recording-Job-Id": job["id"], "Claim-Epoch": "1", "Content-Type": "audio/wav", "Content-Digest": _digest(part), "Repr-Digest": whole,
                "Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(content)}",
            }  # fmt: skip
            reply = self.client.put(f"/recordings/{recording_id}/cache-file", content=part, headers=headers)
            if not reply.is_success:
                raise AssertionError(f"upload: {reply.status_code} {reply.text[:500]}")
        return recording_id


class Levels:
    """Sends levels ten times a second over `/ws/node`, and a heartbeat now and then, until closed."""

    def __init__(self, recorder: Recorder, channels: int):
        self._recorder, self._channels, self._stop = recorder, channels, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        import math

        from websockets.sync.client import connect

        from nodes.meters import wire

        url = str(self._recorder.room.stack.origin).replace("http", "ws", 1) + "/ws/node"
        with connect(url, additional_headers={"Authorization": f"Bearer {self._recorder.token}"}) as socket:
            number = 0
            while not self._stop.wait(0.1):
                number += 1
                levels = tuple(
                    wire.ChannelLevel(n, rms := -30 + 20 * math.sin(number / 5 + n), rms + 6, quality=(0.9, 0, 0, 0, 0))
                    for n in range(1, self._channels + 1)
                )
                kinds = [(wire.LEVELS, 100)] + ([(wire.FEATURES, 1000)] if number % 10 == 0 else [])
                for kind, period in kinds:
                    socket.send(wire.encode(wire.MeterFrame(self._recorder.interface_id, number, time.time_ns() // 1000, period, levels, kind=kind)))
                if number % 50 == 0:
                    self._recorder.heartbeat()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
