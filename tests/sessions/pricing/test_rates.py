"""What a second costs: the vectors of the contract, and that no size of number loses a micro."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.pricing.states import Factors, demand_bps, rate, supply_bps


@pytest.mark.parametrize(
    ("active", "available", "open_requests", "expected"),
    [(1, 1, 0, 1000), (2, 2, 0, 700), (1, 1, 1, 2000), (3, 2, 3, 1750), (3, 3, 7, 2100), (0, 0, 0, 3000)],
)
def test_supply_and_demand_of_the_contract(active, available, open_requests, expected):
    assert rate(1000, Factors(supply_bps(active), demand_bps(available, open_requests))) == expected


def test_requests_without_anyone_free_cost_the_most():
    assert demand_bps(0, 1) == 30000
    assert demand_bps(0, 0) == 10000


@given(base=st.integers(0, 10**30), corridor=st.integers(1000, 100000))
def test_a_corridor_multiplies_exactly_whatever_the_size(base, corridor):
    assert rate(base, Factors(corridor=corridor)) == base * corridor // 10000


@given(active=st.integers(0, 10**6), available=st.integers(0, 10**6), open_requests=st.integers(0, 10**6))
def test_factors_stay_in_their_limits(active, available, open_requests):
    assert 7000 <= supply_bps(active) <= 30000
    assert 10000 <= demand_bps(available, open_requests) <= 30000
