"""The recording profiles of a new installation (07 §4); also used by the first migration, so it imports no model."""

SEEDS = (
    {"name": "Speech", "codec": "mp3", "bitrate_kbps": 128, "channel_mode": "mono", "is_default": True},
    {"name": "Speech small", "codec": "opus", "bitrate_kbps": 48, "sample_rate": 48000, "channel_mode": "mono"},
    {"name": "Music", "codec": "flac", "bit_depth": 24, "channel_mode": "stereo"},
    {"name": "Multitrack", "codec": "wav", "bit_depth": 24, "channel_mode": "multichannel", "max_track_seconds": 3600},
    {"name": "Field video", "kind": "video", "codec": "passthrough", "channel_mode": "multichannel", "is_default": True},
)


def seed(model) -> None:
    """Make the five profiles where there is none at all."""
    if not model.objects.exists():
        for fields in SEEDS:
            model.objects.create(**fields)
