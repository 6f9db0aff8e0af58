"""A controller in a thread: the documented protocol of 06 §4–9 over loopback, with faults to order.

`faults[route]` is a list of actions for the next requests of that route (the last one stays if it is
`forever`): "drop" answers nothing after having acted, ("status", 503, code) refuses instead of acting,
("cut", 0.7) reads only that share of the body and closes, "flip" hears one wrong byte.
Routes: heartbeat config claim job cancelled failed health meters head put.
"""

import asyncio
import base64
import hashlib
import json
import re
import struct
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from nodes.meters import wire

ROUTES = [
    ("POST", r"/nodes/[^/]+/heartbeat", "heartbeat"),
    ("GET", r"/nodes/[^/]+/config", "config"),
    ("POST", r"/nodes/[^/]+/recording-jobs/claim-next", "claim"),
    ("POST", r"/nodes/[^/]+/health-events", "health"),
    ("POST", r"/nodes/[^/]+/meter-frame", "meters"),
    ("POST", r"/recording-jobs/([^/]+)/heartbeat", "job"),
    ("POST", r"/recording-jobs/([^/]+)/cancelled", "cancelled"),
    ("POST", r"/recording-jobs/([^/]+)/failed", "failed"),
    ("HEAD", r"/recordings/([^/]+)/cache-file", "head"),
    ("PUT", r"/recordings/([^/]+)/cache-file", "put"),
]


def now_text(offset_seconds: float = 0.0) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=offset_seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Request:
    route: str
    method: str
    path: str
    headers: dict
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> dict:
        return json.loads(self.body)


@dataclass
class StoredFile:
    """One track on its way in."""

    digest: str
    total: int
    content: bytearray = field(default_factory=bytearray)
    complete: bool = False
    headers: dict = field(default_factory=dict)


