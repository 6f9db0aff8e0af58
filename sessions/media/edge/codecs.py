"""What must be known of an encoded picture without decoding it, and the one decoding that is done: a keyframe to a JPEG."""

import io
from fractions import Fraction

import av

_ONE = Fraction(1, 30)
JPEG_QUALITY = 5
_START = b"\x00\x00\x01"


def is_keyframe(codec: str, data: bytes) -> bool:
    """Whether decoding may begin with this frame (VP8: RFC 6386 §9.1; H.264: it has an IDR slice)."""
    if codec == "vp8":
        return len(data) >= 10 and not data[0] & 1 and data[3:6] == b"\x9d\x01\x2a"
    return any(kind == 5 for kind in nal_types(data))


def nal_types(data: bytes) -> list[int]:
    """Types of the NAL units of an Annex B frame."""
    types, at = [], data.find(_START)
    while at != -1 and at + 3 < len(data):
        types.append(data[at + 3] & 0x1F)
        at = data.find(_START, at + 3)
    return types


def parameters(data: bytes) -> bytes:
    """What an H.264 frame says before its first slice: where it changes, the picture's size may have changed."""
    at = data.find(_START)
    while at != -1 and at + 3 < len(data) and data[at + 3] & 0x1F not in (1, 5):
        at = data.find(_START, at + 3)
    return data[:at] if at > 0 else b""


def vp8_size(data: bytes) -> tuple[int, int]:
    """(width, height) from the header of a keyframe."""
    return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF


def decode(codec: str, data: bytes) -> av.VideoFrame | None:
    """The picture of a keyframe, None if it does not decode."""
    context = av.CodecContext.create("libvpx" if codec == "vp8" else "h264", "r")
    try:
        frames = context.decode(av.Packet(data)) or context.decode(None)
    except av.FFmpegError:
        return None
    return frames[0] if frames else None


def jpeg(codec: str, data: bytes, max_width: int) -> bytes | None:
    """A keyframe as a JPEG at most `max_width` wide; None if it does not decode."""
    picture = decode(codec, data)
    return None if picture is None else picture_to_jpeg(picture, max_width)


def picture_to_jpeg(picture: av.VideoFrame, max_width: int) -> bytes:
    """A decoded picture as a JPEG at most `max_width` wide."""
    width, height = picture.width, picture.height
    if width > max_width:
        width, height = max_width, max(2, round(height * max_width / width / 2) * 2)
    picture = picture.reformat(width=width, height=height, format="yuvj420p")
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = _ONE
    encoder.options = {"qmin": str(JPEG_QUALITY), "qmax": str(JPEG_QUALITY)}
    packets = encoder.encode(picture) + encoder.encode(None)
    return b"".join(bytes(packet) for packet in packets)


def h264_template(data: bytes) -> av.container.InputContainer | None:
    """A container around one IDR frame, whose stream knows size and parameter sets; what a muxer needs and RTP does not say."""
    try:
        container = av.open(io.BytesIO(data), format="h264")
    except av.FFmpegError:
        return None
    stream = container.streams.video[0] if container.streams.video else None
    return container if stream is not None and stream.width else None
