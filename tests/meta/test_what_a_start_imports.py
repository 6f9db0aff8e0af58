"""Each process of the stack imports every app at each start. What is heavy and rarely needed stays out until it is asked for.

A list, not a time: it can't be right on one machine and wrong on another. `config.kernel.later` has the ways to keep something out.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
# None of the processes needs these to start.
NOBODY = {
    "av", "pyproj", "shapely", "c2pa", "maxminddb", "coincurve", "eth_account", "eth_utils", "web3", "aiortc", "httpx", "authlib", "joserfc", "requests",
    "rich", "django.test", "rest_framework.test", "drf_spectacular.openapi", "drf_spectacular.views",
}  # fmt: skip
_SOCKETS = {"daphne", "twisted", "autobahn"}
_TASKS_ONLY = _SOCKETS | {"numpy", "aiohttp", "config.urls", "config.kernel.viewsets", "rest_framework.views", "operators.admin", "nodes.meters.hub"}
# process → (how it begins, what must not be loaded by that)
PROCESSES = {
    "manage.py": ("import django; django.setup()", NOBODY | _TASKS_ONLY),
    "web": ("import config.wsgi, config.urls", NOBODY | _SOCKETS | {"aiohttp"}),
    # Channels brings what daphne speaks; the rest is as in web.
    "live": ("import config.asgi, config.urls", NOBODY | {"aiohttp"}),
    "beat": ("from config.celery import app; import django; django.setup(); app.conf.beat_schedule", NOBODY | _TASKS_ONLY),
    "worker": (
        "from config.celery import app; import django; django.setup(); app.loader.import_default_modules()",
        NOBODY | _TASKS_ONLY,
    ),
}


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_starts_without(process):
    begins, unwanted = PROCESSES[process]
    code = (
        f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'\n{begins}\nimport sys; print(*sorted(set(sys.modules) & {unwanted!r}))"
    )
    nowhere = {"DATABASE_URL": "postgres://x@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0", "SECRET_KEY": "x", "CELERY_SKIP_CHECKS": "1"}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=PROJECT, env={**os.environ, **nowhere}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == [], f"{process} imports these at its start"
