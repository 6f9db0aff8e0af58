"""Channel maps (06 §12): which source channels become which channels of the file."""

import numpy as np


class ChannelMap:
    """Applies a job's map to (frames, channels) arrays.

    mono: the mean of the included · mono_to_stereo_mix: that mean on both · stereo: the first two
    outputs (one alone goes to both) · multichannel: every output in its order.
    """

    def __init__(self, command: dict, source_channels: int):
        described = command.get("channelMap") or {}
        output = command.get("output") or {}
        self.mode = output.get("channelMode") or described.get("mode") or "multichannel"
        included = sorted(
            (entry["outputChannelIndex"], entry["sourceChannelIndex"])
            for entry in described.get("entries") or []
            if entry.get("included", True) and entry["sourceChannelIndex"] <= source_channels
        )
        self.sources = [source - 1 for _, source in included] or list(range(source_channels))
        if self.mode == "stereo":
            self.sources = (self.sources * 2)[:2]

    @property
    def channels(self) -> int:
        return {"mono": 1, "mono_to_stereo_mix": 2}.get(self.mode, len(self.sources))

    def apply(self, samples: np.ndarray) -> np.ndarray:
        chosen = samples[:, self.sources]
        if self.mode not in ("mono", "mono_to_stereo_mix"):
            return np.ascontiguousarray(chosen)
        mean = chosen.mean(axis=1, keepdims=True, dtype=np.float64)
        if samples.dtype != np.float32:
            mean = np.rint(mean)
        return np.ascontiguousarray(np.repeat(mean.astype(samples.dtype), self.channels, axis=1))
