"""What a node is told to do: the `command` of 06 §7, made from a profile and an interface when the job is made."""

from config.kernel.errors import ApiError
from nodes.fleet import sources
from nodes.fleet.models import Interface
from nodes.fleet.states import ChannelRole, InterfaceState
from recordings.profiles.models import RecordingProfile
from recordings.profiles.states import ChannelMode, carries, output_channels

DEFAULT_RATE, DEFAULT_FORMAT = 48000, "s24"
_DEAD = (InterfaceState.LOST, InterfaceState.ERROR)


def choose_interface(node, *, interface_id=None, backend: str | None = None) -> Interface:
    """The interface to capture: the one asked for, else the first usable one. ApiError interface_unavailable, reference_not_found."""
    rows = node.interfaces.prefetch_related("channels")
    if interface_id is not None:
        chosen = rows.filter(pk=interface_id).first()
        if chosen is None:
            raise ApiError("reference_not_found", data={"path": "captureInterfaceId"})
        usable = chosen.enabled and chosen.state not in _DEAD and backend in (None, chosen.backend)
        if not usable:
            raise ApiError("interface_unavailable", data={"interface_id": str(chosen.pk), "state": chosen.state, "enabled": chosen.enabled})
        return chosen
    rows = rows.filter(enabled=True).exclude(state__in=_DEAD)
    if backend:
        rows = rows.filter(backend=backend)
    # `open` before `idle`: an interface that is being heard already starts at once.
    chosen = rows.order_by("-state", "id").first()
    if chosen is None:
        raise ApiError("interface_unavailable")
    return chosen


def build(node, interface: Interface, profile: RecordingProfile, *, watchdog_policy_id=None, track_align: str = "start") -> dict:
    """The snapshot for a new job. ApiError codec_channel_limit if the codec can't hold the channels."""
    mode, included = _channels(interface, profile.channel_mode)
    channels = output_channels(mode, len(included))
    if not carries(profile.codec, channels):
        raise ApiError("codec_channel_limit", data={"codec": profile.codec, "channels": channels})
    defaults = node.audio_defaults or {}
    rate = interface.sample_rate or defaults.get("sampleRate") or _supported_rate(interface)
    return {
        "interfaceId": str(interface.pk),
        "source": dict(sources.shown(interface)),
        "sampleRate": rate,
        "sampleFormat": interface.sample_format or defaults.get("sampleFormat") or DEFAULT_FORMAT,
        "channels": interface.channel_count,
        "channelMap": {"templateId": None, "templateRevision": None, "mode": mode, "entries": _entries(interface, included)},
        "output": {
            "codec": profile.codec,
            "bitrateKbps": profile.bitrate_kbps,
            "vbr": profile.vbr,
            "bitDepth": profile.bit_depth,
            "sampleRate": profile.sample_rate,
            "maxTrackSeconds": profile.max_track_seconds,
            "trackAlign": track_align,
        },
        "recorderCache": {"policyId": None, "deleteAfterUpload": True},
        "watchdogPolicyId": str(watchdog_policy_id) if watchdog_policy_id else None,
    }


def _supported_rate(interface: Interface) -> int:
    rates = interface.sample_rates
    return DEFAULT_RATE if not rates or DEFAULT_RATE in rates else max(rates)


def _channels(interface: Interface, mode: str) -> tuple[str, list[int]]:
    """(mode, source channels that go into the file). Unused channels are left out, unless all are; stereo takes the first two."""
    roles = {channel.index: channel.role for channel in interface.channels.all()}
    every = list(range(1, interface.channel_count + 1))
    included = [index for index in every if roles.get(index) != ChannelRole.UNUSED] or every
    if mode == ChannelMode.STEREO:
        # One microphone in a stereo file is heard on both sides.
        return (ChannelMode.STEREO.value, included[:2]) if len(included) > 1 else (ChannelMode.MONO_TO_STEREO_MIX.value, included)
    return str(mode), included


def _entries(interface: Interface, included: list[int]) -> list[dict]:
    aliases = {channel.index: channel.alias for channel in interface.channels.all()}
    return [
        {"sourceChannelIndex": index, "outputChannelIndex": position, "included": True, "label": aliases.get(index) or f"Channel {index}"}
        for position, index in enumerate(included, start=1)
    ]
