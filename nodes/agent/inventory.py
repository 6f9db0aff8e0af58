"""What this machine has: capture devices, declared interfaces, runtime, addresses, disk."""

import fcntl
import platform
import re
import shutil
import socket
import struct
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from nodes.agent import sources
from nodes.agent.config import LocalInterface, Settings

AGENT_VERSION = "1.0.0"
_PROC = Path("/proc/asound")
_SYS = Path("/sys/class/sound")
_MAX_ADDRESSES = 16
_REF_LENGTH = 200
_SIOCGIFADDR = 0x8915


@dataclass(frozen=True)
class Device:
    """One entry of the heartbeat's `interfaces`, and how this machine opens it."""

    system_name: str
    system_ref: str
    backend: str
    kind: str
    ref: str
    sample_rates: tuple[int, ...] = (48000,)
    channel_count: int = 2
    hardware_path: str | None = None
    serial_number: str | None = None
    sample_format: str = "s16"

    def report(self, *, state: str, error: str | None, xruns: int) -> dict:
        return {
            "systemName": self.system_name,
            "systemRef": self.system_ref,
            "backend": self.backend,
            "hardwarePath": self.hardware_path,
            "serialNumber": self.serial_number,
            "sampleRates": list(self.sample_rates),
            "channelCount": self.channel_count,
            "state": state,
            "error": error,
            "xruns": xruns,
        }


def devices(settings: Settings) -> list[Device]:
    """Declared interfaces first; discovered ones unless they were declared or discovery is off."""
    found = [declared(interface) for interface in settings.interfaces]
    if settings.discover:
        taken = {(device.kind, device.ref) for device in found}
        found += [d for d in alsa_devices() if (d.kind, d.ref) not in taken]
    return found


def declared(interface: LocalInterface) -> Device:
    """An interface of the agent's own configuration. Its reference is its alias, if it has one:
    so the graph or address may change (or hold a password) and it stays the same interface."""
    kind, ref = sources.parse(interface.source)
    backend = "url" if kind in sources.URL_KINDS else kind
    slug = re.sub(r"[^a-z0-9]+", "-", interface.alias.lower()).strip("-")
    named = backend != "alsa" and slug
    return Device(
        system_name=(interface.alias or f"{kind} {_without_secret(ref)}")[:120],
        system_ref=f"{backend}:{slug}" if named else _without_secret(ref)[:_REF_LENGTH],
        backend=backend,
        kind=kind,
        ref=ref,
        sample_rates=(interface.sample_rate,),
        channel_count=interface.channels,
        sample_format=interface.sample_format,
    )


def _without_secret(ref: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", ref)


def alsa_devices() -> list[Device]:
    """Capture devices as the kernel lists them; nothing is opened."""
    try:
        lines = (_PROC / "pcm").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        match = re.match(r"(\d+)-(\d+): (.*)", line)
        if match and ": capture" in line:
            found.append(_alsa_device(int(match[1]), int(match[2]), match[3].split(":")[0].strip()))
    return found


def _alsa_device(card: int, number: int, name: str) -> Device:
    card_id = _read(_PROC / f"card{card}" / "id") or str(card)
    hardware = _SYS / f"card{card}" / "device"
    path = hardware.resolve() if hardware.exists() else None
    channels, rates = _usb_stream(card, number)
    return Device(
        system_name=f"{card_id} {name}"[:120],
        system_ref=f"hw:{card_id},{number}",
        backend="alsa",
        kind="alsa",
        ref=f"hw:{card_id},{number}",
        sample_rates=rates,
        channel_count=channels,
        hardware_path=f"{path.name}:{number}" if path else None,
        serial_number=_read(path.parent / "serial") if path else None,
    )


def _usb_stream(card: int, number: int) -> tuple[int, tuple[int, ...]]:
    """(channels, rates) of a USB device's capture side; others say nothing without being opened."""
    text = (_read(_PROC / f"card{card}" / f"stream{number}") or "").partition("Capture:")[2]
    channels = [int(count) for count in re.findall(r"Channels: (\d+)", text)]
    rates = sorted({int(r) for line in re.findall(r"Rates: (.*)", text) for r in line.split(", ")})
    return max(channels, default=2), tuple(rates) or (48000,)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        return None


def extra() -> dict:
    """The heartbeat's `extra`: what helps support and the controller has no column for."""
    return {"pythonVersion": platform.python_version(), "avVersion": metadata.version("av")}


def runtime(settings: Settings) -> dict:
    """The heartbeat's `runtime`."""
    backends = ["alsa"] if _PROC.exists() else []
    backends += ["pulse"] if shutil.which("parec") else []
    backends += sorted({device.backend for device in devices(settings)} - set(backends))
    try:
        os_name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        os_name = platform.system()
    return {
        "architecture": platform.machine(),
        "osName": os_name,
        "kernelRelease": platform.release(),
        "audioBackends": backends,
        "uptimeSeconds": round(float((_read(Path("/proc/uptime")) or "0").split()[0])),
    }


def addresses() -> list[str]:
    """IPv4 addresses of this machine, loopback last."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue
            found.append(socket.inet_ntoa(answer[20:24]))
    return sorted(set(found), key=lambda text: (text.startswith("127."), text))[:_MAX_ADDRESSES]


def disk(path: Path) -> dict:
    """The heartbeat's `disk`; a failed probe says so and is never "infinite"."""
    try:
        usage = shutil.disk_usage(path)
    except OSError as error:
        return {"freeBytes": None, "totalBytes": None, "probeError": error.strerror or "failed"}
    return {"freeBytes": usage.free, "totalBytes": usage.total, "probeError": None}
