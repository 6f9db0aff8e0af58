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
import redis.asyncio

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
    finally:
        server.terminate()
        server.wait(10)
    expected = many * seconds / PERIOD_SECONDS
    return [
        Line(
            f"meter fan-out, {many} sockets, 141 bytes", f"{ours.each * 1e6:.0f} µs a frame", f"bare loop {bare.each * 1e6:.0f} µs", percent(bare.each / ours.each),
            "≥ 60 %", bare.each / ours.each >= 0.6, [f"{ours.frames / expected * 100:.0f} % of the frames arrived (a slow reader skips)"], [growth],
        ),
        _without_sockets(options, house, interface, node, many),
    ]  # fmt: skip


def _without_sockets(options, house, interface, node, many: int) -> Line:
    """The two ways from one frame to many readers, without the cost of writing to sockets: a tick of the hub, and a queue in Valkey for each reader."""
    frames = 20 if options.quick else 50
    hub = asyncio.run(_hub_alone(interface, node, many, frames))
    layer = asyncio.run(_layer_alone(house.redis_url, many, 3))
    return Line(
        f"the way to {many} readers, without sockets", f"{hub * 1e6:.1f} µs a frame", f"a queue in Valkey for each reader, as group_send has {layer * 1e6:.0f} µs",
        f"{layer / hub:.0f} ×", "≥ 20 ×", layer / hub >= 20,
    )  # fmt: skip


class _Counter:
    """A reader that is always ready."""

    def __init__(self):
        self.frames = 0

    def drained(self) -> bool:
        return True

    async def send(self, message: bytes) -> None:
        self.frames += 1


async def _hub_alone(interface, node, many: int, frames: int) -> float:
    from nodes.meters import wire
    from nodes.meters.hub import Hub, Watch

    hub, readers = Hub(), [_Counter() for _ in range(many)]
    kinds = (wire.FEATURES, wire.LEVELS)
    for reader in readers:
        hub.watches.add(Watch(hub, node.pk, frozenset([interface.pk]), reader, kinds))
    hub._wanted[interface.pk] = many
    levels = tuple(wire.ChannelLevel(n, -30.0, -20.0) for n in range(1, CHANNELS + 1))
    payloads = [wire.encode(wire.MeterFrame(interface.pk, n, time.time_ns() // 1000, 100, levels, kind=wire.LEVELS)) for n in range(frames)]
    began = time.perf_counter()
    for payload in payloads:
        hub.take(payload)
        hub.push()
        while any(watch.busy is not None for watch in hub.watches):
            await asyncio.sleep(0)
    taken = time.perf_counter() - began
    assert sum(reader.frames for reader in readers) == many * frames
    return taken / (many * frames)


async def _layer_alone(url: str, many: int, frames: int) -> float:
    """Each frame is put into a list for each reader, and each reader takes it out of its own."""
    sender = redis.asyncio.Redis.from_url(url)
    readers = [redis.asyncio.Redis.from_url(url) for _ in range(many)]
    names = [f"bench:layer:{n}" for n in range(many)]

    async def read(reader, name):
        for _ in range(frames):
            await reader.blpop(name)

    reading = [asyncio.create_task(read(reader, name)) for reader, name in zip(readers, names, strict=True)]
    await asyncio.sleep(1)
    began = time.perf_counter()
    for _ in range(frames):
        for name in names:
            await sender.rpush(name, b"x" * 141)
    await asyncio.gather(*reading)
    taken = time.perf_counter() - began
    for one in (sender, *readers):
        await one.aclose()
    return taken / (many * frames)


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
