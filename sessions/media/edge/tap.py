"""The only file that reaches into aiortc. Pinned to one version; `tests/sessions/media/test_tap.py` is its canary.

aiortc decodes what it receives and encodes what it sends. Here a receiver hands out encoded frames instead (its jitter buffer is
replaced by an `Assembler`, so nothing ever reaches the decoder), and a sender takes encoded frames that were packed once for all viewers.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fractions import Fraction

import aioice.ice
import av
from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcrtpsender import RTCEncodedFrame
from aiortc.rtp import RtcpSrPacket

from sessions.media.edge.assembler import Assembler, Frame

AIORTC_VERSION = "1.16.0"
CLOCK_RATE = {"video": 90_000, "audio": 48_000}
# How long a lost packet is waited for: several round trips of a phone for video, hardly longer than a syllable for audio.
_PATIENCE = {"video": 0.5, "audio": 0.06}
_VIDEO_BASE = Fraction(1, 90_000)


@dataclass
class Counters:
    """What one receiver has seen. `last_packet` is monotonic seconds, `None` before the first."""

    packets: int = 0
    octets: int = 0
    nacks: int = 0
    plis: int = 0
    last_packet: float | None = None
    # (NTP seconds, RTP timestamp) of the newest sender report: what aligns picture and sound.
    report: tuple[float, int] | None = None


class Receiving:
    """Encoded frames of one kind from a publisher. `on_frame(codec name, Frame)` is called on the event loop."""

    def __init__(self, receiver, kind: str, on_frame: Callable[[str, Frame], None]):
        self._receiver = receiver
        self._on_frame = on_frame
        self._ssrc: int | None = None
        self.counters = Counters()
        self.assembler = Assembler(self._deliver, single=kind == "audio", patience_seconds=_PATIENCE[kind], now=time.monotonic)
        receiver._RTCRtpReceiver__jitter_buffer = self
        self._handle_rtp, receiver._handle_rtp_packet = receiver._handle_rtp_packet, self._rtp
        self._handle_rtcp, receiver._handle_rtcp_packet = receiver._handle_rtcp_packet, self._rtcp
        self._send_nack, receiver._send_rtcp_nack = receiver._send_rtcp_nack, self._nack

    # --- what aiortc calls ---

    def add(self, packet) -> tuple[bool, None]:
        """In the place of `JitterBuffer.add`; retransmitted packets are unwrapped by now, so the SSRC is the picture's own."""
        self._ssrc = packet.ssrc
        return self.assembler.push(packet), None

    async def _rtp(self, packet, arrival_time_ms: int) -> None:
        counters = self.counters
        counters.packets += 1
        counters.octets += len(packet.payload)
        counters.last_packet = time.monotonic()
        await self._handle_rtp(packet, arrival_time_ms=arrival_time_ms)

    async def _rtcp(self, packet) -> None:
        if isinstance(packet, RtcpSrPacket):
            ntp = packet.sender_info.ntp_timestamp
            self.counters.report = (ntp / (1 << 32), packet.sender_info.rtp_timestamp)
        await self._handle_rtcp(packet)

    async def _nack(self, media_ssrc: int, lost: list[int]) -> None:
        self.counters.nacks += 1
        await self._send_nack(media_ssrc, lost)

    # --- what we call ---

    def _deliver(self, frame: Frame) -> None:
        codec = self._receiver._RTCRtpReceiver__codecs.get(frame.payload_type)
        if codec is not None:
            self._on_frame(codec.name.lower(), frame)

    async def ask_for_keyframe(self) -> None:
        """A PLI to the publisher, never for a retransmission's SSRC."""
        if self._ssrc is not None:
            self.counters.plis += 1
            await self._receiver._send_rtcp_pli(self._ssrc)

    def packets_lost(self) -> int:
        """Packets that never came, as the receiver reports count them."""
        streams = self._receiver._RTCRtpReceiver__remote_streams.values()
        return sum(max(stream.packets_lost, 0) for stream in streams if stream.max_seq is not None)


class _Nothing(MediaStreamTrack):
    """A sender wants a track to exist; its frames come from `send_from`."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind

    async def recv(self):
        raise RuntimeError("frames do not come from the track")


def placeholder(kind: str) -> MediaStreamTrack:
    return _Nothing(kind)


def send_from(sender, next_frame: Callable[[], Awaitable[RTCEncodedFrame]], on_keyframe_wanted: Callable[[], None]) -> None:
    """Let `sender` send the packed frames that `next_frame` gives; a viewer's PLI calls `on_keyframe_wanted`."""

    async def encoded(_codec):
        return await next_frame()

    sender._next_encoded_frame = encoded
    sender._send_keyframe = on_keyframe_wanted


class Packer:
    """Encoded frames → RTP payloads, once for all viewers of a publisher."""

    def __init__(self):
        self._by_codec = {}

    def pack(self, codec: str, data: bytes) -> list[bytes]:
        if codec not in ("vp8", "h264"):
            return [data]
        if codec not in self._by_codec:
            self._by_codec[codec] = Vp8Encoder() if codec == "vp8" else H264Encoder()
        packet = av.Packet(data)
        packet.pts, packet.time_base = 0, _VIDEO_BASE
        return self._by_codec[codec].pack(packet)[0]


def packed(payloads: list[bytes], timestamp: int) -> RTCEncodedFrame:
    return RTCEncodedFrame(payloads, timestamp, None)


def ice_credentials(connection: RTCPeerConnection) -> tuple[str, str]:
    """(ufrag, password) of the far end, as its offer named them."""
    media = connection._RTCPeerConnection__remoteDescription().media
    return media[0].ice.usernameFragment, media[0].ice.password


def use_addresses(*, loopback: bool, only: list[str]) -> None:
    """Choose the addresses that are offered as candidates.

    aioice never offers 127.0.0.1, so a machine without a network could not talk to itself: it is offered where `loopback` says so,
    and wherever there is nothing else. `only` limits them to some addresses of this machine.
    """
    found = getattr(aioice.ice.get_host_addresses, "original", aioice.ice.get_host_addresses)

    def addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        usual = [address for address in found(use_ipv4, use_ipv6) if not only or address in only]
        extra = ["127.0.0.1"] if use_ipv4 and (loopback or not usual) else []
        return extra + [address for address in usual if address not in extra]

    addresses.original = found
    aioice.ice.get_host_addresses = addresses
