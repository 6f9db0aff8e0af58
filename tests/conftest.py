"""Fixtures of every test. The cast is in `tests/cast.py`, the things they work with in `tests/factories/`."""

from unittest import mock

import pytest
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.db.models.signals import post_migrate
from hypothesis import HealthCheck, settings

from config.kernel import broker

# How long drawing an example takes says something of the machine, nothing of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

pytest_plugins = ["tests.cast", "tests.factories.nodes", "tests.factories.recordings", "tests.factories.stack"]


def _what_has_rows(style, connection, **_options) -> list[str]:
    """The statement that empties the database after a test with real transactions. Two hundred empty tables cost more than the test."""
    kept = {ContentType._meta.db_table, Permission._meta.db_table}
    quoted = {name: connection.ops.quote_name(name) for name in connection.introspection.django_table_names(only_existing=True) if name not in kept}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {table})" for name, table in quoted.items()))
        filled = [quoted[name] for (name,) in cursor.fetchall()]
    return [f"TRUNCATE {', '.join(filled)} CASCADE"] if filled else []


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    # Kinds and permissions are the code's and stay, so nobody needs to make them again.
    for receiver in (create_contenttypes, create_permissions):
        post_migrate.disconnect(receiver)
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    with mock.patch("django.core.management.commands.flush.sql_flush", _what_has_rows):
        yield


@pytest.fixture(autouse=True)
def _empty_broker():
    """No limit, ring or grant survives into the next test."""
    broker.attempt(lambda valkey: valkey.flushdb())
    yield


@pytest.fixture
def commits(django_capture_on_commit_callbacks):
    """`with commits():` runs what was queued with on_commit inside, though the test's own transaction never commits."""

    def capture():
        return django_capture_on_commit_callbacks(execute=True)

    return capture