class FakeController:
    """`start`, then `url`; `offset_seconds` makes its clock wrong."""

    def __init__(self):
        self.node = str(uuid.uuid4())
        self.token = "tr_node_test"
        self.requests: list[Request] = []
        self.faults: dict[str, list] = {}
        self.job_faults: dict[str, tuple] = {}
        self.config: dict = {}
        self.config_version = 1
        self.interfaces: dict[str, dict] = {}
        self.jobs: dict[str, dict] = {}
        self.claims: dict[str, str] = {}
        self.files: dict[tuple[str, int], StoredFile] = {}
        self.frames: list[wire.MeterFrame] = []
        self.posted_frames: list[dict] = []
        self.health: list[dict] = []
        self.part_bytes = 1024 * 1024
        self.capacity = 1
        self.meter_period_ms = 1000
        self.offset_seconds = 0.0
        self.sockets_allowed = True
        self.late_words = 0
        self.credential: dict | None = None
        self._sockets: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._port = 0

    # -- life ----------------------------------------------------------------------------------

    def start(self) -> "FakeController":
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.up()
        return self

    def up(self) -> None:
        """Listen, on the same port as before."""
        self._server = self._run(asyncio.start_server(self._connection, "127.0.0.1", self._port))
        self._port = self._server.sockets[0].getsockname()[1]

    def down(self) -> None:
        """An outage: no listener, every connection cut."""

        async def close():
            self._server.close()
            for writer in list(self._connections):
                writer.transport.abort()

        self._run(close())

    def stop(self) -> None:
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(5)

    # -- what a test asks ----------------------------------------------------------------------

    def count(self, route: str) -> int:
        return sum(request.route == route for request in self.requests)

    def of(self, route: str) -> list[Request]:
        return [request for request in self.requests if request.route == route]

    def add_job(self, *, seconds=None, starts_in=0.0, output=None, **command) -> dict:
        """A queued recording on the first interface."""
        job_id = str(uuid.uuid4())
        start = self.offset_seconds + starts_in
        interface = next(iter(self.interfaces.values()))
        job = {
            "id": job_id,
            "recordingId": str(uuid.uuid4()),
            "nodeId": self.node,
            "status": "queued",
            "attempt": 1,
            "claimId": None,
            "claimEpoch": 0,
            "captureStartAt": now_text(start),
            "captureEndAt": None if seconds is None else now_text(start + seconds),
            "stop": None,
            "command": {
                "interfaceId": interface["id"],
                "source": interface["source"],
                "sampleRate": interface["sampleRate"],
                "sampleFormat": "s16",
                "channels": len(interface["channels"]),
                "channelMap": None,
                "output": {"codec": "wav", "bitDepth": 16, "maxTrackSeconds": 0, **(output or {})},
                "recorderCache": {"policyId": None, "deleteAfterUpload": True},
                **command,
            },
        }
        self.jobs[job_id] = job
        self.push({"claim": True})
        return job

    def stop_job(self, job: dict, *, push: bool = True) -> None:
        job["stop"] = {
            "requestedAt": now_text(self.offset_seconds),
            "at": now_text(self.offset_seconds),
            "by": "alice",
            "mode": "keep",
            "reason": None,
        }
        job["status"] = "stop_requested"
        if push:
            self.push({"jobs": [job["id"]]})

    def file_of(self, job: dict, track: int = 1) -> bytes | None:
        stored = self.files.get((job["recordingId"], track))
        return bytes(stored.content) if stored and stored.complete else None

    def result_of(self, job: dict, track: int = 1) -> dict:
        """The newest results entry of a track."""
        for request in reversed(self.of("job")):
            if f"/{job['id']}/" in request.path:
                for entry in request.json["results"]:
                    if entry["trackIndex"] == track:
                        return entry
        raise AssertionError("no results were reported")

    def gaps_of(self, job: dict) -> list[dict]:
        mine = [r for r in self.of("job") if f"/{job['id']}/" in r.path]
        return mine[-1].json["gaps"]

    def push(self, hints: dict) -> None:
        """Hints over every open socket."""
        text = json.dumps({"type": "hints", **hints}).encode()

        async def send():
            for writer in list(self._sockets):
                writer.write(_ws_frame(0x1, text))

        self._run(send())

    # -- HTTP ----------------------------------------------------------------------------------

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._connections.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections.discard(writer)
            self._sockets.discard(writer)
            writer.close()

    async def _one(self, reader, writer) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *rest = head.split("\r\n")
        method, path, _ = line.split(" ")
        headers = {k.lower(): v.strip() for k, _, v in (r.partition(":") for r in rest if r)}
        if path == "/ws/node":
            await self._websocket(reader, writer, headers)
            return False
        route, subject = self._match(method, path)
        fault = self._fault(route) or self._job_fault(route, subject)
        length = int(headers.get("content-length", 0))
        if isinstance(fault, tuple) and fault[0] == "cut":
            body = await reader.readexactly(int(length * fault[1]))
            self._keep_cut(route, subject, headers, body)
            return False
        body = await reader.readexactly(length)
        if fault == "flip":
            body = body[:-1] + bytes([body[-1] ^ 1])
        self.requests.append(Request(route, method, path, headers, body))
        if isinstance(fault, tuple) and fault[0] == "status":
            answer = fault[1], {"code": fault[2], "transient": False, "message": ""}, {}
        elif headers.get("authorization") != f"Bearer {self.token}":
            answer = 401, {"code": "credential_not_accepted", "message": ""}, {}
        else:
            answer = getattr(self, f"_do_{route}")(subject, headers, body)
        if fault == "drop":
            return False
        _reply(writer, method, *answer)
        await writer.drain()
        return True

    def _match(self, method: str, path: str) -> tuple[str, str | None]:
        for known, pattern, route in ROUTES:
            match = re.fullmatch("/api/v1" + pattern, path)
            if known == method and match:
                return route, match[1] if match.groups() else None
        raise AssertionError(f"the agent asked for {method} {path}")

    def _fault(self, route: str):
        waiting = self.faults.get(route) or []
        if not waiting:
            return None
        return waiting[0] if waiting[-1] == "forever" else waiting.pop(0)

    def _job_fault(self, route: str, subject: str | None):
        """What every request about one job meets, on its own routes and on its recording's."""
        for job_id, fault in self.job_faults.items():
            if subject in (job_id, self.jobs[job_id]["recordingId"]):
                return fault
        return None

    def _keep_cut(self, route, recording_id, headers, body) -> None:
        """What arrived before the cut is kept, as a server that streams to disk would."""
        if route == "put":
            stored, offset, _ = self._stored(recording_id, headers, len(body))
            if offset == len(stored.content):
                stored.content += body

    # -- the routes ----------------------------------------------------------------------------

    def _hints(self) -> dict:
        return {
            "configVersion": f"c_{self.config_version}",
            "claim": any(job["status"] == "queued" for job in self.jobs.values()),
            "jobs": [],
            "meterPeriodMs": self.meter_period_ms,
            "feeds": [],
        }

    def _do_heartbeat(self, _, headers, body):
        for entry in json.loads(body).get("interfaces") or []:
            if entry["systemRef"] not in self.interfaces:
                self.interfaces[entry["systemRef"]] = self._interface(entry)
                self.config_version += 1
        data = {
            "node": {"id": self.node},
            "serverTime": now_text(self.offset_seconds),
            "hints": self._hints(),
            "commands": [{"id": "1", "action": "smoke_check", "args": {}, "expiresAt": now_text(9)}],
            "credential": self.credential,
        }
        return 202, {"data": data}, {}

    def _interface(self, entry: dict) -> dict:
        return {
            "id": str(uuid.uuid4()),
            "match": {key: entry[key] for key in ("serialNumber", "hardwarePath", "systemRef")},
            "enabled": True,
            "monitor": "always",
            "source": {"kind": entry["backend"], "ref": entry["systemRef"], "options": {}},
            "sampleRate": entry["sampleRates"][0],
            "sampleFormat": "s16",
            "channels": [{"index": n + 1, "alias": "", "role": "expected"} for n in range(entry["channelCount"])],
        }

    def _do_config(self, _, headers, body):
        data = {
            "configVersion": f"c_{self.config_version}",
            "node": {"id": self.node, "alias": "n", "timezone": "UTC"},
            "interfaces": list(self.interfaces.values()),
            "recordingCapacity": {"maxConcurrentRecordings": self.capacity},
            "recorderCachePolicies": [],
            "meters": {"periodMs": 1000},
            "watchdog": [],
            "limits": {"partBytes": self.part_bytes, "maxFileBytes": 68719476736, "feeds": 4},
            **self.config,
        }
        return 200, {"data": data}, {"ETag": f'"{self.config_version}"'}

    def _do_claim(self, _, headers, body):
        asked = json.loads(body)
        job = self.jobs.get(self.claims.get(asked["claimId"]))
        if job is None and asked["freeSlots"] > 0:
            job = next((j for j in self.jobs.values() if j["status"] == "queued"), None)
            if job is not None:
                self.claims[asked["claimId"]] = job["id"]
                job.update(status="running", claimId=asked["claimId"], claimEpoch=job["claimEpoch"] + 1)
        return (204, None, {}) if job is None else (200, {"data": job}, {})

    def _do_job(self, job_id, headers, body):
        job = self.jobs[job_id]
        if json.loads(body)["claimEpoch"] < job["claimEpoch"]:
            return 409, {"code": "claim_superseded", "message": ""}, {}
        if job["status"] in ("completed", "cancelled", "failed"):
            self.late_words += 1
            return 409, {"code": "job_terminal", "message": ""}, {}
        return 200, {"data": {"job": job, "hints": self._hints()}}, {}

    def _do_cancelled(self, job_id, headers, body):
        self.jobs[job_id]["status"] = "cancelled"
        return 200, {"data": self.jobs[job_id]}, {}

    def _do_failed(self, job_id, headers, body):
        self.jobs[job_id]["status"] = "failed"
        return 200, {"data": self.jobs[job_id]}, {}

    def _do_health(self, _, headers, body):
        self.health.append(json.loads(body))
        return 201, {"data": {}}, {}

    def _do_meters(self, _, headers, body):
        asked = json.loads(body)
        frames = asked.get("frames") or [asked]
        self.posted_frames += frames
        self.frames += [wire.from_json(frame) for frame in frames]
        return 202, {"data": {"receivedAt": now_text(), "accepted": len(frames), "hints": self._hints()}}, {}

    def _stored(self, recording_id, headers, length):
        digest = headers["repr-digest"]
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers.get("content-range", ""))
        offset, total = (int(match[1]), int(match[3])) if match else (0, length)
        key = recording_id, int(headers["track-index"])
        stored = self.files.get(key)
        if stored is not None and stored.digest != digest and offset:
            return None, offset, key
        if stored is None or stored.digest != digest:
            stored = self.files[key] = StoredFile(digest, total)
        return stored, offset, key

    def _do_head(self, recording_id, headers, body):
        stored = self.files.get((recording_id, int(headers["track-index"])))
        if stored is None:
            return 200, None, {"Upload-State": "none", "Upload-Offset": "0"}
        extra = {"Repr-Digest": stored.digest} if stored.complete else {}
        state = "complete" if stored.complete else "partial"
        return 200, None, {"Upload-State": state, "Upload-Offset": str(len(stored.content)), **extra}

    def _do_put(self, recording_id, headers, body):
        if digest_field(body) != headers["content-digest"]:
            return 422, {"code": "checksum_mismatch", "data": {"scope": "part"}, "message": ""}, {}
        stored, offset, key = self._stored(recording_id, headers, len(body))
        if stored is None:
            return 409, {"code": "upload_changed", "data": {}, "message": ""}, {}
        if stored.complete and stored.digest == headers["repr-digest"]:
            return 200, {"data": self._file_data(stored)}, {}
        if offset != len(stored.content):
            data = {"offset": len(stored.content)}
            return 409, {"code": "upload_offset_mismatch", "data": data, "message": ""}, {}
        stored.content += body
        if len(stored.content) < stored.total:
            return 202, {"data": {"offset": len(stored.content)}}, {}
        if digest_field(bytes(stored.content)) != stored.digest:
            del self.files[key]
            return 422, {"code": "checksum_mismatch", "data": {"scope": "file"}, "message": ""}, {}
        stored.complete, stored.headers = True, headers
        if headers["track-final"] == "true":
            self.jobs[headers["recording-job-id"]]["status"] = "completed"
        return 201, {"data": self._file_data(stored)}, {}

    def _file_data(self, stored: StoredFile) -> dict:
        content = bytes(stored.content)
        return {"file": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}}

    # -- the socket ----------------------------------------------------------------------------

    async def _websocket(self, reader, writer, headers) -> None:
        if not self.sockets_allowed or headers.get("authorization") != f"Bearer {self.token}":
            _reply(writer, "GET", 401, {"code": "not_authenticated", "message": ""}, {})
            return
        magic = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode()
        writer.write(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        self._sockets.add(writer)
        while True:
            opcode, payload = await _read_ws(reader)
            if opcode == 0x8:
                return
            if opcode == 0x9:
                writer.write(_ws_frame(0xA, payload))
            if opcode == 0x2:
                self.frames.append(wire.decode(payload))


def digest_field(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def _reply(writer, method, status, body, headers) -> None:
    content = b"" if body is None or method == "HEAD" else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def _ws_frame(opcode: int, payload: bytes) -> bytes:
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
    return bytes([0x80 | opcode]) + size + payload


async def _read_ws(reader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = struct.unpack(">H", await reader.readexactly(2))[0]
    elif size == 127:
        size = struct.unpack(">Q", await reader.readexactly(8))[0]
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return first & 0xF, bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
