"""What a sample is, what is signed of it, and what it is worth."""

import json

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_keys.backends import get_backend
from eth_keys.backends.coincurve import CoinCurveECCBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.field.geography import Fence, Point, geod
from sessions.telemetry.samples import Challenge, Malformed, Rules, canonical, parse, refusal, verdict
from sessions.telemetry.states import Source

SESSION = "0196c8a1-7b00-7000-8000-000000000001"
# The first account of every development chain: public, worth nothing.
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
VECTOR = {
    "capturedAt": "2026-05-13T08:42:00.123Z",
    "point": {"lat": 4.711, "lng": -74.072},
    "accuracyMeters": 4,
    "source": "gps",
}
CANONICAL = (
    b'{"accuracyMeters":4,"capturedAt":"2026-05-13T08:42:00.123Z","point":{"lat":4.711,"lng":-74.072},'
    b'"sessionId":"0196c8a1-7b00-7000-8000-000000000001","source":"gps"}'
)
SIGNATURE = (
    "0xeada23f5ff2407986a559a3a1fda30e7acb0ca21da582c801350e1b86aaaad0b1e68324d63d80c0f746d628a8f436c7cb6216da524a0f370ca5ce57a96f6bfaf1b"
)  # fmt: skip
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BOGOTA = Point(4.711, -74.072)
CAPTURED_MS = 1778661720123


def sample(**changes):
    return parse({**VECTOR, "signature": SIGNATURE, **changes}, SESSION)


def rules(**changes) -> Rules:
    return Rules(**{"fence": Fence(BOGOTA, 100), "assigned_ms": CAPTURED_MS - 60_000, "signature_required": True, "signers": {ADDRESS}, **changes})


def test_the_vector():
    assert canonical({**VECTOR, "signature": "0x00"}, SESSION) == CANONICAL
    assert Account.from_key(KEY).sign_message(encode_defunct(CANONICAL)).signature.hex() == SIGNATURE[2:]
    assert sample().signer == ADDRESS
    assert sample().captured_ms == CAPTURED_MS
    assert refusal(sample(), rules(), CAPTURED_MS, 0) is None


def test_keys_are_recovered_in_c():
    assert isinstance(get_backend(), CoinCurveECCBackend)


def high_s() -> str:
    raw = bytes.fromhex(SIGNATURE[2:])
    s = ORDER - int.from_bytes(raw[32:64])
    return "0x" + (raw[:32] + s.to_bytes(32) + bytes([28 if raw[64] == 27 else 27])).hex()


BAD_SIGNATURES = {
    "zeros": "0x" + "00" * 65,
    "empty": "",
    "64 bytes": SIGNATURE[:-2],
    "high s": high_s(),
    "a changed byte": SIGNATURE[:-6] + ("00" if SIGNATURE[-6:-4] != "00" else "01") + SIGNATURE[-4:],
    "text": "signed, honestly",
    "v 29": SIGNATURE[:-2] + "1d",
    "s of zero": SIGNATURE[:66] + "00" * 32 + "1b",
    "not hex": "0x" + "zz" * 65,
}


@pytest.mark.parametrize("signature", BAD_SIGNATURES.values(), ids=BAD_SIGNATURES)
def test_a_bad_signature_is_refused_and_never_an_error(signature):
    assert refusal(sample(signature=signature), rules(), CAPTURED_MS, 0) == "sample_signature_invalid"


def test_signed_for_something_else_or_by_someone_else():
    other = parse({**VECTOR, "signature": SIGNATURE}, SESSION[:-1] + "2")
    assert refusal(other, rules(), CAPTURED_MS, 0) == "sample_signature_invalid"
    assert refusal(sample(accuracyMeters=5), rules(), CAPTURED_MS, 0) == "sample_signature_invalid"
    assert refusal(sample(), rules(signers={"0x0000000000000000000000000000000000000001"}), CAPTURED_MS, 0) == "sample_signature_invalid"


def test_where_signing_is_optional_a_signature_is_still_checked():
    free = rules(signature_required=False)
    assert refusal(parse(VECTOR, SESSION), free, CAPTURED_MS, 0) is None
    assert refusal(sample(signature=None), free, CAPTURED_MS, 0) is None
    assert refusal(sample(signature="0x12"), free, CAPTURED_MS, 0) == "sample_signature_invalid"
    assert refusal(parse(VECTOR, SESSION), rules(), CAPTURED_MS, 0) == "sample_signature_invalid"


MALFORMED = [
    ("capturedAt", "2026-05-13T08:42:00.123+00:00"), ("capturedAt", "2026-05-13T08:42:00Z"), ("capturedAt", "2026-05-13T08:42:00.1234Z"),
    ("capturedAt", "2026-05-13 08:42:00.123Z"), ("capturedAt", "2026-13-13T08:42:00.123Z"), ("capturedAt", "2026-05-13T08:42:60.123Z"),
    ("capturedAt", 1778661720123), ("capturedAt", None), ("capturedAt", "٢٠٢٦-05-13T08:42:00.123Z"),
    ("point", {"lat": 91, "lng": 0}), ("point", {"lat": -91, "lng": 0}), ("point", {"lat": 0, "lng": 180.1}), ("point", {"lat": float("nan"), "lng": 0}),
    ("point", {"lat": "4", "lng": 0}), ("point", {"lat": 4}), ("point", {"lat": 4, "lng": 0, "alt": 1}), ("point", [4, 0]), ("point", None),
    ("accuracyMeters", -0.001), ("accuracyMeters", 100000.001), ("accuracyMeters", float("nan")), ("accuracyMeters", True), ("accuracyMeters", "4"),
    ("source", "GPS"), ("source", "satellite"), ("source", ["gps"]), ("source", None),
    ("signature", 5), ("signature", ["0x"]),
    ("sensors", []), ("sensors", {"x": "y" * 2048}), ("sensors", {"n": 2**53 + 1}),
    ("challenge", "0x12"), ("challenge", "A" * 32), ("challenge", 7),
    ("sessionId", SESSION), ("extra", 1),
]  # fmt: skip


