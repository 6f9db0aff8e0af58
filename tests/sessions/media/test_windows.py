"""When there was no media, from events in any order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sessions.media.windows import Fact, first_flowing, windows

ZERO = datetime(2026, 5, 13, 8, 0, tzinfo=UTC)


def at(seconds):
    return ZERO + timedelta(seconds=seconds)


def fact(kind, seconds, received=None, name=""):
    return Fact(at(seconds), at(received if received is not None else 10_000), kind, name or f"{kind}{seconds}")


def test_lost_opens_and_flowing_closes():
    facts = [fact("flowing", 0), fact("lost", 20), fact("flowing", 30), fact("lost", 50)]
    assert windows(facts) == [(at(20), at(30)), (at(50), None)]
    assert first_flowing(facts) == at(0)


def test_repeats_say_nothing_new():
    facts = [fact("flowing", 0), fact("flowing", 5), fact("lost", 20), fact("lost", 25), fact("flowing", 30), fact("flowing", 31)]
    assert windows(facts) == [(at(20), at(30))]


def test_at_the_same_instant_lost_comes_before_flowing():
    assert windows([fact("flowing", 20), fact("lost", 20)]) == [(at(20), at(20))]


def test_a_clock_that_runs_ahead_is_capped_at_receipt():
    facts = [fact("flowing", 0), fact("lost", 900, received=20), fact("flowing", 30)]
    assert windows(facts) == [(at(20), at(30))]


def test_without_events_nothing_was_lost_and_nothing_began():
    assert windows([]) == []
    assert first_flowing([fact("lost", 3)]) is None


_facts = st.lists(
    st.builds(fact, st.sampled_from(["lost", "flowing"]), st.integers(0, 40), st.integers(0, 60), st.text("abc", max_size=2)), max_size=14
)


@given(_facts, st.randoms(use_true_random=False))
def test_order_and_duplicates_change_nothing(facts, random):
    shuffled = facts + random.sample(facts, len(facts) // 2)
    random.shuffle(shuffled)
    assert windows(shuffled) == windows(facts)


@given(_facts)
def test_windows_ascend_and_never_overlap_and_only_the_last_is_open(facts):
    found = windows(facts)
    assert all(end is not None for _, end in found[:-1])
    edges = [edge for pair in found for edge in pair if edge is not None]
    assert edges == sorted(edges)
