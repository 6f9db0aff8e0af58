"""The states of a media input, and of the media in it. Pure.

input   MINTING ─provider made it▶ READY ─session over▶ CLOSING ─absent at the provider▶ GONE
        MINTING ─session over▶ CLOSING
media   idle ─a publisher▶ connecting ─first keyframe▶ flowing ─no packet for 2 s, or gone▶ lost ─keyframe▶ flowing
"""

from enum import StrEnum


class InputState(StrEnum):
    MINTING = "MINTING"
    READY = "READY"
    CLOSING = "CLOSING"
    GONE = "GONE"


class Flow(StrEnum):
    """What a provider says of the media in an input."""

    IDLE = "idle"
    CONNECTING = "connecting"
    FLOWING = "flowing"
    LOST = "lost"


class EventKind(StrEnum):
    """What opens (`lost`) and closes (`flowing`) a window."""

    FLOWING = "flowing"
    LOST = "lost"


class Kick(StrEnum):
    PUBLISHER = "publisher"
    VIEWERS = "viewers"
    ALL = "all"
