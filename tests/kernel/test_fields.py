"""Fields of bodies: what JSON says is taken as it says it."""

import pytest
from rest_framework.exceptions import ValidationError

from config.kernel.serializers import Number, Switch, Whole


@pytest.mark.parametrize(
    ("field", "taken", "refused"),
    [
        (Switch(), [True, False], ["true", "yes", "on", 1, 0, [], {}]),
        (Number(), [1, 1.5, -2], ["1", "1.5", True, [], {}]),
        (Whole(min_value=1), [1, 2.0], ["1", True, 1.5, 1e400, 0, [], {}]),
    ],
)
def test_nothing_passes_for_what_it_is_not(field, taken, refused):
    assert [field.run_validation(value) for value in taken] == taken
    for value in refused:
        with pytest.raises(ValidationError):
            field.run_validation(value)
