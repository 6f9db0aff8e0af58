"""A publisher of 720p30, and viewers: the embedded server against aiortc as it comes (decode, and record what is decoded)."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.measure import Line, percent
from config.stack.paths import PROJECT

HOUSE = False
SECONDS = 15
VIEWERS = 10
_SHARE, _VIEWERS_SHARE = 0.15, 0.15


def run(options, house) -> list[Line]:
    seconds = 5 if options.quick else SECONDS
    with TemporaryDirectory() as folder:
        peer = _measure("peer", folder, seconds, 0)
        ours = _measure("ours", folder, seconds, 0)
        watched = _measure("ours", folder, seconds, VIEWERS)
    more = watched - ours
    return [
        Line(
            "embedded WHIP 720p30, recorded", f"{percent(ours)} of a core", f"aiortc decode + MediaRecorder {percent(peer)}", percent(ours / peer),
            "≤ 15 %", ours / peer <= _SHARE,
        ),
        Line(
            f"{VIEWERS} more viewers of it", f"{percent(more)} of a core", "–", f"{percent(more / VIEWERS)} each", "≤ 15 % of a core", more <= _VIEWERS_SHARE,
        ),
    ]  # fmt: skip


def _measure(what: str, folder: str, seconds: float, viewers: int) -> float:
    """The share of a core that the server takes for a publisher and so many viewers, who run in a process of their own."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "bench", "MEDIA_ROOT": folder, "MEDIA_ICE_LOOPBACK": "1"}
    environment |= {"DATABASE_URL": "postgres://x@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0", "MEDIA_ICE_ADDRESSES": "127.0.0.1"}
    script = [sys.executable, str(Path(__file__).parent.parent / "whip_peers.py")]
    server = subprocess.Popen([*script, what, folder], cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True)
    peers = None
    try:
        facts = json.loads(server.stdout.readline())
        peers = subprocess.Popen([*script, "peers", json.dumps(facts), str(viewers)], cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True)
        if peers.stdout.readline().strip() != "ready":
            raise RuntimeError("the peers did not connect")
        time.sleep(2)
        process = psutil.Process(server.pid)
        before, began = process.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after, took = process.cpu_times(), time.monotonic() - began
        return (after.user + after.system - before.user - before.system) / took
    finally:
        for one in (peers, server):
            if one is not None:
                one.kill()
                one.wait()