@pytest.mark.parametrize("field, value", MALFORMED)
def test_malformed(field, value):
    with pytest.raises(Malformed) as refused:
        parse({**VECTOR, field: value}, SESSION)
    assert refused.value.problems[0][0] in (field, "")


@pytest.mark.parametrize("raw", [None, [], "gps", 4, {}])
def test_what_is_no_sample_at_all(raw):
    with pytest.raises(Malformed):
        parse(raw, SESSION)


def test_the_edges_of_what_is_well_formed():
    parse({**VECTOR, "accuracyMeters": 0}, SESSION)
    parse({**VECTOR, "accuracyMeters": 100000}, SESSION)
    parse({**VECTOR, "point": {"lat": -90, "lng": -180}}, SESSION)
    parse({**VECTOR, "sensors": {"x": "y" * 2040}, "challenge": "0f" * 16}, SESSION)


@pytest.mark.parametrize("received_after, code", [(-2000, None), (-2001, "sample_in_future"), (0, None), (86_400_000, None)])
def test_the_future_ends_after_two_seconds(received_after, code):
    assert refusal(sample(), rules(), CAPTURED_MS + received_after, 0) == code


def test_the_order_of_the_refusals():
    early = rules(assigned_ms=CAPTURED_MS + 1)
    assert refusal(sample(signature=""), early, CAPTURED_MS - 2001, 10) == "sample_in_future"
    assert refusal(sample(signature=""), early, CAPTURED_MS, 10) == "sample_before_assignment"
    assert refusal(sample(), rules(assigned_ms=CAPTURED_MS), CAPTURED_MS, 0) is None
    assert refusal(sample(signature=""), rules(), CAPTURED_MS, 10) == "too_dense"
    assert refusal(sample(), rules(), CAPTURED_MS, 9) is None


def away(meters: float) -> dict:
    lng, lat, _ = geod().fwd(BOGOTA.lng, BOGOTA.lat, 45, meters)
    return {"lat": lat, "lng": lng}


@pytest.mark.parametrize(
    "changes, radius, received_after, expected",
    [
        ({}, 100, 0, "in_fence"),
        ({}, 100, 30_000, "in_fence"),
        ({}, 100, 30_001, "late"),
        ({"source": "manual"}, 100, 0, "unusable_source"),
        ({"source": "simulated"}, 100, 0, "unusable_source"),
        ({"accuracyMeters": 100}, 100, 0, "in_fence"),
        ({"accuracyMeters": 101}, 100, 0, "inaccurate"),
        ({"accuracyMeters": 25}, 5, 0, "in_fence"),
        ({"accuracyMeters": 25.1}, 5, 0, "inaccurate"),
        ({"accuracyMeters": 100}, 50_000, 0, "in_fence"),
        ({"accuracyMeters": 100.5}, 50_000, 0, "inaccurate"),
        ({"point": away(100)}, 100, 0, "in_fence"),
        ({"point": away(100.001)}, 100, 0, "out_of_fence"),
        ({"point": away(100.001), "accuracyMeters": 50}, 100, 0, "out_of_fence"),
        ({"point": away(500), "source": "manual", "accuracyMeters": 5000}, 100, 30_001, "late"),
        ({"point": away(500), "source": "manual", "accuracyMeters": 5000}, 100, 0, "unusable_source"),
        ({"point": away(500), "accuracyMeters": 5000}, 100, 0, "inaccurate"),
    ],
)  # fmt: skip
def test_verdicts(changes, radius, received_after, expected):
    assert verdict(sample(**changes), rules(fence=Fence(BOGOTA, radius)), CAPTURED_MS + received_after) == expected


FIRST, SECOND, THIRD = "a" * 32, "b" * 32, "c" * 32


@pytest.mark.parametrize(
    "issued_before, carried, expected",
    [
        ([5000], None, "in_fence"),
        ([5001], None, "challenge_missing"),
        ([5001], FIRST, "in_fence"),
        ([5001], "f" * 32, "challenge_missing"),
        ([35_001, 5001], FIRST, "challenge_missing"),
        ([35_001, 5001], SECOND, "in_fence"),
        ([35_001, 5000], FIRST, "in_fence"),
        ([35_001, 5000], SECOND, "in_fence"),
        ([35_001, 5000], None, "challenge_missing"),
        ([65_001, 35_001, 5001], SECOND, "challenge_missing"),
        ([], None, "in_fence"),
    ],
)
def test_nonces(issued_before, carried, expected):
    issued = [Challenge(nonce, CAPTURED_MS - age) for nonce, age in zip((FIRST, SECOND, THIRD), issued_before, strict=False)]
    changes = {"challenge": carried} if carried else {}
    assert verdict(sample(**changes), rules(challenges=issued), CAPTURED_MS) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["capturedAt", "point", "accuracyMeters", "source", "signature", "sensors", "challenge", "x"]), json_values))
def test_anything_is_either_a_sample_or_malformed(changes):
    try:
        made = parse({**VECTOR, **changes}, SESSION)
    except Malformed:
        return
    assert made.source in Source.values and json.loads(made.canonical)["sessionId"] == SESSION
