"""In a body a number is a number and a switch is true or false: neither "60" nor "yes" passes for one."""

import pytest
from rest_framework import serializers

from config.kernel.serializers import Number, Switch, Whole
from tests.meta.test_references import bodies

_STRICT = {serializers.BooleanField: Switch, serializers.IntegerField: Whole, serializers.FloatField: Number}


def _inside(field):
    """The field and, of lists and dictionaries, what they hold."""
    yield field
    if (child := getattr(field, "child", None)) is not None and not isinstance(child, serializers.BaseSerializer):
        yield from _inside(child)


@pytest.mark.parametrize("name", sorted(bodies()))
def test_numbers_and_switches_are_what_they_say(name):
    lenient = []
    for path, field in bodies()[name].fields.items():
        if not field.read_only:
            lenient += [f"{path}: {plain.__name__}, take {strict.__name__}" for each in _inside(field) for plain, strict in _STRICT.items() if isinstance(each, plain) and not isinstance(each, strict)]  # fmt: skip
    assert not lenient, "\n".join(lenient)
