"""One minute of one interface in six 10 s slots: percentiles of the rms, and the peak. Pure: numpy in, bytes out."""

from dataclasses import dataclass

import numpy as np

from nodes.meters.ring import SHORT

SLOTS, SLOT_SECONDS = 6, 10
PERCENTILES = (10, 50, 90)
NONE = -32768


@dataclass(frozen=True)
class Minute:
    """`heard` seconds per slot; `slots` little-endian int16 centi-dBFS [slot][channel][P10, P50, P90, peak], -32768 = nothing heard."""

    channel_count: int
    heard: list[int]
    slots: bytes


def fold(seconds: dict[int, bytes]) -> Minute | None:
    """`seconds`: second of the minute → the ring's short record. None without any."""
    frames = {second: np.frombuffer(record, dtype=SHORT) for second, record in seconds.items() if 0 <= second < 60 and record}
    if not frames:
        return None
    count = max(len(frame) for frame in frames.values())
    folded = np.full((SLOTS, count, len(PERCENTILES) + 1), NONE, dtype="<i2")
    heard = [0] * SLOTS
    for slot in range(SLOTS):
        of_slot = [frames[second] for second in range(slot * SLOT_SECONDS, (slot + 1) * SLOT_SECONDS) if second in frames]
        heard[slot] = len(of_slot)
        for channel in range(count):
            rms = np.array([frame["rms"][channel] for frame in of_slot if channel < len(frame) and frame["rms"][channel] != NONE])
            peak = [frame["peak"][channel] for frame in of_slot if channel < len(frame)]
            if len(rms):
                folded[slot, channel, :3] = np.round(np.percentile(rms, PERCENTILES))
                folded[slot, channel, 3] = max(peak)
    return Minute(count, heard, folded.tobytes())
