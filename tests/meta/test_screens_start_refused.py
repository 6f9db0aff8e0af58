"""A screen is pressed before its modules have come: what needs leave starts refused, so that no press is taken and lost."""

import re

import pytest
from django.conf import settings

SCREENS = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
# What is cloned out of a <template> is allowed or refused by the module that clones it.
CLONED = re.compile(r"<template\b.*?</template>", re.DOTALL)
ASKS = re.compile(r"<[a-z]+\b[^>]*\bdata-action=[^>]*>")


@pytest.mark.parametrize("screen", SCREENS, ids=lambda path: path.stem)
def test_a_control_that_needs_leave_starts_refused(screen):
    asking = ASKS.findall(CLONED.sub("", screen.read_text()))
    assert [tag for tag in asking if 'aria-disabled="true"' not in tag] == []
