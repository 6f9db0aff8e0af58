"""Range headers, by table and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.library.ranges import Span, Unsatisfiable, has_it, if_range_holds, parse

TAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("items=0-5", None),
        ("bytes=0-0", Span(0, 0)),
        ("bytes=0-", Span(0, 999)),
        ("bytes=-500", Span(500, 999)),
        ("bytes=-5000", Span(0, 999)),
        ("bytes=999-", Span(999, 999)),
        ("Bytes = 10-19", Span(10, 19)),
        ("bytes=990-100000", Span(990, 999)),
    ],
)
def test_one_range_of_a_thousand_bytes(header, expected):
    assert parse(header, 1000) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5-2", "bytes=-0", "bytes=-", "bytes=0-1,5-6", "bytes=a-b", "bytes=", f"bytes={'9' * 30}-"])
def test_what_cannot_be_given(header):
    with pytest.raises(Unsatisfiable):
        parse(header, 1000)


@given(st.text(max_size=40), st.integers(1, 10**12))
def test_no_text_breaks_it_and_every_answer_lies_in_the_file(text, size):
    for header in (text, "bytes=" + text):
        try:
            span = parse(header, size)
        except Unsatisfiable:
            continue
        assert span is None or 0 <= span.start <= span.end < size


@given(st.integers(1, 10**6), st.data())
def test_a_valid_range_is_served_as_asked(size, data):
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start, size * 2))
    span = parse(f"bytes={start}-{end}", size)
    assert (span.start, span.end) == (start, min(end, size - 1))
    assert span.content_range(size) == f"bytes {start}-{min(end, size - 1)}/{size}"


def test_conditions():
    assert if_range_holds(None, TAG) and if_range_holds(TAG, TAG)
    assert not if_range_holds('W/"abc"', TAG) and not if_range_holds("Wed, 21 Oct 2015 07:28:00 GMT", TAG)
    assert has_it("*", TAG) and has_it(f'"x", W/{TAG}', TAG) and not has_it('"x"', TAG) and not has_it(None, TAG)
