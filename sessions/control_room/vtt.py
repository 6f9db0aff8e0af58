"""Captions as WebVTT. Pure. Source: https://www.w3.org/TR/webvtt1/"""

from collections.abc import Iterable
from dataclasses import dataclass

MEDIA_TYPE = "text/vtt"


@dataclass(frozen=True)
class Cue:
    """A line, from and to in ms."""

    start_ms: int
    end_ms: int
    text: str


def document(cues: Iterable[Cue]) -> str:
    """The file; text is escaped, and no cue holds a blank line, which would end it."""
    parts = ["WEBVTT"]
    for cue in cues:
        lines = [escaped(line) for line in cue.text.split("\n") if line.strip()]
        # A cue must end after it begins.
        parts.append("\n".join([f"{stamp(cue.start_ms)} --> {stamp(max(cue.end_ms, cue.start_ms + 1))}", *lines]))
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def stamp(ms: int) -> str:
    """hh:mm:ss.ttt; more than 99 hours take more digits."""
    seconds, thousandths = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}"
