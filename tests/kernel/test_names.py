"""snake_case inside, camelCase outside, and the client's own keys left alone."""

from hypothesis import given
from hypothesis import strategies as st

from config.kernel.names import FreeForm, camel, camelized, snake


@given(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=4))
def test_camel_and_snake_are_inverse(parts):
    assert snake(camel("_".join(parts))) == "_".join(parts)


def test_free_form_keys_are_never_touched():
    assert camelized({"my_thing": [{"in_ner": FreeForm(their_key=1)}]}) == {"myThing": [{"inNer": {"their_key": 1}}]}
