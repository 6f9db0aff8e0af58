"""Media servers on loopback that speak the documented API of each provider, as far as the adapters use it; for the one contract suite."""

import base64
import hashlib
import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey

from config.kernel import clock
from sessions.media import tokens


class Server:
    """`handle(method, path, query, body, headers)` → (status, JSON or bytes). `mode` breaks it; `requests` are those that came."""

    def __init__(self):
        self.mode = ""
        self.requests: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_): ...

            def _answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                outer.requests.append((self.command, parts.path))
                status, reply = outer._reply(self.command, parts, body, {name.lower(): value for name, value in self.headers.items()})
                if status is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                raw = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                with suppress(BrokenPipeError):
                    self.wfile.write(raw)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.down_times = 0
        self._stopped = False
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _reply(self, method, parts, body, headers):
        if self.down_times > 0:
            self.down_times -= 1
            return 503, {}
        if self.mode == "redirect":
            return 302, {}
        if self.mode == "error":
            return 500, {}
        if self.mode == "cut":
            return None, None
        if self.mode == "nonsense":
            return 200, b"<html>"
        if self.mode == "slow":
            threading.Event().wait(7)
        try:
            parsed = json.loads(body) if body else {}
        except ValueError:
            parsed = {}
        return self.handle(method, parts.path, parse_qs(parts.query), parsed, headers)

    def stop(self):
        """Safe to repeat."""
        if not self._stopped:
            self._stopped = True
            self._server.shutdown()
            self._server.server_close()


class MediaMtx(Server):
    def __init__(self):
        super().__init__()
        self.paths: dict[str, dict] = {}
        self.sessions: dict[str, dict] = {}
        self._numbers = count(1)

    def handle(self, method, path, query, body, headers):
        head, _, name = path.rpartition("/")
        if (method, head) == ("POST", "/v3/config/paths/add"):
            if name in self.paths:
                return 400, {"error": "path already exists"}
            if body != {"source": "publisher", "overridePublisher": True}:
                return 400, {"error": "invalid"}
            self.paths[name] = {"flow": "idle", "bytes": 0}
            return 200, {}
        if (method, head) == ("GET", "/v3/config/paths/get"):
            return (200, {"name": name, "source": "publisher"}) if name in self.paths else (404, {"error": "not found"})
        if (method, path) == ("GET", "/v3/config/paths/list"):
            items = [{"name": one, "source": "publisher"} for one in self.paths] + [{"name": "camera", "source": "rtsp://x"}]
            return 200, {"pageCount": 1, "itemCount": len(items), "items": items}
        if (method, head) == ("DELETE", "/v3/config/paths/delete"):
            return (200, {}) if self.paths.pop(name, None) else (404, {"error": "not found"})
        if (method, head) == ("GET", "/v3/paths/get"):
            if name not in self.paths:
                return 404, {"error": "not found"}
            one = self.paths[name]
            source = {"type": "webRTCSession", "id": "s"} if one["flow"] != "idle" else None
            return 200, {"name": name, "available": one["flow"] == "flowing", "inboundBytes": one["bytes"], "source": source}
        if (method, path) == ("GET", "/v3/webrtcsessions/list"):
            return 200, {"pageCount": 1, "items": [{"id": key, **one} for key, one in self.sessions.items()]}
        if (method, head) == ("POST", "/v3/webrtcsessions/kick"):
            return (200, {}) if self.sessions.pop(name, None) else (404, {"error": "not found"})
        return 404, {"error": "not found"}

    def join(self, ref, *, publishes):
        self.sessions[f"{next(self._numbers)}"] = {"path": ref, "state": "publish" if publishes else "read"}

    def there(self, ref):
        return sorted(one["state"] for one in self.sessions.values() if one["path"] == ref)

    def flow(self, ref, flow):
        self.paths[ref]["flow"] = flow
        self.paths[ref]["bytes"] += 1000 if flow == "flowing" else 0

    def names(self):
        return list(self.paths)

    def event(self, ref, kind):
        body = json.dumps({"id": f"{ref}-{kind}", "ref": ref, "kind": kind, "at": clock.wire(clock.now())}).encode()
        return {"tallyroom-media-signature": tokens.events_signature(body)}, body


