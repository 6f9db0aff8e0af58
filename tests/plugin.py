"""Real servers for the run: one PostgreSQL and one Valkey on free loopback ports, shared by the xdist workers, ended with the run.

Loaded with `-p tests.plugin` before pytest-django reads the settings. Each worker has its own database, its own Valkey database and its own var
folder.
"""

import atexit
import gc
import os
import shutil
import tempfile

import pytest

_servers = []


def _start_servers() -> None:
    from config.stack import postgres, valkey

    os.environ["TEST_DATABASE_URL"], database = postgres.start_temporary()
    os.environ["TEST_REDIS_URL"], broker = valkey.start_temporary()
    _servers.extend([(postgres, database), (valkey, broker)])


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    if "TEST_DATABASE_URL" not in os.environ:
        _start_servers()
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    var = tempfile.mkdtemp(prefix=f"tallyroom-test-{worker}-")
    atexit.register(shutil.rmtree, var, ignore_errors=True)
    os.environ.update(
        DATABASE_URL=os.environ["TEST_DATABASE_URL"],
        REDIS_URL=os.environ["TEST_REDIS_URL"].rsplit("/", 1)[0] + f"/{worker % 16}",
        TALLYROOM_VAR=var,
        SECRET_KEY="tests-only-" + "x" * 50,
        PUBLIC_ORIGIN="http://testserver",
        ALLOWED_HOSTS="testserver",
        RATE_LIMIT_ENABLED="0",
        STRICT_CODENAMES="1",
        LOG_LEVEL="WARNING",
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    for folder in ("secrets", "static"):
        os.makedirs(os.path.join(var, folder), exist_ok=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """One worker runs all that need a whole stack, one after another and from the start; the others do the rest beside it.

    By path: xdist's own groups rename items in a way that pytest 9 no longer reads.
    """
    from xdist.scheduler import LoadScopeScheduling

    class OneStack(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return "stack" if nodeid.startswith(("tests/browser/", "tests/faults/")) else nodeid

    return OneStack(config, log)


def pytest_collection_finish(session):
    """What is there by now stays to the end: looking through it for garbage again and again costs minutes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_unconfigure(config):
    for module, process in reversed(_servers):
        module.stop(process)
    _servers.clear()
