"""A sample as it is sent: its shape, the bytes that are signed, and what it is worth. Pure."""

import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import rfc8785

from operators.identity.wallets import siwe
from sessions.field.geography import Fence, Point, equivalent_radius_m, is_place, outside_m
from sessions.metering.moments import ms_of
from sessions.telemetry.states import (
    ACCURACY_METERS,
    AHEAD_MS,
    LATE_MS,
    NEEDED_ACCURACY_METERS,
    NONCE_GRACE_MS,
    PER_SECOND,
    SENSOR_BYTES,
    UNUSABLE,
    Source,
    Verdict,
)

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_NONCE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_KNOWN = frozenset({"capturedAt", "point", "accuracyMeters", "source", "signature", "sensors", "challenge"})


class Malformed(Exception):
    """`problems`: [(path, code, message)]."""

    def __init__(self, problems: list[tuple[str, str, str]]):
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True)
class Sample:
    """A well-formed sample. `canonical` are the RFC 8785 bytes of what is signed, the session's id among them."""

    captured_at: datetime
    point: Point
    accuracy_meters: float
    source: str
    signature: str
    sensors: Mapping[str, Any] | None
    challenge: str
    canonical: bytes

    @cached_property
    def captured_ms(self) -> int:
        return ms_of(self.captured_at)

    @cached_property
    def digest(self) -> bytes:
        return hashlib.sha256(self.canonical).digest()

    @cached_property
    def signer(self) -> str | None:
        """The EIP-55 address that signed it; None if nobody did, or not well."""
        try:
            return siwe.signer(self.canonical.decode(), self.signature)
        except siwe.BadSignature:
            return None


@dataclass(frozen=True)
class Challenge:
    """A nonce and when it was issued, ms."""

    nonce: str
    issued_ms: int


@dataclass(frozen=True)
class Rules:
    """What a session asks of its samples. `challenges` ascend; `signers` are the addresses whose word counts."""

    fence: Fence
    assigned_ms: int
    signature_required: bool
    signers: Collection[str]
    challenges: Sequence[Challenge] = ()

    @cached_property
    def needed_accuracy_m(self) -> float:
        low, high = NEEDED_ACCURACY_METERS
        return min(max(equivalent_radius_m(self.fence), low), high)


def parse(raw: Any, session_id: str) -> Sample:
    """Read a decoded JSON value; Malformed says all that is wrong with it."""
    if not isinstance(raw, dict):
        raise Malformed([("", "invalid", "A sample is an object.")])
    problems = [(name[:100], "unknown_parameter", "This field is not known here.") for name in raw if name not in _KNOWN]

    def read(name: str, fits: Callable[[Any], bool], wanted: str, *, optional: bool = False):
        value = raw.get(name)
        if name not in raw and not optional:
            problems.append((name, "required", "This field is required."))
        elif not (optional and value is None) and not fits(value):
            problems.append((name, "invalid", wanted))
        return value

    captured = read("capturedAt", lambda value: _moment(value) is not None, "A time like 2026-05-13T08:42:00.123Z, with three decimals and Z.")
    point = read("point", _is_point, 'A point is {"lat": -90 to 90, "lng": -180 to 180}.')
    accuracy = read("accuracyMeters", lambda value: _number(value) and 0 <= value <= ACCURACY_METERS, f"A number from 0 to {ACCURACY_METERS}.")
    source = read("source", lambda value: value in Source.values, f"One of {', '.join(Source.values)}.")
    signature = read("signature", lambda value: isinstance(value, str), "A text.", optional=True)
    sensors = read("sensors", _is_sensors, f"An object of at most {SENSOR_BYTES} bytes.", optional=True)
    challenge = read("challenge", lambda value: isinstance(value, str) and _NONCE.fullmatch(value), "32 hexadecimal digits.", optional=True)
    if problems:
        raise Malformed(problems)
    place = Point(float(point["lat"]), float(point["lng"]))
    return Sample(
        _moment(captured), place, float(accuracy), source, _given(signature), sensors, challenge or "", canonical(raw, session_id)
    )  # fmt: skip


def canonical(raw: Mapping[str, Any], session_id: str) -> bytes:
    """RFC 8785 bytes of the sample less its signature, plus the session's id: what the device signs. Malformed for a number it can't say."""
    signed = {name: value for name, value in raw.items() if name != "signature"} | {"sessionId": session_id}
    try:
        return rfc8785.dumps(signed)
    except rfc8785.CanonicalizationError as error:
        raise Malformed([("", "invalid", "A number has no canonical form (integers go to 2^53).")]) from error


def _given(signature: str | None) -> str:
    """Empty: none was sent. One that was sent empty is a signature that nobody made, and is refused as such."""
    return "" if signature is None else signature or "0x"


def refusal(sample: Sample, rules: Rules, received_ms: int, stored_in_second: int) -> str | None:
    """The code for which a well-formed sample is not taken at all, in the contract's order; duplicates are the store's to find."""
    if sample.captured_ms > received_ms + AHEAD_MS:
        return "sample_in_future"
    if sample.captured_ms < rules.assigned_ms:
        return "sample_before_assignment"
    if stored_in_second >= PER_SECOND:
        return "too_dense"
    if (sample.signature or rules.signature_required) and sample.signer not in rules.signers:
        return "sample_signature_invalid"
    return None


def verdict(sample: Sample, rules: Rules, received_ms: int) -> Verdict:
    """What a sample that is taken is worth."""
    if received_ms - sample.captured_ms > LATE_MS:
        return Verdict.LATE
    if sample.source in UNUSABLE:
        return Verdict.UNUSABLE_SOURCE
    if sample.accuracy_meters > rules.needed_accuracy_m:
        return Verdict.INACCURATE
    if not _answers(sample, rules.challenges):
        return Verdict.CHALLENGE_MISSING
    return Verdict.OUT_OF_FENCE if outside_m(rules.fence, sample.point) else Verdict.IN_FENCE


def _answers(sample: Sample, challenges: Sequence[Challenge]) -> bool:
    """It carries the newest nonce whose grace was over when it was captured, or a later one."""
    overdue = bisect_left(challenges, sample.captured_ms - NONCE_GRACE_MS, key=lambda challenge: challenge.issued_ms)
    return overdue == 0 or any(challenge.nonce == sample.challenge for challenge in challenges[overdue - 1 :])


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_point(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"lat", "lng"} and is_place(value["lat"], value["lng"])


def _is_sensors(value: Any) -> bool:
    return isinstance(value, dict) and len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()) <= SENSOR_BYTES
