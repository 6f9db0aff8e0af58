"""The canary: what the tap relies on inside aiortc. If this fails after an upgrade, read `sessions/media/edge/tap.py` first."""

import inspect
from importlib.metadata import version
from pathlib import Path

import aioice.ice
from aiortc import RTCPeerConnection, rtcrtpreceiver, rtcrtpsender
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder

import sessions.media
from sessions.media.edge import tap


def test_the_version_is_the_pinned_one():
    assert version("aiortc") == tap.AIORTC_VERSION


def test_only_the_tap_knows_private_names():
    root = Path(sessions.media.__file__).parent
    for path in root.rglob("*.py"):
        if path.name != "tap.py":
            text = path.read_text()
            assert "_RTC" not in text, path
            assert "aioice.ice" not in text, path


def test_what_the_tap_replaces_is_there():
    receiver = inspect.getsource(rtcrtpreceiver.RTCRtpReceiver)
    for piece in ("self.__jitter_buffer.add(packet)", "self.__codecs.get(packet.payload_type)", "self.__remote_streams", "async def _send_rtcp_pli"):
        assert piece in receiver
    handle = inspect.getsource(rtcrtpreceiver.RTCRtpReceiver._handle_rtp_packet)
    assert "unwrap_rtx" in handle and handle.index("unwrap_rtx") < handle.index("__jitter_buffer.add")
    sender = inspect.getsource(rtcrtpsender.RTCRtpSender)
    assert "enc_frame = await self._next_encoded_frame(codec)" in sender
    assert "self._send_keyframe()" in sender
    assert hasattr(RTCPeerConnection(), "_RTCPeerConnection__remoteDescription")
    assert "get_host_addresses(" in inspect.getsource(aioice.ice.Connection)


def test_encoders_pack_what_is_encoded_already():
    packer = tap.Packer()
    assert isinstance(packer, tap.Packer) and Vp8Encoder().pack and H264Encoder().pack
    payloads = packer.pack("vp8", b"x" * 3000)
    assert len(payloads) == 3
    assert b"".join(payload[4:] for payload in payloads) == b"x" * 3000
    assert packer.pack("opus", b"sound") == [b"sound"]
