"""The interfaces as wired now: the controller's wishes matched to this machine's devices.

Each wired interface has at most one reader; a meter and any number of captures hang on it. Nothing
here touches a reader that is being captured from: a changed wish waits for the capture's end.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from nodes.agent import sources
from nodes.agent.clock import Clock
from nodes.agent.config import Settings
from nodes.agent.inventory import Device
from nodes.agent.meters import MeterSink
from nodes.agent.reader import Reader, Sink

log = logging.getLogger("tallyroom.agent.rack")


@dataclass
class Slot:
    """One interface of the controller's configuration (or of a job whose interface is unknown)."""

    id: str
    device: Device | None = None
    spec: sources.Spec | None = None
    monitor: str = "always"
    enabled: bool = True
    refusal: str | None = None
    reader: Reader | None = None
    meter: MeterSink | None = None
    captures: list[Sink] = field(default_factory=list)
    #: The device that the reader was opened on, if it is one of this machine's.
    opened: Device | None = None


class Rack:
    """Use from one asyncio loop; `on_frame` is called on meter threads."""

    def __init__(self, settings: Settings, clock: Clock, on_frame: Callable[[bytes], None]):
        self._settings, self._clock, self._on_frame = settings, clock, on_frame
        self._policy = sources.Policy(settings.allow_sources, settings.file_roots)
        self._slots: dict[str, Slot] = {}
        self._devices: list[Device] = []
        self._watched = False

    # -- wishes --------------------------------------------------------------------------------

    def apply(self, config: dict, devices: list[Device]) -> None:
        """Converge on the controller's `interfaces`."""
        self._devices = devices
        wanted = {str(item["id"]): item for item in config.get("interfaces") or []}
        for slot_id, item in wanted.items():
            slot = self._slots.setdefault(slot_id, Slot(slot_id))
            self._describe(slot, item)
        for slot_id in set(self._slots) - set(wanted):
            slot = self._slots[slot_id]
            slot.enabled = False
            if not slot.captures:
                del self._slots[slot_id]
                self._stop(slot)
        for slot in self._slots.values():
            self._converge(slot)

    def _describe(self, slot: Slot, item: dict) -> None:
        slot.device = match(item.get("match") or {}, self._devices)
        slot.enabled = bool(item.get("enabled", True))
        slot.monitor = item.get("monitor") or "always"
        slot.spec, slot.refusal = self._resolve(
            slot.device,
            item.get("match") or {},
            item.get("source") or {},
            sample_rate=item.get("sampleRate"),
            sample_format=item.get("sampleFormat"),
            channels=len(item.get("channels") or []),
        )

    def _resolve(
        self,
        device: Device | None,
        matched: dict,
        source: dict,
        *,
        sample_rate: int | None,
        sample_format: str | None,
        channels: int,
    ) -> tuple[sources.Spec | None, str | None]:
        """(what to open, or None and why not). A wish for the device itself means its present name."""
        try:
            if device is not None and _means_device(source, device, matched):
                kind, ref = device.kind, device.ref
            else:
                kind, ref = sources.parse_wire(source)
                self._policy.check(kind, ref)
        except sources.SourceError as error:
            return None, str(error)
        spec = sources.Spec(
            kind=kind,
            ref=ref,
            sample_rate=int(sample_rate or (device.sample_rates[0] if device else 48000)),
            sample_format=sample_format if sample_format in sources.DTYPES else "s16",
            channels=channels or (device.channel_count if device else 2),
        )
        return spec, None

    def follow_devices(self) -> None:
        """A captured device that was lost and is back under another name is opened by that one.

        That changes no wish: it is the same device. Others are left to `apply`.
        """
        for slot in self._slots.values():
            was, reader = slot.opened, slot.reader
            if not slot.captures or was is None or reader is None or reader.state == "open":
                continue
            now = match({"serialNumber": was.serial_number, "hardwarePath": was.hardware_path}, self._devices)
            if now is not None and (now.kind, now.ref) != (reader.spec.kind, reader.spec.ref):
                log.info("%s is back as %s", reader.name, now.ref)
                slot.opened = now
                reader.reopen(replace(reader.spec, kind=now.kind, ref=now.ref))

    def set_watched(self, watched: bool) -> None:
        if watched == self._watched:
            return
        self._watched = watched
        for slot in self._slots.values():
            if slot.meter is not None:
                slot.meter.watched = watched
            self._converge(slot)

    # -- readers -------------------------------------------------------------------------------

    def _converge(self, slot: Slot) -> None:
        if slot.captures:
            return
        on_demand = slot.monitor == "demand" and self._watched
        wanted = slot.enabled and slot.spec and (slot.monitor == "always" or on_demand)
        before = slot.reader
        if before is not None and (not wanted or before.spec != slot.spec):
            self._stop(slot)
        if wanted and slot.reader is None:
            self._start(slot, slot.spec, before)

    def _start(self, slot: Slot, spec: sources.Spec, before: Reader | None = None) -> None:
        name = slot.device.system_name if slot.device else slot.id
        slot.reader = Reader(name, spec, self._settings.timing)
        slot.opened = next((d for d in self._devices if (d.kind, d.ref) == (spec.kind, spec.ref)), None)
        slot.meter = MeterSink(slot.id, self._clock, self._on_frame)
        slot.meter.watched = self._watched
        slot.reader.attach(slot.meter)
        slot.reader.start(before)

    def _stop(self, slot: Slot) -> None:
        if slot.reader is not None:
            slot.reader.stop()
            slot.meter.stop()
            slot.reader = slot.meter = None

    def attach(self, command: dict, sample_rate: int, capture: Sink) -> str | None:
        """Hang a capture on its interface, opening it if need be; a reason if it may not be opened.

        `sample_rate` is that of a capture being resumed, else 0.
        """
        slot_id = str(command.get("interfaceId"))
        slot = self._slots.setdefault(slot_id, Slot(slot_id, enabled=False))
        spec, refusal = self._command_spec(slot, command)
        if spec is None and slot.reader is None:
            return refusal
        if spec is not None:
            spec = replace(spec, sample_rate=sample_rate or spec.sample_rate)
            before = slot.reader
            if before is not None and before.spec != spec and not slot.captures:
                self._stop(slot)
            if slot.reader is None:
                self._start(slot, spec, before)
        slot.captures.append(capture)
        slot.reader.attach(capture)
        return None

    def _command_spec(self, slot: Slot, command: dict) -> tuple[sources.Spec | None, str | None]:
        matched = {"systemRef": slot.device.system_ref} if slot.device else {}
        device = slot.device
        source = command.get("source") or {}
        if device is None:
            device = next((d for d in self._devices if _means_device(source, d, {})), None)
        return self._resolve(
            device,
            matched,
            source,
            sample_rate=command.get("sampleRate"),
            sample_format=command.get("sampleFormat"),
            channels=int(command.get("channels") or 0),
        )

    def detach(self, command: dict, capture: Sink) -> None:
        slot = self._slots.get(str(command.get("interfaceId")))
        if slot is None:
            return
        slot.captures = [known for known in slot.captures if known is not capture]
        if slot.reader is not None:
            slot.reader.detach(capture)
        self._converge(slot)
        if not slot.captures and not slot.enabled:
            self._stop(slot)

    def reader_of(self, command: dict) -> Reader | None:
        slot = self._slots.get(str(command.get("interfaceId")))
        return slot.reader if slot else None

    def kick_stalled(self) -> None:
        """Reopen what hangs."""
        for slot in self._slots.values():
            if slot.reader is not None:
                slot.reader.kick_if_stalled()

    def slots(self) -> list[Slot]:
        return list(self._slots.values())

    def stop(self, wait_seconds: float) -> None:
        """At the end of the program: give the threads a moment to close their devices."""
        readers = [slot.reader for slot in self._slots.values() if slot.reader is not None]
        for slot in self._slots.values():
            self._stop(slot)
        for reader in readers:
            reader.join(wait_seconds / len(readers))

    # -- facts ---------------------------------------------------------------------------------

    def report(self, devices: list[Device]) -> list[dict]:
        """The heartbeat's `interfaces`."""
        by_ref = {slot.device.system_ref: slot for slot in self._slots.values() if slot.device}
        return [self._report_one(device, by_ref.get(device.system_ref)) for device in devices]

    def _report_one(self, device: Device, slot: Slot | None) -> dict:
        if slot is not None and slot.refusal:
            return device.report(state="error", error=slot.refusal, xruns=0)
        if slot is None or slot.reader is None:
            return device.report(state="idle", error=None, xruns=0)
        reader = slot.reader
        state = "open" if reader.state == "idle" else reader.state
        return device.report(state=state, error=reader.error, xruns=reader.xruns)


