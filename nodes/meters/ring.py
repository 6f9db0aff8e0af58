"""The meter ring in Valkey: the newest frame of each interface, and the last minutes of its 1 s features.

    m:<iface>:latest            text of 16 digits (capture instant, µs), 16 digits (received, µs), then the binary frame; TTL 15 min
    m:<iface>:<minute>          hash second → binary features frame, 10 min
    m:<iface>:<minute>:s        hash second → 8 bytes a channel (`SHORT`), 60 min; what the rollup and long windows read
    m:dirty                     set of "<iface>:<minute>" that the rollup has not folded in yet

One pipeline a frame, no database. Freshness is the controller's time: a frame that says it comes from elsewhen than now is filed under
its arrival. Replays fill the ring of their own seconds but never touch `latest`, which never goes back.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from config.kernel import broker
from nodes.meters import wire

#: Binary frames, published to the live processes as they come in.
CHANNEL = broker.PREFIX + "meters"
LATEST_SECONDS, FULL_SECONDS, SHORT_SECONDS = 15 * 60, 10 * 60, 60 * 60
STALE_SECONDS = 3.0
REPLAY_SECONDS = 24 * 3600
_SKEW_US = 2_000_000
_STAMP = 16
SHORT = np.dtype([("rms", "<i2"), ("peak", "<i2"), ("floor", "<i2"), ("clip_runs", "u1"), ("speech", "u1")])
DIRTY = broker.PREFIX + "m:dirty"
# Digits compare alike in every locale. KEYS latest; ARGV value, TTL, channel, frame: newer or equal wins, and is told on.
_NEWER = """
local old = redis.call('GET', KEYS[1])
if old and string.sub(old, 1, 16) > string.sub(ARGV[1], 1, 16) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
"""


@dataclass(frozen=True)
class Latest:
    """The newest features of an interface: the binary frame, and when it arrived (µs)."""

    payload: bytes
    received_us: int

    @property
    def age_seconds(self) -> float:
        return max(0.0, (now_us() - self.received_us) / 1e6)

    @property
    def stale(self) -> bool:
        return self.age_seconds > STALE_SECONDS


def now_us() -> int:
    return time.time_ns() // 1000


def latest_key(interface_id: UUID) -> str:
    return f"{broker.PREFIX}m:{interface_id}:latest"


def minute_key(interface_id: UUID, minute: int) -> str:
    """`minute`: minutes since 1970."""
    return f"{broker.PREFIX}m:{interface_id}:{minute}"


def instant_us(header: wire.Header, received_us: int) -> int | None:
    """When the frame counts as captured: its own time if that is believable, else its arrival; None for a replay from a time that is over."""
    captured = header.captured_at_us
    if header.replay:
        return captured if received_us - REPLAY_SECONDS * 1_000_000 <= captured <= received_us + _SKEW_US else None
    return captured if abs(captured - received_us) <= _SKEW_US else received_us


def short(payload: bytes, header: wire.Header) -> bytes:
    """8 bytes a channel of a features frame."""
    full = np.frombuffer(payload, dtype=wire.CHANNEL, count=header.channel_count, offset=wire.HEADER.size)
    brief = np.empty(len(full), dtype=SHORT)
    for name in SHORT.names:
        brief[name] = full[name]
    return brief.tobytes()


def write(pipe, payload: bytes, header: wire.Header, received_us: int) -> None:
    """Queue what one valid frame changes on `pipe` (synchronous or asyncio pipeline; the caller executes it)."""
    if header.kind == wire.LEVELS:
        pipe.publish(CHANNEL, payload)
        return
    at = instant_us(header, received_us)
    if at is None:
        return
    age_seconds = (received_us - at) / 1e6
    minute, second = divmod(at // 1_000_000, 60)
    key = minute_key(header.interface_id, minute)
    put = pipe.hsetnx if header.replay else pipe.hset
    if age_seconds < FULL_SECONDS:
        put(key, second, payload)
        pipe.expire(key, FULL_SECONDS)
    put(f"{key}:s", second, short(payload, header))
    # A minute older than the ring stays just long enough for the rollup to take it in.
    pipe.expire(f"{key}:s", SHORT_SECONDS if age_seconds < SHORT_SECONDS else FULL_SECONDS)
    pipe.sadd(DIRTY, f"{header.interface_id}:{minute}")
    if not header.replay:
        value = f"{at:016d}{received_us:016d}".encode() + payload
        pipe.eval(_NEWER, 1, latest_key(header.interface_id), value, LATEST_SECONDS, CHANNEL, payload)


def store(frames: Iterable[tuple[bytes, wire.Header]]) -> bool:
    """Store frames in one round trip; False when the broker is away (levels are lossy: the agent replays what it kept)."""
    received = now_us()

    def send(valkey):
        with valkey.pipeline(transaction=False) as pipe:
            for payload, header in frames:
                write(pipe, payload, header, received)
            pipe.execute()
        return True

    return broker.attempt(send, False)


def _parse(value: bytes | None) -> Latest | None:
    return Latest(value[2 * _STAMP :], int(value[_STAMP : 2 * _STAMP])) if value else None


def latest(interface_ids: list[UUID]) -> dict[UUID, Latest]:
    """The newest features of those interfaces that have any."""
    if not interface_ids:
        return {}
    values = broker.attempt(lambda valkey: valkey.mget([latest_key(pk) for pk in interface_ids])) or []
    return {pk: found for pk, value in zip(interface_ids, values, strict=False) if (found := _parse(value)) is not None}


def any_latest(interface_ids: list[UUID]) -> bool:
    """Whether any of them has a newest frame."""
    keys = [latest_key(pk) for pk in interface_ids]
    return bool(keys) and bool(broker.attempt(lambda valkey: valkey.exists(*keys), 0))
