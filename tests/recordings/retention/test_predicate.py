"""Whether bytes may go: each condition alone stops it."""

from datetime import UTC, datetime, timedelta

import pytest

from recordings.retention.states import Facts, person_blocker, policy_blockers

NOW = datetime(2026, 11, 25, tzinfo=UTC)
FINE = Facts(terminal=True, held=False, required_copies=1, verified_copies=1, cached_at=NOW - timedelta(days=2))


def change(**facts) -> Facts:
    return Facts(**{**FINE.__dict__, **facts})


def test_a_verified_old_file_may_go():
    assert policy_blockers(FINE, NOW) == []


@pytest.mark.parametrize(
    ("facts", "blocker"),
    [
        ({"terminal": False}, "recording_active"),
        ({"held": True}, "legal_hold"),
        ({"preserved_until": NOW + timedelta(seconds=1)}, "preserved"),
        ({"preserve_tags": frozenset({"keep"}), "tags": frozenset({"keep", "x"})}, "preserve_tag"),
        ({"items_open": 1}, "upload_open"),
        ({"verified_copies": 0}, "not_verified"),
        ({"required_copies": 0, "verified_copies": 0}, "not_verified"),
        ({"required_copies": 2}, "not_verified"),
        ({"open_grants": 1}, "link_open"),
        ({"cached_at": NOW - timedelta(hours=23)}, "too_young"),
        ({"cached_at": None}, "too_young"),
    ],
)
def test_each_condition_alone_keeps_it(facts, blocker):
    assert policy_blockers(change(**facts), NOW) == [blocker]


def test_unuploaded_may_go_only_where_a_policy_allows_it():
    assert policy_blockers(change(required_copies=0, verified_copies=0, allow_unuploaded=True), NOW) == []


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({}, None),
        ({"terminal": False}, "recording_active"),
        ({"held": True}, "legal_hold"),
        ({"items_open": 1}, "upload_in_progress"),
        ({"cached_at": NOW}, None),
    ],
)
def test_a_person_may_delete_what_is_over_and_not_held(facts, code):
    assert person_blocker(change(**facts)) == code
