"""GET …/waveform: a window of the stored peaks, at most as many points as a screen shows."""

import math
from dataclasses import dataclass

import numpy as np
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from config.kernel.errors import ApiError, FieldError
from recordings.library import peaks, storage
from recordings.library.models import Recording, RecordingFile
from recordings.library.states import AnalysisStatus

POINTS, MIN_POINTS, MAX_POINTS, MAX_CHANNELS = 1000, 16, 4000, 8
PARAMETERS = [
    OpenApiParameter("from", OpenApiTypes.FLOAT, description="Seconds; default 0."),
    OpenApiParameter("to", OpenApiTypes.FLOAT, description="Seconds; default: the end."),
    OpenApiParameter("points", {"type": "integer", "minimum": MIN_POINTS, "maximum": MAX_POINTS, "default": POINTS}),
    OpenApiParameter("channels", OpenApiTypes.STR, description="`mix` (default), or up to 8 channel indexes from 1, separated by commas."),
]


@dataclass(frozen=True)
class Window:
    """What the caller wants to see; `channels` empty: all of them as one."""

    start: float
    end: float
    points: int
    channels: tuple[int, ...]

    @classmethod
    def parse(cls, query, recording: Recording) -> "Window":
        """FieldError for what does not parse."""
        length = recording.duration_seconds or 0.0
        start, end = _seconds(query, "from", 0.0), _seconds(query, "to", length)
        if end < start:
            raise FieldError("to", "invalid", "to must not lie before from.")
        text = query.get("points", str(POINTS))
        if not (text.isascii() and text.isdigit() and MIN_POINTS <= int(text[:6]) <= MAX_POINTS):
            raise FieldError("points", "invalid", f"points must be {MIN_POINTS} to {MAX_POINTS}.")
        return cls(start, end, int(text), _channels(query.get("channels", "mix")))


def _seconds(query, name: str, default: float) -> float:
    if name not in query:
        return default
    try:
        value = float(query[name])
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and 0 <= value <= 31 * 86400):
        raise FieldError(name, "invalid", f"{name} must be seconds from the start.")
    return value


def _channels(text: str) -> tuple[int, ...]:
    if text == "mix":
        return ()
    parts = text.split(",")
    if len(parts) > MAX_CHANNELS or not all(part.isascii() and part.isdigit() and len(part) < 5 and int(part) >= 1 for part in parts):
        raise FieldError("channels", "invalid", f"channels must be mix or at most {MAX_CHANNELS} indexes from 1.")
    return tuple(dict.fromkeys(int(part) for part in parts))


def analysed_file(recording: Recording) -> RecordingFile:
    """The primary file with its peaks. ApiError analysis_pending, analysis_failed."""
    file = recording.primary_file
    if file is not None and file.peaks_path:
        return file
    failed = file is not None and file.analysis_status == AnalysisStatus.FAILED
    raise ApiError("analysis_failed") if failed else ApiError("analysis_pending", headers={"Retry-After": "2"})


def read(file: RecordingFile, window: Window) -> dict:
    """{bucketsPerSecond, from, to, channels: [{channelIndex, peaks: [min, max, …]}]}; channelIndex 0 is the mix."""
    try:
        with storage.open_regular(file.peaks_path) as handle:
            rate, data = peaks.read(handle, start=window.start, end=window.end, points=window.points)
    except storage.Missing as error:
        raise ApiError("analysis_pending", headers={"Retry-After": "60"}) from error
    if any(index > data.shape[1] for index in window.channels):
        raise FieldError("channels", "invalid", f"This recording has {data.shape[1]} channels.")
    if not window.channels:
        mix = np.stack([data[:, :, 0].min(axis=1), data[:, :, 1].max(axis=1)], axis=1) if len(data) else data.reshape(0, 2)
        channels = [{"channelIndex": 0, "peaks": mix.reshape(-1).tolist()}]
    else:
        channels = [{"channelIndex": index, "peaks": data[:, index - 1].reshape(-1).tolist()} for index in window.channels]
    return {"bucketsPerSecond": rate, "from": window.start, "to": window.end, "channels": channels}
