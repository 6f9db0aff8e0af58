"""What may stand in a row: secrets never, free text only as a fingerprint, everything bounded."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import redaction
from audit.models import Outcome
from config.kernel.credentials import build

# The same in every worker: it is part of test ids.
TOKEN = build("tr_usr_", "S" * 43).token


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("password", "hunter2hunter2", "[redacted]"),
        ("new_password", "", "[redacted]"),
        ("session_token", "x", "[redacted]"),
        ("privateKey", {"a": 1}, "[redacted]"),
        ("Authorization", "Bearer x", "[redacted]"),
        ("publish_url", "https://host/whip/abc", "[redacted]"),
        ("secret", None, None),
        ("has_secret", True, True),
        ("email", "a@example.org", "a@example.org"),
        ("wallet_address", "0x52908400098527886E0F7030069857D2E4169EE7", "0x52908400098527886E0F7030069857D2E4169EE7"),
        ("url", "https://user:pw@host.example/a/b?sig=1#frag", "https://host.example/a/b"),
        ("said", "see http://x.example/p?k=v now", "see http://x.example/p now"),
        ("label", f"key {TOKEN} leaked", f"key tr_usr_…{TOKEN[-4:]} leaked"),
        ("bad_url", "see http://[half/x?k=v", "see [redacted]"),
        ("day", date(2026, 5, 13), "2026-05-13"),
        ("outcome", Outcome.DENIED, "denied"),
        ("price", Decimal("1.50"), "1.50"),
        ("nest", [[[[[[["deep"]]]]]]], [[[[["…"]]]]]),
        ("id", UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("at", datetime(2026, 5, 13, 8, 42, tzinfo=UTC), "2026-05-13T08:42:00.000Z"),
        ("digest", b"\x00\x01", "[redacted]"),
        ("level", float("-inf"), "-inf"),
        ("bytes", 2**70, str(2**70)),
        ("name", "a\x00b", "a\ufffdb"),
        ("name", "x" * 2000, "x" * 1023 + "…"),
        ("list", list(range(80)), list(range(50))),
    ],
)
def test_a_value_is_stored_as(key, value, stored):
    assert redaction.clean({key: value}) == {redaction.camel(key): stored}


@pytest.mark.parametrize("key", ["notes", "transcript", "message", "context", "metadata", "custom_fields", "customFields"])
def test_free_text_leaves_its_length_and_hash(key):
    (stored,) = redaction.clean({key: "the parish council met"}).values()
    assert stored["length"] == 22
    assert len(stored["sha256"]) == 64


def test_free_structures_leave_only_their_hash():
    (stored,) = redaction.clean({"context": {"who": ["caller", 1]}}).values()
    assert set(stored) == {"length", "sha256"}


def test_changed_free_text_shows_that_it_changed():
    one, other = redaction.clean({"notes": "a"}), redaction.clean({"notes": "b"})
    assert one != other


def test_only_audit_fields_reach_a_snapshot():
    class Row:
        AUDIT_FIELDS = ("name", "place.name")
        name, place, password = "Nave", SimpleNamespace(name="North"), "x"

    assert redaction.snapshot(Row()) == {"name": "Nave", "place.name": "North"}


def test_only_what_differs_is_kept():
    assert redaction.changes({"a": 1, "b": 2, "gone": 3}, {"a": 1, "b": 4, "new": None}) == ({"b": 2, "gone": 3}, {"b": 4, "new": None})
    assert redaction.changes(None, {"a": 1}) == (None, {"a": 1})


def test_what_is_too_large_gives_way_to_its_hash_largest_first():
    small, large = {"a": "x"}, {str(number): "y" * 1000 for number in range(40)}
    kept, cut, none = redaction.fit(small, large, None)
    assert (kept, none) == (small, None)
    assert cut["truncated"] is True
    assert len(cut["sha256"]) == 64


def test_deep_structures_end():
    deep = value = {}
    for _ in range(20):
        value["in"] = {}
        value = value["in"]
    assert json.dumps(redaction.clean(deep)).count("in") == redaction.DEPTH_LIMIT


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.binary(max_size=4) | st.just(f"a {TOKEN} b"),
    lambda inner: (
        st.lists(inner, max_size=60) | st.dictionaries(st.text(max_size=12) | st.sampled_from(["token", "notes", "url"]), inner, max_size=8)
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.text(max_size=12), json_like, max_size=8))
def test_whatever_comes_is_storable_bounded_and_without_credentials(value):
    (stored,) = redaction.fit(redaction.clean(value))
    text = json.dumps(stored, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    assert len(text.encode()) <= redaction.SIZE_LIMIT_BYTES * 2
    assert TOKEN not in text
    assert "\\u0000" not in text


@given(st.text(max_size=600))
def test_a_label_is_one_short_line(label):
    line = redaction.line(label)
    assert len(line) <= redaction.LABEL_LIMIT
    assert not any(ord(char) < 32 or ord(char) == 127 for char in line)