def match(wanted: dict, devices: list[Device]) -> Device | None:
    """Names move at boot: by serial number, then hardware path, then system reference.

    The devices of one card share its serial number; their numbers on it tell them apart.
    """
    number = _number(wanted.get("hardwarePath") or wanted.get("systemRef"))
    for key, attribute in (
        ("serialNumber", "serial_number"),
        ("hardwarePath", "hardware_path"),
        ("systemRef", "system_ref"),
    ):
        value = wanted.get(key)
        found = [device for device in devices if value and getattr(device, attribute) == value]
        if found:
            return next((d for d in found if _number(d.hardware_path or d.system_ref) == number), found[0])
    return None


def _number(place: str | None) -> str | None:
    """`hw:XUSB,1` and `1-1.2:1.0:1` → "1", the device on its card."""
    found = re.search(r"[,:](\d+)$", place or "")
    return found[1] if found else None


def _means_device(source: dict, device: Device, matched: dict) -> bool:
    """Whether a {kind, ref} names this device (by its reference then or now) and no other source."""
    kind, ref = source.get("kind"), str(source.get("ref") or "")
    if not ref:
        return not kind or kind == device.backend
    names = {device.system_ref, device.ref, matched.get("systemRef")}
    bare = ref.removeprefix(f"{device.backend}:")
    return kind in (None, device.backend, device.kind) and (ref in names or bare in names or f"{device.backend}:{bare}" in names)
