"""`bin/up`: the first start in an empty folder against the migrations alone, and a start on what is there."""

import os
import subprocess
import sys
import time

from bench.measure import Line
from config.stack import postgres, valkey
from config.stack.paths import PROJECT
from config.stack.testing import Stack

HOUSE = False
COLD_EXTRA_SECONDS, WARM_SECONDS = 5, 10


def run(options, house) -> list[Line]:
    migrating = _migrate_alone()
    began = time.perf_counter()
    stack = Stack(bare=True)
    cold = time.perf_counter() - began
    try:
        warm = []
        for _ in range(1 if options.quick else 2):
            stack.end()
            warm.append(stack.start())
    finally:
        stack.stop()
    return [
        Line(
            "bin/up, first start, packages installed", f"{cold:.1f} s", f"migrate alone {migrating:.1f} s", f"+ {cold - migrating:.1f} s", f"+ ≤ {COLD_EXTRA_SECONDS} s",
            cold - migrating <= COLD_EXTRA_SECONDS, ["pip install is in neither"],
        ),
        Line("bin/up, warm start", f"{min(warm):.1f} s", "–", "–", f"≤ {WARM_SECONDS} s", min(warm) <= WARM_SECONDS),
    ]  # fmt: skip


def _migrate_alone() -> float:
    """Seconds of `manage.py migrate` on an empty database, its start not counted."""
    database_url, database = postgres.start_temporary()
    broker_url, broker = valkey.start_temporary()
    try:
        environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "REDIS_URL": broker_url,
            "SECRET_KEY": "bench-only-" + "x" * 50,
            "LOG_LEVEL": "ERROR",
        }
        began = time.perf_counter()
        subprocess.run([sys.executable, "-W", "ignore", "manage.py", "migrate", "-v", "0"], check=True, cwd=PROJECT, env=environment)
        return time.perf_counter() - began
    finally:
        valkey.stop(broker)
        postgres.stop(database)
