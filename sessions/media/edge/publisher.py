"""One publisher's connection: its offer answered, its frames handed to the channel."""

import asyncio
import time
from collections.abc import Callable

from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription

from sessions.media.edge import negotiation, tap
from sessions.media.edge.assembler import Frame
from sessions.media.edge.timeline import Line

CONNECT_SECONDS = 30
# A PLI makes the publisher spend bandwidth on a whole picture: not more often than this, however many viewers ask.
KEYFRAME_EVERY_SECONDS = 0.5


class Publisher:
    """Frames go to `on_video(publisher, codec, Frame)` and `on_audio(publisher, Frame)` on the event loop."""

    def __init__(self, resource: str, on_video: Callable, on_audio: Callable):
        self.resource = resource
        self.began = time.monotonic()
        self.lines = {kind: Line(rate) for kind, rate in tap.CLOCK_RATE.items()}
        self.receiving: dict[str, tap.Receiving] = {}
        self.etag = ""
        self.codec = ""
        self.closed = False
        self._on_video, self._on_audio = on_video, on_audio
        self._connection = RTCPeerConnection(negotiation.configuration())
        self._asked = 0.0
        self._asking: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task] = set()

    async def answer(self, offer: str) -> str:
        """The SDP answer. Unusable if the offer has no picture in VP8 or H.264."""
        kinds = negotiation.kinds_offered(offer, sending=True)
        if "video" not in kinds:
            raise negotiation.Unusable("The offer must send one video track.")
        connection = self._connection
        for kind in kinds:
            transceiver = connection.addTransceiver(kind, direction="recvonly")
            # Before the remote description: afterwards preferences are ignored without a word.
            transceiver.setCodecPreferences(negotiation.preferences(RTCRtpReceiver.getCapabilities(kind).codecs, kind))
            handler = self._video if kind == "video" else self._audio
            self.receiving[kind] = tap.Receiving(transceiver.receiver, kind, handler)
        await negotiation.accept(connection, RTCSessionDescription(offer, "offer"))
        self.etag = negotiation.etag(connection)
        return negotiation.with_start_bitrate(negotiation.local_sdp(connection))

    @property
    def state(self) -> str:
        return self._connection.connectionState

    @property
    def over(self) -> bool:
        """Whether the connection has ended, or never came about in time."""
        late = self.state != "connected" and time.monotonic() - self.began > CONNECT_SECONDS
        return self.closed or self.state in {"failed", "closed"} or late

    @property
    def last_packet(self) -> float | None:
        """Monotonic seconds of the last picture packet: the picture is what is sold."""
        return self.receiving["video"].counters.last_packet if "video" in self.receiving else None

    @property
    def octets(self) -> int:
        return sum(receiving.counters.octets for receiving in self.receiving.values())

    async def trickle(self, fragment: str, if_match: str | None) -> None:
        await negotiation.trickle(self._connection, fragment, if_match, self.etag)

    def want_keyframe(self) -> None:
        """Ask the publisher for a whole picture, now or as soon as it may be asked again."""
        if self.closed or self._asking is not None:
            return
        wait = self._asked + KEYFRAME_EVERY_SECONDS - time.monotonic()
        self._asking = asyncio.get_running_loop().call_later(max(wait, 0), self._ask)

    def _ask(self) -> None:
        self._asking = None
        if not self.closed:
            self._asked = time.monotonic()
            task = asyncio.ensure_future(self.receiving["video"].ask_for_keyframe())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _video(self, codec: str, frame: Frame) -> None:
        if not self.closed:
            self.codec = codec
            self._on_video(self, codec, frame)

    def _audio(self, codec: str, frame: Frame) -> None:
        if not self.closed:
            self._on_audio(self, frame)

    async def close(self) -> None:
        """End the connection; harmless to repeat."""
        self.closed = True
        if self._asking is not None:
            self._asking.cancel()
        await self._connection.close()
