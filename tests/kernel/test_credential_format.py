"""One format: prefix, 256 bits, checksum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.kernel import credentials

PREFIXES = ["tr_usr_", "tr_node_", "tr_key_live_", "tr_op_"]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_minted_token_names_its_kind(prefix):
    minted = credentials.mint(prefix)
    assert credentials.prefix_of(minted.token) == prefix
    assert len(minted.token) == len(prefix) + 49
    assert credentials.digest(minted.token) == minted.digest


@given(st.integers(0, 60), st.sampled_from("abcXYZ0189"))
def test_a_mistyped_character_never_reaches_the_database(position, char):
    token = credentials.mint("tr_usr_").token
    index = position % len(token)
    changed = token[:index] + char + token[index + 1 :]
    assert credentials.prefix_of(changed) == ("tr_usr_" if changed == token else None)


def test_tokens_in_text_are_cut_to_prefix_and_last_four():
    token = credentials.mint("tr_node_").token
    assert credentials.redacted(f"got {token}!") == f"got tr_node_…{token[-4:]}!"
