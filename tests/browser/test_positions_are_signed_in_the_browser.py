"""Canonical bytes and signatures of the publisher's page are those that Python makes and checks (05 §6, §14 case 17)."""

import json
import random
import string

import pytest
import rfc8785
from eth_account import Account
from eth_account.messages import encode_defunct

PUBLIC_TEST_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
VECTOR = {
    "accuracyMeters": 4,
    "capturedAt": "2026-05-13T08:42:00.123Z",
    "point": {"lat": 4.711, "lng": -74.072},
    "sessionId": "0196c8a1-7b00-7000-8000-000000000001",
    "source": "gps",
}
VECTOR_SIGNATURE = (
    "0xeada23f5ff2407986a559a3a1fda30e7acb0ca21da582c801350e1b86aaaad0b1e68324d63d80c0f746d628a8f436c7cb6216da524a0f370ca5ce57a96f6bfaf1b"
)
WORDS = ["", "gps", "ñandú", "\u20ac\U0001f600", 'quote"back\\slash', "\b\f\n\r\t\u0001\u007f", "\u2028\u2029", "\ufb33", "é", "é"]
CANONICAL = "async (text) => { const { canonical } = await import('/static/js/field/canonical.js'); return JSON.parse(text).map(canonical); }"
SIGN = """async ([key, values]) => {
  const [{ addressOf, signValue }, { hexToBytes }] = await Promise.all([import('/static/js/field/signer.js'), import('/static/vendor/noble-hashes/utils.js')]);
  const secret = hexToBytes(key);
  return [addressOf(secret), values.map((value) => signValue(secret, value))];
}"""


def number(dice: random.Random) -> float | int:
    """Places, seconds, and the corners of doubles."""
    return dice.choice(
        [
            dice.uniform(-180, 180),
            round(dice.uniform(-90, 90), dice.randrange(8)),
            dice.randrange(-(2**53) + 1, 2**53),
            float(dice.randrange(-1000, 1000)),
            dice.uniform(-1, 1) * 10.0 ** dice.randrange(-320, 308),
            dice.choice([0.0, -0.0, 5e-324, 1e21, 1e-7, 1e-6, 0.1 + 0.2, 333333333.33333329, 1.7976931348623157e308]),
        ]
    )


def sample(dice: random.Random) -> dict:
    made = {
        "capturedAt": f"2026-05-13T08:42:{dice.randrange(60):02d}.{dice.randrange(1000):03d}Z",
        "point": {"lat": number(dice), "lng": number(dice)},
        "accuracyMeters": number(dice),
        "source": dice.choice(["gps", "network", "fused", "fixed"]),
        "sessionId": "0196c8a1-7b00-7000-8000-000000000001",
    }
    if dice.random() < 0.5:
        names = [dice.choice(WORDS) + "".join(dice.choices(string.printable, k=dice.randrange(4))) for _ in range(dice.randrange(5))]
        made["sensors"] = {name: dice.choice([number(dice), dice.choice(WORDS), None, True, [number(dice), []], {"b": 1, "a": {}}]) for name in names}
    if dice.random() < 0.3:
        made["challenge"] = "".join(dice.choices("0123456789abcdef", k=32))
    return made


@pytest.fixture
def blank(new_page):
    page = new_page(sign_in_as=None)
    page.goto("/sign-in")
    return page


def test_a_thousand_random_samples_have_the_same_canonical_bytes_as_in_python(blank):
    dice = random.Random(8785)
    samples = [sample(dice) for _ in range(1000)]
    made = blank.evaluate(CANONICAL, json.dumps(samples))
    assert [text.encode() for text in made] == [rfc8785.dumps(one) for one in samples]


def test_what_the_page_signs_is_recovered_by_python(blank):
    dice = random.Random(191)
    samples = [VECTOR, *(sample(dice) for _ in range(20))]
    # Through text, as doubles: what the page reads is what Python wrote.
    values = json.loads(json.dumps(samples))
    address, signatures = blank.evaluate(SIGN, [PUBLIC_TEST_KEY, values])
    assert address == ADDRESS
    assert signatures[0] == VECTOR_SIGNATURE
    texts = [encode_defunct(rfc8785.dumps(one)) for one in samples]
    assert {Account.recover_message(text, signature=signature) for text, signature in zip(texts, signatures, strict=True)} == {ADDRESS}
