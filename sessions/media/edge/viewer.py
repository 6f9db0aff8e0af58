"""One viewer's connection: the publisher's encoded frames, held until a keyframe, never queued without bound."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from sessions.media.edge import negotiation, tap

CONNECT_SECONDS = 30
_QUEUED_FRAMES = 90


class _Feed:
    """What waits to be sent to one viewer, of one kind."""

    def __init__(self):
        self._frames = deque()
        self._arrived = asyncio.Event()

    def put(self, payloads: list[bytes], timestamp: int) -> bool:
        """False, and everything thrown away, if the viewer's connection does not keep up."""
        if len(self._frames) >= _QUEUED_FRAMES:
            self._frames.clear()
            return False
        self._frames.append((payloads, timestamp))
        self._arrived.set()
        return True

    async def next(self):
        while not self._frames:
            self._arrived.clear()
            await self._arrived.wait()
        return tap.packed(*self._frames.popleft())


class Viewer:
    """`group` names what may be kicked together: the workspace's viewers, or those of a program link."""

    def __init__(self, resource: str, group: str, codec: str, want_keyframe: Callable[[], None]):
        self.resource = resource
        self.group = group
        self.codec = codec
        self.began = time.monotonic()
        self.etag = ""
        self.closed = False
        self._want_keyframe = want_keyframe
        self._feeds: dict[str, _Feed] = {}
        self._holding = True
        self._connection = RTCPeerConnection(negotiation.configuration())
        self._connection.on("connectionstatechange", self._changed)

    async def answer(self, offer: str, kinds: set[str]) -> str:
        """The SDP answer with the publisher's own codec. Unusable if the viewer does not take it."""
        wanted = [kind for kind in negotiation.kinds_offered(offer, sending=False) if kind in kinds]
        if "video" not in wanted:
            raise negotiation.Unusable("The offer must receive video.")
        for kind in wanted:
            transceiver = self._connection.addTransceiver(tap.placeholder(kind), direction="sendonly")
            codecs = negotiation.preferences(RTCRtpSender.getCapabilities(kind).codecs, kind, only=self.codec if kind == "video" else "opus")
            transceiver.setCodecPreferences(codecs)
            self._feeds[kind] = _Feed()
            tap.send_from(transceiver.sender, self._feeds[kind].next, self._want_keyframe)
        await negotiation.accept(self._connection, RTCSessionDescription(offer, "offer"))
        self.etag = negotiation.etag(self._connection)
        return negotiation.local_sdp(self._connection)

    @property
    def state(self) -> str:
        return self._connection.connectionState

    @property
    def over(self) -> bool:
        late = self.state != "connected" and time.monotonic() - self.began > CONNECT_SECONDS
        return self.closed or self.state in {"failed", "closed"} or late

    async def trickle(self, fragment: str, if_match: str | None) -> None:
        await negotiation.trickle(self._connection, fragment, if_match, self.etag)

    def _changed(self) -> None:
        if self.state == "connected":
            self._want_keyframe()

    def hold(self) -> None:
        """The next frames would show what is not whole: wait for a keyframe."""
        self._holding = True

    def video(self, payloads: list[bytes], timestamp: int, keyframe: bool) -> None:
        if self.state != "connected":
            return
        if self._holding and not keyframe:
            return
        self._holding = False
        if not self._feeds["video"].put(payloads, timestamp):
            self._holding = True
            self._want_keyframe()

    def audio(self, payloads: list[bytes], timestamp: int) -> None:
        if "audio" in self._feeds and self.state == "connected":
            self._feeds["audio"].put(payloads, timestamp)

    async def close(self) -> None:
        self.closed = True
        await self._connection.close()
