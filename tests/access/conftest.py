"""One world for each module, taken back at its end."""

from contextlib import ExitStack
from unittest.mock import patch

import pytest
from django.test import override_settings

from audit.tasks import look_behind
from tests.access.calls import undone
from tests.access.things import THINGS
from tests.access.world import World


def _at_once(args, kwargs, **_options):
    look_behind.run_once(*args)


@pytest.fixture(scope="module")
def db(django_db_setup, django_db_blocker, tmp_path_factory):
    """The world, by this name, so that pytest-django makes the database for it."""
    media = tmp_path_factory.mktemp("media")
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        stack.enter_context(override_settings(MEDIA_ROOT=media))
        stack.enter_context(patch.object(look_behind, "apply_async", _at_once))
        # Between two pieces of a socket's work the connection would be given back, and the open transaction with it.
        stack.enter_context(patch("channels.db.close_old_connections"))
        stack.enter_context(undone())
        made = World()
        for name, thing in THINGS.items():
            thing.ids(made, name)
        yield made


@pytest.fixture(scope="module")
def world(db):
    return db
