"""The wire of meters and live listen: one binary codec and one JSON form for both sides.

Imports no Django: the recorder agent packs with it, the controller checks and unpacks with it.

A message is little-endian and starts with 36 bytes `<BBHIqHBB16s`:

    kind, version = 1, channelCount, seq, capturedAt (µs since 1970, UTC), periodMs,
    flags (1 replay, 2 xrun), 0, interfaceId

    kind 1, features   32 bytes a channel (`CHANNEL`), each second, always
    kind 3, levels     2 bytes a channel and a clip bitmap, each 100 ms while someone watches
    kind 2, listen     its header has 52 bytes `<BBHIqHBB16s16s`: kind, version, durationMs, seq,
                       capturedAt, 0, flags (1 init), format, interfaceId, feedId; then audio

The n-th channel of a message is channel index n (from 1). A channel whose rms is "none" is absent.
Levels are dBFS, -160…24; `capturedAt` is the end of the period.
Everything that is not such a message raises `WireError`, never anything else.
"""

import math
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import numpy as np

FEATURES, LISTEN, LEVELS = 1, 2, 3
LEVELS_PERIOD_MS = 100
VERSION = 1
MAX_CHANNELS = 512
MIN_DBFS, MAX_DBFS = -160.0, 24.0
FLAG_REPLAY, FLAG_XRUN = 1, 2
FLAG_INIT = 1
CHANNEL_CLIPPING = 1
LISTEN_FORMATS = {"webm": 1, "ogg": 2, "wav": 3}
QUALITIES = ("speech", "hum", "noise", "static", "broadband")

HEADER = struct.Struct("<BBHIqHBB16s")
LISTEN_HEADER = struct.Struct("<BBHIqHBB16s16s")

NONE_CENTIBEL = -32768
NONE_LEVEL = 255

