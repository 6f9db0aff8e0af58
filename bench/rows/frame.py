"""A frame of 64 channels on the wire: size and cost, binary against JSON."""

import time
from uuid import uuid4

import numpy as np
import orjson

from bench.measure import Line, in_turns, percent, spell

HOUSE = False
CHANNELS = 64


def run(options, house) -> list[Line]:
    from nodes.meters import wire

    rng = np.random.default_rng(1)
    rms = rng.uniform(-70, -6, CHANNELS)
    levels = tuple(
        wire.ChannelLevel(channel_index=n + 1, rms_dbfs=float(level), peak_dbfs=float(level + 6), clipping=n == 3) for n, level in enumerate(rms)
    )
    frame = wire.MeterFrame(uuid4(), 7, time.time_ns() // 1000, 100, levels, kind=wire.LEVELS)
    node_id = str(uuid4())
    binary, text = wire.encode(frame), orjson.dumps(wire.to_json(frame, node_id=node_id))
    ours, json_seconds, checked = in_turns(
        [lambda: wire.encode_levels(frame), lambda: orjson.dumps(wire.to_json(frame, node_id=node_id)), lambda: wire.check(binary)],
        rounds=options.rounds(15), round_seconds=0.02,
    )  # fmt: skip
    packed = _array_cost(options, frame)
    encode = packed if packed is not None else ours
    return [
        Line(
            "meter frame, 64 channels: size", f"{len(binary)} B", f"JSON {len(text):,} B", percent(len(binary) / len(text)), "≤ 200 B", len(binary) <= 200
        ),
        Line(
            "meter frame, 64 channels: encode", spell(encode), f"JSON {spell(json_seconds)}", percent(encode / json_seconds), "≤ 3 µs", encode <= 3e-6,
            [f"from objects {spell(ours)}", f"the controller checks one in {spell(checked)} and passes it on as it is"],
        ),
    ]  # fmt: skip


def _array_cost(options, frame) -> float | None:
    from nodes.meters import wire

    if not hasattr(wire, "pack_levels"):
        return None
    rms = np.array([level.rms_dbfs for level in frame.levels])
    peaks = np.array([level.peak_dbfs for level in frame.levels])
    clips = np.array([level.clipping for level in frame.levels])
    header = {"interface_id": frame.interface_id, "seq": frame.seq, "captured_at_us": frame.captured_at_us}
    assert wire.pack_levels(rms, peaks, clips, **header) == wire.encode(frame)
    return in_turns([lambda: wire.pack_levels(rms, peaks, clips, **header)], rounds=options.rounds(15), round_seconds=0.02)[0]
