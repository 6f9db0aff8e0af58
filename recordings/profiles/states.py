"""What a profile may ask for: codecs and their limits. Pure."""

from enum import StrEnum


class MediaKind(StrEnum):
    AUDIO = "audio"
    VIDEO = "video"


class Codec(StrEnum):
    MP3 = "mp3"
    FLAC = "flac"
    WAV = "wav"
    OPUS = "opus"
    PASSTHROUGH = "passthrough"


class ChannelMode(StrEnum):
    MONO = "mono"
    STEREO = "stereo"
    MONO_TO_STEREO_MIX = "mono_to_stereo_mix"
    MULTICHANNEL = "multichannel"


CHANNEL_LIMITS = {Codec.MP3: 2, Codec.FLAC: 8, Codec.OPUS: 8, Codec.WAV: 512}
BITRATES = {Codec.MP3: (32, 320), Codec.OPUS: (16, 512)}
BIT_DEPTHS = {Codec.WAV: (16, 24, 32), Codec.FLAC: (16, 24)}
TRACK_SECONDS = (60, 21600)


def problems(*, kind, codec, bitrate_kbps, bit_depth, sample_rate, max_track_seconds) -> dict[str, str]:
    """`{field: sentence}` for what does not fit together; empty if the profile is sound."""
    found = {}
    if (kind == MediaKind.VIDEO) != (codec == Codec.PASSTHROUGH):
        found["codec"] = "Video is kept as sent (passthrough); audio needs mp3, flac, wav or opus."
    if limits := BITRATES.get(codec):
        if bitrate_kbps is None or not limits[0] <= bitrate_kbps <= limits[1]:
            found["bitrate_kbps"] = f"{codec} needs a bitrate of {limits[0]} to {limits[1]} kb/s."
    elif bitrate_kbps is not None:
        found["bitrate_kbps"] = f"{codec} has no bitrate; leave it null."
    if depths := BIT_DEPTHS.get(codec):
        if bit_depth not in depths:
            found["bit_depth"] = f"{codec} needs a bit depth of {', '.join(map(str, depths))}."
    elif bit_depth is not None:
        found["bit_depth"] = f"{codec} has no bit depth; leave it null."
    if codec == Codec.MP3 and sample_rate is not None and sample_rate > 48000:
        found["sample_rate"] = "mp3 goes up to 48000 Hz."
    if codec == Codec.OPUS and sample_rate not in (None, 48000):
        found["sample_rate"] = "opus is always 48000 Hz."
    if max_track_seconds and not TRACK_SECONDS[0] <= max_track_seconds <= TRACK_SECONDS[1]:
        found["max_track_seconds"] = f"Tracks last {TRACK_SECONDS[0]} to {TRACK_SECONDS[1]} s, or 0 for one file."
    return found


def output_channels(mode: ChannelMode, source_channels: int) -> int:
    """How many channels a file of this mode has, from that many source channels."""
    return {ChannelMode.MONO: 1, ChannelMode.STEREO: 2, ChannelMode.MONO_TO_STEREO_MIX: 2}.get(mode, source_channels)


def carries(codec: Codec, channels: int) -> bool:
    """Whether the codec holds that many channels."""
    return channels <= CHANNEL_LIMITS.get(codec, 0)
