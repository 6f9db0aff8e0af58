"""Bad JSON is a sentence, never a crash."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.kernel import wire

_BAD = {
    "duplicate key": b'{"a": 1, "a": 2}',
    "NaN": b'{"a": NaN}',
    "infinity by size": b'{"a": 1e999}',
    "huge integer": b'{"a": ' + b"9" * 5000 + b"}",
    "NUL": b'{"a": "x\\u0000"}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "NUL in a key": b'{"\\u0000": 1}',
    "100,000 brackets": b"[" * 100_000,
    "deep objects": b'{"a":' * 70 + b"1" + b"}" * 70,
    "not UTF-8": b'{"a": "\xff"}',
    "half": b'{"a": ',
    "two values": b"{} {}",
}


@pytest.mark.parametrize("name", _BAD)
def test_it_refuses_with_a_sentence(name):
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        wire.loads(_BAD[name])


def test_brackets_inside_text_do_not_count_as_nesting():
    assert wire.loads(json.dumps({"a": "[" * 500}).encode()) == {"a": "[" * 500}


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
        max_leaves=20,
    )
)
def test_whatever_json_writes_it_reads(value):
    assert wire.loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(raw):
    try:
        wire.loads(raw)
    except ValueError:
        return
    json.loads(raw)
