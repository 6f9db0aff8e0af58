"""Peers without a browser: aiortc as a publisher of given frames, and as a viewer that keeps what it gets."""

import asyncio
import io
from fractions import Fraction
from functools import lru_cache

import av
import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from sessions.media.edge import tap

SDP = {"Content-Type": "application/sdp"}


@lru_cache(8)
def encoded(codec: str, width: int = 320, height: int = 180, frames: int = 45, gop: int = 15) -> tuple[bytes, ...]:
    """A moving picture at 30 fps, encoded, a keyframe every `gop`."""
    context = av.CodecContext.create("libvpx" if codec == "vp8" else "libx264", "w")
    context.width, context.height, context.pix_fmt, context.time_base, context.gop_size = width, height, "yuv420p", Fraction(1, 30), gop
    context.bit_rate = 600_000
    if codec == "vp8":
        context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"}
    else:
        context.options = {"tune": "zerolatency", "preset": "ultrafast", "profile": "baseline", "x264-params": f"keyint={gop}:scenecut=0"}
    out, x = [], np.arange(width)
    for index in range(frames):
        luma = ((x + index * 4) % 256).astype(np.uint8)
        picture = av.VideoFrame(width, height, "yuv420p")
        for number, plane in enumerate(picture.planes):
            rows = np.full((plane.height, plane.line_size), 128, np.uint8)
            if number == 0:
                rows[:, :width] = luma
            plane.update(rows.tobytes())
        picture.pts = index
        out += [bytes(packet) for packet in context.encode(picture)]
    return tuple(out)


@lru_cache(1)
def opus() -> tuple[bytes, ...]:
    """A tone in 20 ms packets."""
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format, context.time_base = 48_000, "stereo", "s16", Fraction(1, 48_000)
    out = []
    for index in range(50):
        t = (np.arange(960) + index * 960) / 48_000
        wave = (np.sin(2 * np.pi * 440 * t) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, index * 960
        out += [bytes(packet) for packet in context.encode(frame)]
    return tuple(out)


class Frames(MediaStreamTrack):
    """Plays given encoded frames in a circle, at their own pace; `sent` are those that went out. `paused` stops the clock."""

    def __init__(self, kind: str, frames, per_second: int, rate: int):
        super().__init__()
        self.kind = kind
        self.sent: list[bytes] = []
        self.paused = False
        self._frames, self._per_second, self._rate, self._began = frames, per_second, rate, None
        self._skipped = 0

    async def recv(self):
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        while self.paused:
            await asyncio.sleep(0.02)
            self._skipped = (loop.time() - self._began) * self._per_second - len(self.sent)
        number = len(self.sent) + max(0, int(self._skipped))
        await asyncio.sleep(max(0, self._began + number / self._per_second - loop.time()))
        data = self._frames[len(self.sent) % len(self._frames)]
        self.sent.append(data)
        packet = av.Packet(data)
        packet.pts, packet.time_base = round(number * self._rate / self._per_second), Fraction(1, self._rate)
        return packet


class Peer:
    """One connection made by POSTing an offer. `status`, `location`, `etag`, `answer` are what came back."""

    def __init__(self):
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pictures: list[bytes] = []
        self.sounds: list[bytes] = []
        self.answer = ""

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def post(self, url: str, headers: dict | None = None):
        async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
            reply = await http.post(url, content=await self.offer(), headers={**SDP, **(headers or {})})
        self.status, self.headers, self.answer = reply.status_code, reply.headers, reply.text
        self.location, self.etag = reply.headers.get("Location"), reply.headers.get("ETag")
        if reply.status_code == 201:
            await self.pc.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))
        return reply

    async def connected(self, seconds: float = 10):
        async with asyncio.timeout(seconds):
            while self.pc.connectionState != "connected":
                await asyncio.sleep(0.02)

    async def close(self):
        await self.pc.close()


class Sending(Peer):
    def __init__(self, codec: str = "vp8", *, sound: bool = True, frames=None):
        super().__init__()
        self.video = Frames("video", frames or encoded(codec), 30, 90_000)
        transceiver = self.pc.addTransceiver(self.video, direction="sendonly")
        mime = {"vp8": "video/VP8", "h264": "video/H264"}[codec]
        transceiver.setCodecPreferences([one for one in RTCRtpSender.getCapabilities("video").codecs if one.mimeType in (mime, "video/rtx")])
        self.audio = Frames("audio", opus(), 50, 48_000) if sound else None
        if self.audio:
            self.pc.addTransceiver(self.audio, direction="sendonly")


class Receiving(Peer):
    """Keeps encoded frames as they came, by the same tap as the server's."""

    def __init__(self, *, sound: bool = True):
        super().__init__()
        video = self.pc.addTransceiver("video", direction="recvonly")
        self.tap = tap.Receiving(video.receiver, "video", lambda codec, frame: self.pictures.append(frame.data))
        if sound:
            audio = self.pc.addTransceiver("audio", direction="recvonly")
            tap.Receiving(audio.receiver, "audio", lambda codec, frame: self.sounds.append(frame.data))


def decodes(codec: str, frames) -> int:
    """How many of these frames a decoder shows, from the first on."""
    context = av.CodecContext.create("libvpx" if codec == "vp8" else "h264", "r")
    return sum(len(context.decode(av.Packet(data))) for data in frames) + len(context.decode(None))


def read(path) -> tuple[dict[str, str], int, float]:
    """({kind: codec}, decoded pictures, seconds) of a file."""
    with av.open(str(path) if not isinstance(path, bytes) else io.BytesIO(path)) as container:
        kinds = {stream.type: stream.codec_context.name for stream in container.streams}
        seconds = (container.duration or 0) / 1e6
        return kinds, sum(1 for _ in container.decode(video=0)), seconds
