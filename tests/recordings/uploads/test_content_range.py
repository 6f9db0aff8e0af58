"""Content-Range and digest fields, by table and by property."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.uploads.content_range import Invalid, Part, field, parse, sha256_of


def test_without_the_header_the_body_is_the_file():
    assert parse(None, 42) == Part(0, 42, 42) and parse(None, 42).is_last


@pytest.mark.parametrize(
    "header", ["", "bytes 5-2/10", "bytes 0-10/10", "bytes 0-8/10", "bytes */10", "bytes 0-9/*", "0-9/10", "bytes 0-9/10x", "bytes -9/10"]
)
def test_what_does_not_describe_ten_bytes(header):
    with pytest.raises(Invalid):
        parse(header, 10)


@given(st.integers(0, 2**40), st.integers(1, 2**24), st.integers(0, 2**40))
def test_every_sound_part_is_understood(start, length, behind):
    part = parse(f"bytes {start}-{start + length - 1}/{start + length + behind}", length)
    assert (part.start, part.end, part.is_last) == (start, start + length, behind == 0)


@given(st.text(max_size=60), st.integers(1, 100))
def test_no_text_breaks_it(text, length):
    try:
        part = parse(text, length)
    except Invalid:
        return
    assert part.length == length and part.end <= part.total


@given(st.binary(max_size=50))
def test_a_digest_field_survives_the_round_trip(content):
    wanted = hashlib.sha256(content).hexdigest()
    assert sha256_of(field(wanted)) == wanted
    assert sha256_of(f"sha-512=:AAAA:, {field(wanted)}") == wanted


@pytest.mark.parametrize(
    "header", [None, "", "sha-256=abc", "sha-256=:AAAA:", "md5=:AAAA:", "sha-256=:!!!!:", f"sha-256=:{base64.b64encode(b'x' * 31).decode()}:"]
)
def test_what_is_no_sha256(header):
    assert sha256_of(header) is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_digest(text):
    assert sha256_of(text) is None or len(sha256_of(text)) == 64