#: One channel of a features message: 32 bytes, `<7h4Hb7BH`.
CHANNEL = np.dtype(
    [
        ("rms", "<i2"),
        ("peak", "<i2"),
        ("true_peak", "<i2"),
        ("floor", "<i2"),
        ("lufs_m", "<i2"),
        ("lufs_s", "<i2"),
        ("dc_offset", "<i2"),
        ("clipped_samples", "<u2"),
        ("longest_clip_run", "<u2"),
        ("stuck_run_ms", "<u2"),
        ("peer", "<u2"),
        ("score", "i1"),
        ("clip_runs", "u1"),
        ("flags", "u1"),
        *((quality, "u1") for quality in QUALITIES),
        ("reserved", "<u2"),
    ]
)
_DECIBELS = ("rms", "peak", "true_peak", "floor", "lufs_m", "lufs_s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Years 1970–9999: what a datetime and RFC 3339 can say.
_MAX_MICROSECONDS = 253_402_300_799_000_000


class WireError(ValueError):
    """Not a valid message; `path` names the part ("levels[3].rmsDbfs"), `reason` says why."""

    def __init__(self, path: str, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Header(NamedTuple):
    """What can be known of a meter message without looking at a channel."""

    kind: int
    channel_count: int
    seq: int
    captured_at_us: int
    period_ms: int
    flags: int
    interface_id: UUID

    @property
    def replay(self) -> bool:
        return bool(self.flags & FLAG_REPLAY)


@dataclass(frozen=True, slots=True)
class ChannelLevel:
    """One channel over one period. A levels frame fills the first four fields only."""

    channel_index: int
    rms_dbfs: float
    peak_dbfs: float
    clipping: bool = False
    true_peak_dbtp: float | None = None
    noise_floor_dbfs: float | None = None
    lufs_m: float | None = None
    lufs_s: float | None = None
    dc_offset: float = 0.0
    clipped_samples: int = 0
    longest_clip_run: int = 0
    clip_runs: int = 0
    stuck_run_ms: int = 0
    peer_channel_index: int = 0
    correlation: float = 0.0
    quality: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class MeterFrame:
    """All channels of one interface over one period; `kind` is FEATURES or LEVELS."""

    interface_id: UUID
    seq: int
    captured_at_us: int
    period_ms: int
    levels: tuple[ChannelLevel, ...]
    kind: int = FEATURES
    replay: bool = False
    xrun: bool = False

    @property
    def flags(self) -> int:
        return FLAG_REPLAY * self.replay | FLAG_XRUN * self.xrun


@dataclass(frozen=True, slots=True)
class ListenFrame:
    """A piece of one encoded feed; the piece with `init` is what every late listener gets first."""

    interface_id: UUID
    feed_id: UUID
    seq: int
    captured_at_us: int
    duration_ms: int
    format: str
    init: bool
    audio: bytes


def captured_at(captured_at_us: int) -> datetime:
    """The end of the period as an aware datetime."""
    return _EPOCH + timedelta(microseconds=captured_at_us)


# -- binary ------------------------------------------------------------------------------------


def check(payload: bytes) -> Header:
    """Validate a meter message without building objects, for the busy receiving side.

    Raises WireError for anything wrong: kind, version, length, channel count, a level out of range.
    """
    header = _header(payload)
    if header.kind == FEATURES:
        _check_features(_channels(payload, header))
    return header


def encode_features(frame: MeterFrame) -> bytes:
    """Kind 1. Counters saturate; levels are rounded to 0.01 dB and clamped into their range."""
    channels = np.zeros(_channel_count(frame), dtype=CHANNEL)
    for name in _DECIBELS:
        channels[name] = NONE_CENTIBEL
    for level in frame.levels:
        channels[level.channel_index - 1] = (
            _centibels(level.rms_dbfs),
            _centibels(level.peak_dbfs),
            _centibels(level.true_peak_dbtp),
            _centibels(level.noise_floor_dbfs),
            _centibels(level.lufs_m),
            _centibels(level.lufs_s),
            round(max(-1.0, min(1.0, level.dc_offset)) * 32767),
            min(level.clipped_samples, 65535),
            min(level.longest_clip_run, 65535),
            min(level.stuck_run_ms, 65535),
            level.peer_channel_index,
            round(max(-1.0, min(1.0, level.correlation)) * 100),
            min(level.clip_runs, 255),
            CHANNEL_CLIPPING * level.clipping,
            *(round(max(0.0, min(1.0, value)) * 255) for value in level.quality),
            0,
        )
    return _pack_header(FEATURES, frame, len(channels)) + channels.tobytes()


def decode_features(payload: bytes) -> MeterFrame:
    header = _header(payload, expected=FEATURES)
    channels = _channels(payload, header)
    _check_features(channels)
    levels = tuple(_feature_level(index, channel) for index, channel in enumerate(channels.tolist(), start=1) if channel[0] != NONE_CENTIBEL)
    return _frame(header, levels)


def encode_levels(frame: MeterFrame) -> bytes:
    """Kind 3: half decibels, 6…-121; what is lower is sent as -121 (254)."""
    count = _channel_count(frame)
    pairs = bytearray([NONE_LEVEL]) * (2 * count)
    bitmap = bytearray((count + 7) // 8)
    for level in frame.levels:
        position = level.channel_index - 1
        pairs[2 * position] = _half_decibels(level.rms_dbfs)
        pairs[2 * position + 1] = _half_decibels(level.peak_dbfs)
        if level.clipping:
            bitmap[position // 8] |= 1 << position % 8
    return _pack_header(LEVELS, frame, count) + bytes(pairs) + bytes(bitmap)


def pack_levels(rms: np.ndarray, peaks: np.ndarray, clipping: np.ndarray, *, interface_id: UUID, seq: int, captured_at_us: int) -> bytes:
    """Kind 3 from dBFS (float64) and flags of the channels 1…n, without an object for each: what `encode_levels` makes of the same."""
    count = len(rms)
    halves = np.empty((count, 2))
    halves[:, 0], halves[:, 1] = rms, peaks
    # 2 × (6 - dBFS), within what a byte can say; NaN is no signal at all.
    halves *= -2.0
    halves += 12.0
    np.fmin(halves, NONE_LEVEL - 1, out=halves)
    np.fmax(halves, 0.0, out=halves)
    np.rint(halves, out=halves)
    header = HEADER.pack(LEVELS, VERSION, count, seq & 0xFFFFFFFF, captured_at_us, LEVELS_PERIOD_MS, 0, 0, interface_id.bytes)
    return header + halves.astype(np.uint8).tobytes() + np.packbits(clipping, bitorder="little").tobytes()


def decode_levels(payload: bytes) -> MeterFrame:
    header = _header(payload, expected=LEVELS)
    count, start = header.channel_count, HEADER.size
    pairs, bitmap = payload[start : start + 2 * count], payload[start + 2 * count :]
    levels = tuple(
        ChannelLevel(
            channel_index=position + 1,
            rms_dbfs=6.0 - pairs[2 * position] / 2,
            peak_dbfs=6.0 - pairs[2 * position + 1] / 2,
            clipping=bool(bitmap[position // 8] >> position % 8 & 1),
        )
        for position in range(count)
        if pairs[2 * position] != NONE_LEVEL
    )
    return _frame(header, levels)


def encode_listen(frame: ListenFrame) -> bytes:
    """Kind 2: header and the encoded audio."""
    return (
        LISTEN_HEADER.pack(
            LISTEN,
            VERSION,
            frame.duration_ms,
            frame.seq & 0xFFFFFFFF,
            frame.captured_at_us,
            0,
            FLAG_INIT * frame.init,
            LISTEN_FORMATS[frame.format],
            frame.interface_id.bytes,
            frame.feed_id.bytes,
        )
        + frame.audio
    )


def decode_listen(payload: bytes) -> ListenFrame:
    if len(payload) <= LISTEN_HEADER.size:
        raise WireError("audio", "no audio after the header")
    kind, version, duration, seq, captured, _, flags, code, interface_id, feed_id = LISTEN_HEADER.unpack_from(payload)
    _check_start(kind, version, captured, expected=LISTEN)
    if not 20 <= duration <= 1000:
        raise WireError("durationMs", "must be 20 to 1000")
    names = {number: name for name, number in LISTEN_FORMATS.items()}
    if code not in names:
        raise WireError("format", f"{code} is unknown")
    return ListenFrame(
        interface_id=UUID(bytes=interface_id),
        feed_id=UUID(bytes=feed_id),
        seq=seq,
        captured_at_us=captured,
        duration_ms=duration,
        format=names[code],
        init=bool(flags & FLAG_INIT),
        audio=bytes(payload[LISTEN_HEADER.size :]),
    )


def encode(frame: MeterFrame) -> bytes:
    """A meter frame of either kind."""
    return encode_levels(frame) if frame.kind == LEVELS else encode_features(frame)


def decode(payload: bytes) -> MeterFrame | ListenFrame:
    """A message of any kind."""
    kind = payload[0] if payload else 0
    decoder = {FEATURES: decode_features, LISTEN: decode_listen, LEVELS: decode_levels}.get(kind)
    if decoder is None:
        raise WireError("kind", f"{kind} is unknown")
    return decoder(payload)


def mark_replay(payload: bytes) -> bytes:
    """The same meter message with the replay flag set (a stored frame, sent after an outage)."""
    fields = list(HEADER.unpack_from(payload))
    fields[6] |= FLAG_REPLAY
    return HEADER.pack(*fields) + payload[HEADER.size :]


def _header(payload: bytes, expected: int | None = None) -> Header:
    if len(payload) < HEADER.size:
        raise WireError("header", f"{len(payload)} bytes are too few")
    kind, version, count, seq, captured, period, flags, _, interface_id = HEADER.unpack_from(payload)
    _check_start(kind, version, captured, expected=expected)
    if kind not in (FEATURES, LEVELS):
        raise WireError("kind", f"{kind} is no meter message")
    if not 1 <= count <= MAX_CHANNELS:
        raise WireError("channelCount", f"must be 1 to {MAX_CHANNELS}")
    if period == 0:
        raise WireError("periodMs", "must be 1 or more")
    body = CHANNEL.itemsize * count if kind == FEATURES else 2 * count + (count + 7) // 8
    if len(payload) != HEADER.size + body:
        raise WireError("levels", f"{len(payload)} bytes do not hold {count} channels")
    return Header(kind, count, seq, captured, period, flags, UUID(bytes=interface_id))


def _check_start(kind: int, version: int, captured_us: int, *, expected: int | None) -> None:
    if version != VERSION:
        raise WireError("version", f"{version} is unknown")
    if expected is not None and kind != expected:
        raise WireError("kind", f"{kind} is not {expected}")
    if not 0 <= captured_us <= _MAX_MICROSECONDS:
        raise WireError("capturedAt", "out of range")


def _channels(payload: bytes, header: Header) -> np.ndarray:
    return np.frombuffer(payload, dtype=CHANNEL, count=header.channel_count, offset=HEADER.size)


def _check_features(channels: np.ndarray) -> None:
    lowest, highest = round(MIN_DBFS * 100), round(MAX_DBFS * 100)
    for name in _DECIBELS:
        column = channels[name]
        wrong = ((column < lowest) & (column != NONE_CENTIBEL)) | (column > highest)
        if wrong.any():
            raise WireError(f"levels[{int(wrong.argmax())}].{name}", "out of range")
    if (channels["peak"] == NONE_CENTIBEL)[channels["rms"] != NONE_CENTIBEL].any():
        raise WireError("levels.peak", "missing where rms is there")
    if (channels["peer"] > MAX_CHANNELS).any() or (abs(channels["score"].astype(int)) > 100).any():
        raise WireError("levels.correlation", "out of range")


def _feature_level(index: int, channel: tuple) -> ChannelLevel:
    rms, peak, true_peak, floor, lufs_m, lufs_s, dc, clipped, longest, stuck, peer, score = channel[:12]
    return ChannelLevel(
        channel_index=index,
        rms_dbfs=rms / 100,
        peak_dbfs=peak / 100,
        clipping=bool(channel[13] & CHANNEL_CLIPPING),
        true_peak_dbtp=_decibels(true_peak),
        noise_floor_dbfs=_decibels(floor),
        lufs_m=_decibels(lufs_m),
        lufs_s=_decibels(lufs_s),
        dc_offset=max(-1.0, dc / 32767),
        clipped_samples=clipped,
        longest_clip_run=longest,
        clip_runs=channel[12],
        stuck_run_ms=stuck,
        peer_channel_index=peer,
        correlation=score / 100,
        quality=tuple(value / 255 for value in channel[14:19]),
    )


def _frame(header: Header, levels: tuple[ChannelLevel, ...]) -> MeterFrame:
    return MeterFrame(
        interface_id=header.interface_id,
        seq=header.seq,
        captured_at_us=header.captured_at_us,
        period_ms=header.period_ms,
        levels=levels,
        kind=header.kind,
        replay=header.replay,
        xrun=bool(header.flags & FLAG_XRUN),
    )


def _pack_header(kind: int, frame: MeterFrame, channel_count: int) -> bytes:
    return HEADER.pack(
        kind,
        VERSION,
        channel_count,
        frame.seq & 0xFFFFFFFF,
        frame.captured_at_us,
        frame.period_ms,
        frame.flags,
        0,
        frame.interface_id.bytes,
    )


def _channel_count(frame: MeterFrame) -> int:
    indexes = [level.channel_index for level in frame.levels]
    if not indexes or min(indexes) < 1 or max(indexes) > MAX_CHANNELS:
        raise WireError("levels", f"channel indexes must lie in 1…{MAX_CHANNELS}")
    return max(indexes)


def _centibels(value: float | None) -> int:
    return NONE_CENTIBEL if value is None else round(clamp_dbfs(value) * 100)


def _decibels(centibels: int) -> float | None:
    return None if centibels == NONE_CENTIBEL else centibels / 100


def _half_decibels(value: float) -> int:
    return max(0, min(254, round((6.0 - clamp_dbfs(value)) * 2)))


def clamp_dbfs(value: float) -> float:
    """Into -160…24; minus infinity and NaN (no signal at all) become -160."""
    return max(MIN_DBFS, min(MAX_DBFS, value)) if value == value else MIN_DBFS


# -- JSON --------------------------------------------------------------------------------------


def to_json(frame: MeterFrame, *, node_id: str, labels: dict[int, str] | None = None) -> dict:
    """The JSON form of a meter frame; `labels` maps a channel index to its alias."""
    to_level = _level_json if frame.kind == LEVELS else _feature_json
    labels = labels or {}
    return {
        "nodeId": str(node_id),
        "interfaceId": str(frame.interface_id),
        "seq": frame.seq,
        "capturedAt": format_time(frame.captured_at_us),
        "periodMs": frame.period_ms,
        "source": "replay" if frame.replay else "live",
        "levels": [to_level(level, labels.get(level.channel_index)) for level in frame.levels],
    }


def from_json(body: object) -> MeterFrame:
    """Read and validate the JSON form; a period of 100 ms is a levels frame.

    Unknown keys and `nodeId` are the caller's to judge. Raises WireError.
    """
    if not isinstance(body, dict):
        raise WireError("frame", "must be an object")
    period = _integer(body, "periodMs", 1, 65535)
    levels = body.get("levels")
    if not isinstance(levels, list) or not 1 <= len(levels) <= MAX_CHANNELS:
        raise WireError("levels", f"must be a list of 1 to {MAX_CHANNELS}")
    source = body.get("source", "live")
    if source not in ("live", "replay"):
        raise WireError("source", "must be live or replay")
    parsed = sorted(
        (_level_from_json(level, f"levels[{n}].") for n, level in enumerate(levels)),
        key=lambda level: level.channel_index,
    )
    if len({level.channel_index for level in parsed}) != len(parsed):
        raise WireError("levels", "a channelIndex is there twice")
    return MeterFrame(
        interface_id=_uuid(body, "interfaceId"),
        seq=_integer(body, "seq", 0, 0xFFFFFFFF),
        captured_at_us=parse_time(body.get("capturedAt")),
        period_ms=period,
        levels=tuple(parsed),
        kind=LEVELS if period == 100 else FEATURES,
        replay=source == "replay",
    )


def format_time(captured_at_us: int) -> str:
    """RFC 3339 UTC with milliseconds (cut, not rounded)."""
    return captured_at(captured_at_us).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def parse_time(value: object) -> int:
    """RFC 3339 → µs since 1970. Raises WireError, also for a time without a zone."""
    if not isinstance(value, str) or len(value) > 40:
        raise WireError("capturedAt", "must be an RFC 3339 time")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise WireError("capturedAt", "must be an RFC 3339 time") from error
    if moment.tzinfo is None:
        raise WireError("capturedAt", "must have a zone")
    try:
        microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
    except OverflowError as error:
        raise WireError("capturedAt", "out of range") from error
    if not 0 <= microseconds <= _MAX_MICROSECONDS:
        raise WireError("capturedAt", "out of range")
    return microseconds


def _level_json(level: ChannelLevel, label: str | None) -> dict:
    return {
        "channelIndex": level.channel_index,
        **({"label": label} if label else {}),
        "rmsDbfs": round(level.rms_dbfs, 2),
        "peakDbfs": round(level.peak_dbfs, 2),
        "clipping": level.clipping,
    }


def _feature_json(level: ChannelLevel, label: str | None) -> dict:
    peer = level.peer_channel_index
    return {
        **_level_json(level, label),
        "truePeakDbtp": _rounded(level.true_peak_dbtp),
        "clippedSamples": level.clipped_samples,
        "longestClipRun": level.longest_clip_run,
        "clipRuns": level.clip_runs,
        "dcOffset": round(level.dc_offset, 6),
        "stuckRunMs": level.stuck_run_ms,
        "noiseFloorDbfs": _rounded(level.noise_floor_dbfs),
        "correlation": ({"peerChannelIndex": peer, "score": round(level.correlation, 2)} if peer else None),
        "lufsM": _rounded(level.lufs_m),
        "lufsS": _rounded(level.lufs_s),
        "quality": {name: round(value, 3) for name, value in zip(QUALITIES, level.quality, strict=True)},
    }


def _level_from_json(body: object, path: str) -> ChannelLevel:
    if not isinstance(body, dict):
        raise WireError(path.rstrip("."), "must be an object")
    clipping = body.get("clipping", False)
    if not isinstance(clipping, bool):
        raise WireError(path + "clipping", "must be true or false")
    peer, score = _correlation(body.get("correlation"), path + "correlation")
    quality = body.get("quality") or {}
    if not isinstance(quality, dict):
        raise WireError(path + "quality", "must be an object")
    return ChannelLevel(
        channel_index=_integer(body, "channelIndex", 1, MAX_CHANNELS, path),
        rms_dbfs=_number(body, "rmsDbfs", MIN_DBFS, MAX_DBFS, path),
        peak_dbfs=_number(body, "peakDbfs", MIN_DBFS, MAX_DBFS, path),
        clipping=clipping,
        true_peak_dbtp=_number(body, "truePeakDbtp", MIN_DBFS, MAX_DBFS, path, optional=True),
        noise_floor_dbfs=_number(body, "noiseFloorDbfs", MIN_DBFS, MAX_DBFS, path, optional=True),
        lufs_m=_number(body, "lufsM", MIN_DBFS, MAX_DBFS, path, optional=True),
        lufs_s=_number(body, "lufsS", MIN_DBFS, MAX_DBFS, path, optional=True),
        dc_offset=_number(body, "dcOffset", -1.0, 1.0, path, optional=True) or 0.0,
        clipped_samples=_integer(body, "clippedSamples", 0, 1 << 32, path, default=0),
        longest_clip_run=_integer(body, "longestClipRun", 0, 1 << 32, path, default=0),
        clip_runs=_integer(body, "clipRuns", 0, 1 << 32, path, default=0),
        stuck_run_ms=_integer(body, "stuckRunMs", 0, 1 << 32, path, default=0),
        peer_channel_index=peer,
        correlation=score,
        quality=tuple(_number(quality, name, 0.0, 1.0, path + "quality.", optional=True) or 0.0 for name in QUALITIES),
    )


def _correlation(body: object, path: str) -> tuple[int, float]:
    if body is None:
        return 0, 0.0
    if not isinstance(body, dict):
        raise WireError(path, "must be an object or null")
    return (
        _integer(body, "peerChannelIndex", 1, MAX_CHANNELS, path + "."),
        _number(body, "score", -1.0, 1.0, path + "."),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _number(body: dict, key: str, low: float, high: float, path: str = "", *, optional: bool = False) -> float | None:
    value = body.get(key)
    if value is None and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WireError(path + key, "must be a number")
    if not (math.isfinite(value) if isinstance(value, float) else True) or not low <= value <= high:
        raise WireError(path + key, f"must lie in {low:g}…{high:g}")
    return float(value)


def _integer(body: dict, key: str, low: int, high: int, path: str = "", *, default: int | None = None) -> int:
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WireError(path + key, "must be a whole number")
    if not low <= value <= high:
        raise WireError(path + key, f"must lie in {low}…{high}")
    return value


def _uuid(body: dict, key: str) -> UUID:
    value = body.get(key)
    if not isinstance(value, str):
        raise WireError(key, "must be a UUID")
    try:
        return UUID(value)
    except ValueError as error:
        raise WireError(key, "must be a UUID") from error
