"""A download with Range through the edge, against Caddy serving the bare file."""

import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench.measure import Line, percent
from bench.stacks import Recorder, Room
from config.stack import caddy, health
from config.stack.paths import free_ports
from config.stack.process import stop, wait_until

HOUSE = False
MIB = 1024**2


def run(options, house) -> list[Line]:
    size = 64 * MIB if options.quick else 192 * MIB
    content = os.urandom(MIB) * (size // MIB)
    room = Room()
    try:
        recording = Recorder(room, 2).stored_recording(content)
        link = room.data("POST", f"/recordings/{recording}/download", {})
        # The very file: how it was written decides how fast its pages are sent.
        file = next((room.stack.instance.var / "media" / "library").rglob("*.wav"))
        with tempfile.TemporaryDirectory(prefix="tallyroom-bench-") as home:
            port, server = _bare(file, home)
            try:
                return _compare(options, room, link["url"], port, file.name, size)
            finally:
                stop(server)
    finally:
        room.close()


def _compare(options, room, url: str, port: int, name: str, size: int) -> list[Line]:
    edge = urlsplit(room.stack.origin)
    bearer = room.api.headers["Authorization"]

    def ours(first, last):
        return _get(edge.port, url, f"Authorization: {bearer}\r\n", first, last)

    def bare(first, last):
        return _get(port, f"/{name}", "", first, last)

    rounds = options.rounds(15)
    whole = [(ours(1, size - 1), bare(1, size - 1)) for _ in range(rounds)]
    small = [(ours(MIB, MIB + 65535), bare(MIB, MIB + 65535)) for _ in range(rounds * 2)]
    # The best of each: what is left is the way through, not the neighbours.
    taken, peer = (min(total for _, total in times) for times in zip(*whole, strict=True))
    moving, peer_moving = (min(total - answered for answered, total in times) for times in zip(*whole, strict=True))
    asked, asked_bare = (median(total for _, total in times) for times in zip(*small, strict=True))
    return [
        Line(
            f"download of {size // MIB} MiB, Range", f"{size / MIB / taken:,.0f} MiB/s", f"Caddy, the bare file {size / MIB / peer:,.0f} MiB/s", percent(peer / taken), "≥ 95 %",
            peer / taken >= 0.95,
            [
                f"from the first byte on {percent(peer_moving / moving)} of the bare rate",
                f"a range of 64 KiB takes {asked * 1e3:.1f} ms, {asked_bare * 1e3:.1f} ms bare: the difference is web saying who may",
            ],
        )
    ]  # fmt: skip


def _bare(file: Path, home: str):
    port = free_ports(1)[0]
    environment = {**os.environ, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "HOME": home}
    command = [caddy.binary(), "file-server", "--root", file.parent, "--listen", f"127.0.0.1:{port}"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/{file.name}"
    wait_until(lambda: health.http_status(url) is not None, timeout_seconds=20, what="Caddy", process=server)
    return port, server


def _get(port: int, path: str, headers: str, first: int, last: int) -> tuple[float, float]:
    """Seconds to the first and to the last byte of a range, read as fast as a socket gives it."""
    buffer, wanted = bytearray(MIB), last - first + 1
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nRange: bytes={first}-{last}\r\n{headers}\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        head, _, body = head.partition(b"\r\n\r\n")
        assert b" 206 " in head.split(b"\r\n")[0], head[:500]
        received, answered = len(body), time.perf_counter() - began
        while received < wanted and (count := connection.recv_into(buffer)):
            received += count
    assert received == wanted, (received, wanted)
    return answered, time.perf_counter() - began
