"""The one contract of every media provider (05 §5). `current()` is the adapter that `MEDIA_PROVIDER` names.

    name            what it is called in rows and settings
    capabilities    what it can do: unaltered, kick, edge_admission, whep

A provider's failure is an ApiError: `provider_unavailable` (503: nothing answers, the circuit is open), `provider_timeout` (504),
`provider_error` (502: an answer that cannot be right, a redirect, a URL on a foreign host).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from typing import Protocol
from uuid import UUID

from django.conf import settings

from sessions.media.states import EventKind, Flow, Kick

ADAPTERS = {
    "embedded": "sessions.media.adapters.embedded.Embedded",
    "mediamtx": "sessions.media.adapters.mediamtx.MediaMtx",
    "cloudflare": "sessions.media.adapters.cloudflare.Cloudflare",
    "livekit": "sessions.media.adapters.livekit.LiveKit",
}


@dataclass(frozen=True)
class Capabilities:
    """unaltered: frames pass as they were sent · kick: publishers and viewers can be sent away · edge_admission: it asks us before it lets a
    publisher in · whep: viewers play from a URL · edge_tokens: our publish and viewer tokens are valid there · recording: it records for us"""

    unaltered: bool = False
    kick: bool = False
    edge_admission: bool = False
    whep: bool = False
    edge_tokens: bool = False
    recording: bool = False


@dataclass(frozen=True)
class Input:
    """An input at the provider. URLs are secrets; `whep_url` is None where viewers need something else."""

    ref: str
    whip_url: str = field(repr=False)
    whep_url: str | None = field(repr=False)


@dataclass(frozen=True)
class Take:
    """What is to be recorded now: into which recording (its id), and `until` when, None: until told otherwise."""

    recording: UUID
    until: datetime | None = None

    def wire(self) -> dict:
        """`{recording, until?}`, `until` in Unix seconds."""
        return {"recording": str(self.recording), "until": self.until.timestamp() if self.until else None}

    @classmethod
    def read(cls, body: dict) -> "Take | None":
        """The same, back; None where `recording` is null. ValueError, KeyError, TypeError for anything else."""
        if body["recording"] is None:
            return None
        until = body.get("until")
        return cls(UUID(body["recording"]), None if until is None else datetime.fromtimestamp(float(until), UTC))


@dataclass(frozen=True)
class Status:
    """`since` is the provider's time of the last change, None if it does not say. `recording`: the id of what it records into, empty for
    nothing, None where it knows no such input (it then asks before it makes one)."""

    flow: Flow
    inbound_bytes: int = 0
    since: datetime | None = None
    recording: str | None = None


@dataclass(frozen=True)
class Listed:
    """An input as a sweep sees it; `created_at` None if the provider does not say."""

    ref: str
    name: str
    created_at: datetime | None = None


@dataclass(frozen=True)
class MediaEvent:
    """What a webhook says. `id` is unique at the provider."""

    id: str
    ref: str
    kind: EventKind
    at: datetime


@dataclass(frozen=True)
class Playback:
    """How one viewer plays: a WHEP URL, or what the provider's own client needs (`extra`: `{"livekit": {url, token}}`)."""

    whep_url: str | None = field(repr=False)
    extra: dict = field(default_factory=dict, repr=False)


class MediaProvider(Protocol):
    """See the module. `name` is the media input's id; every call may raise its ApiErrors."""

    name: str
    capabilities: Capabilities

    def create(self, name: str, publish_token: str) -> Input:
        """Make the input, or find the one of that name: a repeat gives the same URLs."""

    def find(self, name: str) -> str | None:
        """The ref of the input of that name, None if there is none."""

    def get(self, ref: str) -> Input | None:
        """The input, None if it is gone."""

    def delete(self, ref: str) -> None:
        """Send everybody away and remove it; absent is success."""

    def inputs(self) -> list[Listed]:
        """Every input that is ours, for the orphan sweep."""

    def status(self, ref: str) -> Status:
        """What flows now; idle for an input that is gone."""

    def kick(self, ref: str, what: Kick, group: str = "") -> None:
        """Send away the publisher, the viewers (of a group where the provider knows groups), or all."""

    def record(self, ref: str, take: Take | None) -> None:
        """Record into this and nothing else, where `capabilities.recording`; when it returns, whatever was recorded before is whole on disk.
        The same again changes nothing, an input that is unknown there is success."""

    def viewer(self, ref: str, token: str | None) -> Playback:
        """How the holder of `token` plays; `token` is None where edge tokens are not valid."""

    def verify_webhook(self, headers: dict[str, str], raw_body: bytes) -> list[MediaEvent]:
        """The events of a webhook; header names in lower case. ApiError signature_invalid unless the provider's proof holds."""

    def frame(self, ref: str, max_width: int) -> bytes:
        """A JPEG at most a second old. ApiError frame_not_available, provider_timeout."""


@lru_cache(len(ADAPTERS))
def named(name: str) -> MediaProvider:
    """The adapter of that name, made once: its circuit and its connections live with it."""
    module, _, attribute = ADAPTERS[name].rpartition(".")
    return getattr(import_module(module), attribute)()


def current() -> MediaProvider:
    """The adapter for new inputs; inputs that exist keep theirs."""
    return named(settings.MEDIA_PROVIDER)


def reset() -> None:
    """Forget made adapters (tests, changed settings)."""
    named.cache_clear()
