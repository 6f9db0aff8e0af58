"""The generated Caddyfile in a real Caddy, in front of two small servers that say what reached them."""

import gzip
import http.client
import json
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from config.stack import caddy, process
from config.stack.paths import free_ports
from recordings.uploads.request import MAX_PART_BYTES

MIB = 1024 * 1024


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        """Quiet."""

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, dict(self.headers), len(body)))
        self.send_response(200)
        if self.path.startswith("/download/"):
            for name, value in self.server.download.items():
                self.send_header(name, value)
            content = b""
        elif self.path == "/cut":
            self.close_connection = True
            self.connection.close()
            return
        else:
            content = json.dumps({"server": self.server.name, "path": self.path}).encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_POST = do_PUT = do_HEAD = do_GET


def serve(name: str, port: int) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", port), Upstream)
    server.name, server.seen, server.download = name, [], {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edge")
    static, media = folder / "static", folder / "me dia"
    for path, content in (
        (static / "app.js", b"plain"),
        (static / "app.0123456789ab.js", b"hashed" * 100),
        (static / "app.0123456789ab.js.gz", gzip.compress(b"hashed" * 100)),
        (static / "staticfiles.json", b"{}"),
        (media / "rec" / "a.flac", bytes(range(256)) * 40),
        (media / "rec" / "b.flac", b"b" * 100),
        (media / "rec" / "b.flac.etag", b'"from-sidecar"'),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    port, web_port, live_port, media_port, nobody = free_ports(5)
    settings = caddy.Edge(
        bind="127.0.0.1", port=port, web_port=web_port, live_port=live_port, static_root=static, media_root=media,
        storage=folder / "storage", admin_socket=folder / "admin.sock", media_port=media_port,
    )  # fmt: skip
    (folder / "Caddyfile").write_text(caddy.caddyfile(settings))
    web = serve("web", web_port)
    live = serve("live", live_port)
    media = serve("media", media_port)
    command = [caddy.binary(), "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=process.die_with_parent(9), env={"HOME": str(folder)})

    class Edge:
        pass

    result = Edge()
    result.port, result.web, result.live, result.folder, result.settings = port, web, live, folder, settings
    try:
        process.wait_until(lambda: answers(port), timeout_seconds=20, what="Caddy", process=running, log=folder / "log")
        yield result
    finally:
        process.stop(running)
        for server in (web, live, media):
            server.shutdown()
            server.server_close()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(edge, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=10)
    connection.request(method, path, body=body, headers=headers or {})
    response = connection.getresponse()
    response.content = response.read()
    connection.close()
    return response


@pytest.mark.parametrize(
    ("path", "server"),
    [
        ("/", "web"),
        ("/api/v1/nodes", "web"),
        ("/api/v1/nodes/7/listen", "web"),
        ("/api/v1/nodes/7/listen/stream", "live"),
        ("/api/v1/nodes/7/8/listen/stream", "web"),
        ("/api/v1/meter-events", "live"),
        ("/api/v1/meter-events/x", "web"),
        ("/ws", "live"),
        ("/ws/node", "live"),
        ("/api/v1/conversations/7/events", "live"),
        ("/api/v1/conversations/7/session", "live"),
        ("/api/v1/conversations/7", "web"),
        ("/whip/tr_edge_x", "media"),
        ("/whep/tr_edge_x/resource", "media"),
        ("/whipped", "web"),
        ("/_media/rec/a.flac", "web"),
    ],
)
def test_what_stays_open_goes_to_live_and_the_rest_to_web(edge, path, server):
    assert json.loads(ask(edge, "GET", path).content) == {"server": server, "path": path}


def test_no_header_tells_what_serves(edge):
    for path in ("/", "/static/app.js", "/static/missing"):
        headers = ask(edge, "GET", path).headers
        assert "Server" not in headers or headers["Server"].startswith("BaseHTTP")
        assert "Via" not in headers


def test_only_the_edges_word_on_the_clients_address_reaches_web(edge):
    ask(edge, "GET", "/whoami", headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
    headers = edge.web.seen[-1][2]
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "http"


class TestDownloads:
    HEADERS = {
        "X-Accel-Redirect": "/_media/rec/a.flac",
        "Content-Type": "audio/flac",
        "Content-Disposition": 'attachment; filename="take.flac"',
        "Cache-Control": "private, no-store",
        "ETag": '"of-web"',
        "Repr-Digest": "sha-256=:abc:",
        "Accept-Ranges": "bytes",
        "Request-Id": "request-1",
    }

    def test_web_names_the_file_and_keeps_its_headers(self, edge):
        edge.web.download = self.HEADERS
        response = ask(edge, "GET", "/download/1")
        assert response.status == 200
        assert response.content == bytes(range(256)) * 40
        for name, value in self.HEADERS.items():
            assert response.headers[name] == (None if name == "X-Accel-Redirect" else value), name
        assert response.headers["Content-Length"] == "10240"
        assert response.headers.get_all("ETag") == ['"of-web"']

    def test_a_part_of_the_file(self, edge):
        edge.web.download = self.HEADERS
        response = ask(edge, "GET", "/download/1", headers={"Range": "bytes=256-511"})
        assert response.status == 206
        assert response.content == bytes(range(256))
        assert response.headers["Content-Range"] == "bytes 256-511/10240"
        assert ask(edge, "GET", "/download/1", headers={"Range": "bytes=99999-"}).status == 416

    def test_an_unchanged_file_is_not_sent_again(self, edge):
        edge.web.download = self.HEADERS
        assert ask(edge, "GET", "/download/1", headers={"If-None-Match": '"of-web"'}).status == 304

    def test_head_says_the_length_and_sends_nothing(self, edge):
        edge.web.download = self.HEADERS
        response = ask(edge, "HEAD", "/download/1")
        assert (response.status, response.content, response.headers["Content-Length"]) == (200, b"", "10240")

    def test_the_tag_may_lie_beside_the_file(self, edge):
        edge.web.download = {"X-Accel-Redirect": "/_media/rec/b.flac"}
        assert ask(edge, "GET", "/download/1").headers["ETag"] == '"from-sidecar"'

    @pytest.mark.parametrize("target", ["/_media/../static/app.js", "/_media/%2e%2e/static/app.js", "/_media/nothing"])
    def test_nothing_outside_the_folder_is_reached(self, edge, target):
        edge.web.download = {"X-Accel-Redirect": target}
        response = ask(edge, "GET", "/download/1")
        assert response.status == 404
        assert json.loads(response.content)["code"] == "not_found"


class TestStatic:
    def test_a_hashed_name_is_kept_for_ever_others_are_asked_for_again(self, edge):
        assert ask(edge, "GET", "/static/app.0123456789ab.js").headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert ask(edge, "GET", "/static/app.js").headers["Cache-Control"] == "no-cache"

    def test_the_compressed_copy_is_sent_to_those_who_take_it(self, edge):
        response = ask(edge, "GET", "/static/app.0123456789ab.js", headers={"Accept-Encoding": "gzip"})
        assert response.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(response.content) == b"hashed" * 100

    @pytest.mark.parametrize("path", ["/static/missing.js", "/static/staticfiles.json", "/static/"])
    def test_what_is_not_there_is_a_flat_error(self, edge, path):
        response = ask(edge, "GET", path)
        assert response.status == 404
        assert json.loads(response.content)["code"] == "not_found"

    def test_nothing_can_be_written(self, edge):
        response = ask(edge, "POST", "/static/app.js", body=b"x")
        assert (response.status, json.loads(response.content)["code"]) == (405, "method_not_allowed")


class TestBodies:
    def test_a_slow_sender_does_not_occupy_web(self, edge):
        before = len(edge.web.seen)
        with socket.create_connection(("127.0.0.1", edge.port)) as slow:
            slow.sendall(b"PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"a" * 100_000)
            time.sleep(0.4)
            assert len(edge.web.seen) == before
            slow.sendall(b"a" * 100_000)
            assert b" 200 " in slow.recv(4096).split(b"\r\n")[0]
        assert edge.web.seen[-1][3] == 200_000

    def test_a_part_of_16_mib_passes(self, edge):
        response = ask(edge, "PUT", "/part", body=b"a" * (16 * MIB))
        assert response.status == 200
        assert edge.web.seen[-1][3] == 16 * MIB

    @pytest.mark.parametrize(
        ("path", "code", "data"),
        [("/part", "body_too_large", None), ("/api/v1/recordings/7/cache-file", "part_too_large", {"maxPartBytes": MAX_PART_BYTES})],
    )
    def test_more_is_refused_before_web_hears_of_it(self, edge, path, code, data):
        before = len(edge.web.seen)
        with socket.create_connection(("127.0.0.1", edge.port), timeout=10) as sender:
            sender.sendall(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {18 * MIB}\r\n\r\n".encode())
            # Caddy reads 256 KiB of an unwanted body before it answers; the rest is never sent.
            sender.sendall(b"a" * 300_000)
            response = http.client.HTTPResponse(sender)
            response.begin()
            assert response.status == 413
            error = json.loads(response.read())
            assert (error["code"], error.get("data")) == (code, data)
        assert len(edge.web.seen) == before


class TestWithoutServers:
    """A second site of the same Caddy binary, behind which nothing listens."""

    @pytest.fixture(scope="class")
    @classmethod
    def alone(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("alone")
        port, web_port, live_port = free_ports(3)
        settings = caddy.Edge(
            bind="127.0.0.1", port=port, web_port=web_port, live_port=live_port, static_root=folder, media_root=folder,
            storage=folder / "storage", admin_socket=folder / "admin.sock",
        )  # fmt: skip
        (folder / "Caddyfile").write_text(caddy.caddyfile(settings))
        command = [caddy.binary(), "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]
        with (folder / "log").open("wb") as log:
            running = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=process.die_with_parent(9), env={"HOME": str(folder)})
        try:
            process.wait_until(lambda: answers(port), timeout_seconds=20, what="Caddy", process=running, log=folder / "log")
            edge_alone = type("Edge", (), {"port": port})
            yield edge_alone
        finally:
            process.stop(running)

    @pytest.mark.parametrize("path", ["/", "/ws", "/api/v1/nodes", "/api/v1/meter-events"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_it_says_so_as_the_api_does(self, alone, method, path):
        response = ask(alone, method, path, body=b"{}" if method == "POST" else None)
        body = json.loads(response.content)
        assert (response.status, body["code"], body["transient"]) == (503, "not_ready", True)
        assert body["message"]
        assert int(response.headers["Retry-After"]) >= 1
        assert response.headers["Request-Id"]
        assert response.headers["Content-Type"] == "application/json"
        assert "Server" not in response.headers


@pytest.mark.parametrize(("method", "transient"), [("GET", True), ("PUT", True), ("POST", False)])
def test_a_connection_that_breaks_off_is_transient_only_where_repeating_is_harmless(edge, method, transient):
    response = ask(edge, method, "/cut", body=b"{}" if method != "GET" else None)
    assert response.status == 503
    body = json.loads(response.content)
    assert (body["code"], body["transient"]) == ("not_ready", transient)


def test_its_file_is_laid_out_as_caddy_does_it(edge):
    source = edge.folder / "Caddyfile"
    formatted = subprocess.run([caddy.binary(), "fmt", source], capture_output=True, text=True, check=False).stdout
    assert formatted == source.read_text()
    assert (edge.folder / "admin.sock").is_socket()
