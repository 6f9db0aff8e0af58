"""Levels to 500 sockets on daphne: the processor time of the server for each delivered frame.

All three are fed the same: one interface, ten frames of 141 bytes a second. Time spent is read from the server's process, so neither the clients
nor the neighbours of the machine count.
"""

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil
import redis

from bench import fleet
from bench.measure import Growth, Line, percent

HOUSE = True
SOCKETS = 500
CHANNELS = 49  # 36 + 2 × 49 + 7 = 141 bytes
PERIOD_SECONDS = 0.1


@dataclass
class Delivered:
    """Frames that arrived, and the server's seconds of processor time meanwhile."""

    frames: int = 0
    cpu_seconds: float = 0.0

    @property
    def each(self) -> float:
        return self.cpu_seconds / max(1, self.frames)


def run(options, house) -> list[Line]:
    node, interface, _ = fleet.recorder(channels=CHANNELS)
    _, token = fleet.person("owner")
    seconds, many = (3, 200) if options.quick else (5, SOCKETS)
    port, server = _server(house)
    try:
        feed = _Feed(house.redis_url, interface)
        measure = lambda path, sockets: asyncio.run(_measure(port, path, sockets, seconds, feed, server, token, node))  # noqa: E731
        growth = Growth("server time a delivered frame (seconds), by sockets", 0.1)
        ours = Delivered()
        for sockets in (50, many):
            ours = measure("ws", sockets)
            growth.add(sockets, ours.each)
        bare = measure("bare", many)
        layer = measure("layer", 100)
    finally:
        server.terminate()
        server.wait(10)
    expected = many * seconds / PERIOD_SECONDS
    return [
        Line(
            f"meter fan-out, {many} sockets, 141 bytes", f"{ours.each * 1e6:.0f} µs a frame", f"bare loop {bare.each * 1e6:.0f} µs", percent(bare.each / ours.each),
            "≥ 60 %", bare.each / ours.each >= 0.6, [f"{ours.frames / expected * 100:.0f} % of the frames arrived (a slow reader skips)"], [growth],
        ),
        Line(
            "the same against a message for each socket", f"{ours.each * 1e6:.0f} µs a frame", f"queue in Valkey for each socket {layer.each * 1e6:.0f} µs",
            f"{layer.each / ours.each:.1f} ×", "≥ 20 × group_send", None, ["the server's part only; its broker works as much again, and for the hub nearly nothing"],
        ),
    ]  # fmt: skip


class _Feed:
    """Publishes levels frames of one interface, each with its number."""

    def __init__(self, url: str, interface):
        from nodes.meters import ring, wire

        self._valkey, self._channel, self._wire = redis.Redis.from_url(url), ring.CHANNEL, wire
        self._interface, self._seq = interface.pk, 0
        self._levels = tuple(wire.ChannelLevel(n, -30.0, -20.0) for n in range(1, CHANNELS + 1))

    def publish(self) -> None:
        self._seq += 1
        frame = self._wire.MeterFrame(self._interface, self._seq, time.time_ns() // 1000, 100, self._levels, kind=self._wire.LEVELS)
        self._valkey.publish(self._channel, self._wire.encode(frame))


def _server(house):
    from config.stack import health
    from config.stack.paths import free_ports
    from config.stack.process import wait_until

    port = free_ports(1)[0]
    command = [sys.executable, "-W", "ignore", "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0", "bench.live_app:application"]
    server = subprocess.Popen(command, env={**os.environ, **house.environment}, stdout=subprocess.DEVNULL)
    wait_until(lambda: health.http_status(f"http://127.0.0.1:{port}/healthz") is not None, timeout_seconds=60, what="daphne", process=server)
    return port, server


async def _measure(port, path, sockets, seconds, feed, server, token, node) -> Delivered:
    counters = [0] * sockets
    clients = []
    for first in range(0, sockets, 10):
        batch = range(first, min(first + 10, sockets))
        clients += await asyncio.gather(*(_client(port, path, token, node, counters, index) for index in batch))
    process = psutil.Process(server.pid)
    pumping = asyncio.create_task(_pump(feed))
    await asyncio.sleep(1)
    frames, times = sum(counters), process.cpu_times()
    await asyncio.sleep(seconds)
    result = Delivered(sum(counters) - frames, sum(process.cpu_times()[:2]) - sum(times[:2]))
    pumping.cancel()
    for task, writer in clients:
        task.cancel()
        writer.close()
    await asyncio.sleep(1)
    return result


async def _pump(feed) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        feed.publish()
        due += PERIOD_SECONDS
        await asyncio.sleep(max(0, due - loop.time()))


async def _client(port, path, token, node, counters, index):
    """A socket that reads as fast as it can and counts binary frames."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in answer, answer[:200]
    if path == "ws":
        writer.write(_text_frame(f'{{"type": "subscribe", "topic": "meters:{node.pk}"}}'.encode()))
        assert await _frame(reader) == 1
    return asyncio.create_task(_count(reader, counters, index)), writer


def _text_frame(content: bytes) -> bytes:
    """One masked text frame; a mask of zeros leaves the bytes as they are."""
    assert len(content) < 126
    return bytes([0x81, 0x80 | len(content)]) + bytes(4) + content


async def _frame(reader) -> int:
    """Read one frame; its opcode."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    await reader.readexactly(length)
    return first & 0x0F


async def _count(reader, counters, index) -> None:
    while True:
        if await _frame(reader) == 2:
            counters[index] += 1
