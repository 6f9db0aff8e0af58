"""Gross, the operator's share and the fee, to the last micro."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.metering.split import split

ROWS = [
    (60, 1000, 1500, 60000, 51000, 9000),
    (47, 1000, 1500, 47000, 39950, 7050),
    (7, 333, 250, 2331, 2272, 59),
    (1, 1, 1500, 1, 0, 1),
    (10, 3, 0, 30, 30, 0),
    (0, 1000, 1500, 0, 0, 0),
    (10, 3, 10000, 30, 0, 30),
    (600, 9007199254740993, 1500, 5404319552844595800, 4593671619917906430, 810647932926689370),
]


@pytest.mark.parametrize("seconds, rate, fee_bps, gross, operator, fee", ROWS)
def test_rows(seconds, rate, fee_bps, gross, operator, fee):
    assert split(seconds, rate, fee_bps) == (gross, operator, fee)


@pytest.mark.parametrize("arguments", [(-1, 1, 1), (1, -1, 1), (1, 1, -1), (1, 1, 10001)])
def test_nonsense_is_refused(arguments):
    with pytest.raises(ValueError):
        split(*arguments)


@given(st.integers(0, 86_400), st.integers(0, 10**30), st.integers(0, 10_000))
def test_nothing_is_lost_and_nobody_owes(seconds, rate, fee_bps):
    gross, operator, fee = split(seconds, rate, fee_bps)
    assert gross == seconds * rate == operator + fee
    assert operator >= 0 and fee >= 0
    assert fee * 10_000 <= gross * fee_bps + 9_999
