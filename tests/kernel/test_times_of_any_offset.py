"""A time arrives as UTC whatever its offset: the database refuses offsets that Python and RFC 3339 allow."""

from datetime import UTC, datetime

import pytest
from rest_framework.exceptions import ValidationError

from config.kernel.filters import Moment
from config.kernel.serializers import UtcDateTimeField


@pytest.mark.parametrize("text", ["2026-05-13T08:42:00+17:17", "2026-05-13T08:42:00-23:59", "0104-09-04T05:22:55Z"])
def test_far_offsets_and_early_years_are_times(text):
    expected = datetime.fromisoformat(text).astimezone(UTC)
    for value in (Moment("x").parse(text), UtcDateTimeField().run_validation(text)):
        assert value == expected and value.utcoffset().total_seconds() == 0


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_what_has_no_utc_is_refused(text):
    with pytest.raises(ValueError, match="out of range"):
        Moment("x").parse(text)
    with pytest.raises(ValidationError):
        UtcDateTimeField().run_validation(text)