class Cloudflare(Server):
    SECRET, ACCOUNT, TOKEN = "hook-secret", "account-1", "api-token"

    def __init__(self):
        super().__init__()
        self.rows: dict[str, dict] = {}
        self.rotated: list[str] = []
        self.media_url = self.url
        self._numbers = count(1)

    def handle(self, method, path, query, body, headers):
        if headers.get("authorization") != f"Bearer {self.TOKEN}":
            return 403, {"success": False, "errors": [{"code": 10000}], "result": None}
        base = f"/client/v4/accounts/{self.ACCOUNT}/stream/live_inputs"
        if path == base and method == "POST":
            uid = f"{next(self._numbers):032x}"
            media = self.media_url
            self.rows[uid] = {
                "uid": uid, "created": "2026-05-13T08:42:00.123456789Z", "meta": body["meta"], "recording": body["recording"],
                "webRTC": {"url": f"{media}/{uid}secret/webRTC/publish"}, "webRTCPlayback": {"url": f"{media}/{uid}/webRTC/play"},
                "status": None,
            }  # fmt: skip
            return 200, {"success": True, "result": self.rows[uid]}
        if path == base:
            rows = [{key: row[key] for key in ("uid", "created", "meta")} for row in self.rows.values()]
            return 200, {"success": True, "result": rows}
        uid = path.removeprefix(base + "/").split("/")[0]
        if uid not in self.rows:
            return 404, {"success": False, "result": None}
        if path.endswith("/rotate_keys"):
            self.rotated.append(uid)
        if method == "DELETE":
            del self.rows[uid]
            return 200, b""
        return 200, {"success": True, "result": self.rows[uid]}

    def flow(self, ref, flow):
        state = {"connecting": "connected", "flowing": "reconnected", "lost": "client_disconnect", "idle": None}[flow]
        self.rows[ref]["status"] = {"current": {"state": state, "statusEnteredAt": "2026-05-13T08:43:00.987654321Z"}} if state else None

    def names(self):
        return [row["meta"]["name"] for row in self.rows.values()]

    def event(self, ref, kind):
        data = {"input_id": ref, "event_type": "live_input.disconnected", "updated_at": "2026-05-13T08:44:00.123456789Z"}
        return {"cf-webhook-auth": self.SECRET}, json.dumps({"name": "Live Webhook", "text": "…", "data": data, "ts": 1}).encode()


class LiveKit(Server):
    KEY, SECRET = "APIkey", "secret-of-at-least-thirty-two-characters"

    def __init__(self):
        super().__init__()
        self.rows: dict[str, dict] = {}
        self.people: dict[str, list[str]] = {}
        self.media_url = self.url
        self._numbers = count(1)
        self._key = OctKey.import_key(self.SECRET)

    def handle(self, method, path, query, body, headers):
        try:
            claims = jwt.decode(headers.get("authorization", "").removeprefix("Bearer "), self._key, algorithms=["HS256"]).claims
        except Exception:  # noqa: BLE001 - any bad token is the same to a server
            return 401, {"code": "unauthenticated"}
        service, _, call = path.removeprefix("/twirp/livekit.").partition("/")
        if claims["iss"] != self.KEY or not claims["video"].get("ingressAdmin" if service == "Ingress" else "roomAdmin"):
            return 403, {"code": "permission_denied"}
        if call == "CreateIngress":
            assert body["input_type"] == "WHIP_INPUT" and body["enable_transcoding"] is False
            ref = f"IN_{next(self._numbers)}"
            self.rows[ref] = {
                "ingress_id": ref, "name": body["name"], "room_name": body["room_name"], "url": f"{self.media_url}/w", "stream_key": f"key{ref}",
                "state": {"status": "ENDPOINT_INACTIVE", "started_at": "0"},
            }  # fmt: skip
            return 200, self.rows[ref]
        if call == "ListIngress":
            return 200, {"items": [row for row in self.rows.values() if all(row.get(key) == value for key, value in body.items())]}
        if call == "DeleteIngress":
            return (200, self.rows.pop(body["ingress_id"])) if body["ingress_id"] in self.rows else (404, {"code": "not_found"})
        if call == "ListParticipants":
            return 200, {"participants": [{"identity": one} for one in self.people.get(body["room"], [])]}
        if call == "RemoveParticipant":
            self.people[body["room"]].remove(body["identity"])
            return 200, {}
        return 404, {"code": "bad_route"}

    def join(self, ref, *, publishes):
        room = self.rows[ref]["room_name"]
        self.people.setdefault(room, []).append("publisher" if publishes else f"viewer-{len(self.people.get(room, []))}")

    def there(self, ref):
        return sorted("publish" if one == "publisher" else "read" for one in self.people.get(self.rows[ref]["room_name"], []))

    def flow(self, ref, flow):
        status = {"idle": "ENDPOINT_INACTIVE", "connecting": "ENDPOINT_BUFFERING", "flowing": "ENDPOINT_PUBLISHING", "lost": "ENDPOINT_COMPLETE"}[
            flow
        ]
        self.rows[ref]["state"] = {"status": status, "started_at": "1778661723000000000", "ended_at": "1778661733000000000"}

    def names(self):
        return [row["name"] for row in self.rows.values()]

    def event(self, ref, kind):
        event = "ingress_started" if kind == "flowing" else "ingress_ended"
        body = json.dumps({"event": event, "id": f"EV_{ref}{kind}", "createdAt": "1778661723", "ingressInfo": {"ingressId": ref}}).encode()
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        claims = {"iss": self.KEY, "sha256": digest, "exp": int(clock.now().timestamp()) + 60}
        return {"authorization": jwt.encode({"alg": "HS256"}, claims, self._key)}, body
