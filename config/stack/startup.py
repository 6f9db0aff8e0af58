"""The order of a start: database and broker, migrations, the first owner, then the rest, each after its health check.

Runs as a process of its own beside the supervisor (`python -m config.stack.startup`), which ends everything when this
one fails.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from config.stack import environment, health, stamps
from config.stack.errors import StackError
from config.stack.paths import PROJECT, Instance, write_atomically
from config.stack.process import die_with_parent, stop, wait_until
from config.stack.supervisor import Control

# A first start on a slow disk writes a database and compresses every static file.
PATIENCE_SECONDS = 180
# Two voices, one with a beep each second: something to see on the meters and to recognise in a recording.
TEST_SIGNAL = (
    "lavfi:sine=frequency=330:beep_factor=3:sample_rate=48000[a];sine=frequency=495:sample_rate=48000,tremolo=f=0.3:d=0.8[b];[a][b]amerge=inputs=2"
)


@dataclass
class Start:
    """One start: what is asked for, what runs, and how long it has taken."""

    instance: Instance
    control: Control
    bare: bool
    began: float
    jobs: list[subprocess.Popen] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What `manage.py bootstrap` made, as `prepared` in `instance.json` names it."""
        return "owner" if self.bare else "owner and node"

    def say(self, text: str) -> None:
        print(f"  {time.monotonic() - self.began:4.1f} s  {text}", flush=True)

    def wait(self, name: str, ready: Callable[[], bool]) -> None:
        """Until the program `name` is healthy. Raises StackError with the end of the log when it never is."""
        wait_until(ready, timeout_seconds=PATIENCE_SECONDS, what=f"{name} (see {self.instance.log})", log=self.instance.log)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="config.stack.startup")
    parser.add_argument("--bare", action="store_true")
    bare = parser.parse_args(arguments).bare
    instance = Instance.from_environment()
    start = Start(instance, Control(instance.control_socket), bare, time.monotonic())
    # Told to end by the supervisor: leave by the way that ends the jobs.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        run(start)
    except StackError as error:
        print(f"\nTallyroom could not start.\n{error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        # Ctrl-C reaches the supervisor as well, which ends what has been started.
        return 0
    finally:
        for job in start.jobs:
            stop(job)
    return 0


def run(start: Start) -> None:
    """Everything, in order. Raises StackError."""
    control = start.control
    wait_until(control.answers, timeout_seconds=PATIENCE_SECONDS, what="The supervisor", log=start.instance.log)
    programs = control.programs()
    _start_stores(start, programs)
    _migrate(start)
    for name in ("web", "live", "worker", "media", "edge"):
        if name in programs:
            control.start(name)
    # Once made, the owner and the node are only looked after when everything is up: a warm start doesn't wait for it.
    first = not start.instance.read_record()["prepared"].get(start.kind)
    owner = _bootstrap(start) if first else {}
    _wait_for_servers(start, programs)
    rest = ["beat"] if start.bare else ["beat", "node"]
    for name in rest:
        control.start(name)
    for name in rest:
        start.wait(name, lambda name=name: control.programs()[name]["state"] == "running")
    start.say(" and ".join(rest))
    _announce(start)
    if not first:
        owner = _bootstrap(start)
    _tell_sign_in(owner)


def _start_stores(start: Start, programs: dict) -> None:
    """Database and broker; those of somebody else are only asked whether they answer."""
    for name in ("postgres", "valkey"):
        if name in programs:
            start.control.start(name)
    url = environment.database_url(start.instance)
    embedded = "postgres" in programs
    # Its own database may not exist yet; the one that every cluster has does.
    maintenance_url = url.rpartition("/")[0] + "/postgres" if embedded else url
    start.wait("The database", lambda: health.database_answers(maintenance_url))
    if embedded:
        health.create_database(url, maintenance_url=maintenance_url)
    start.wait("The broker", lambda: health.broker_answers(environment.redis_url(start.instance)))
    start.say("database and broker" if embedded else "your database and broker")


def _migrate(start: Start) -> None:
    """Migrations and static files, at once; each only when something it depends on has changed."""
    url = environment.database_url(start.instance)
    jobs: dict[str, subprocess.Popen] = {}
    known = start.instance.read_record().get("prepared", {})
    if known.get("database") != stamps.database(url):
        jobs["migrate"] = _manage(start, "migrate", "--no-input", "--skip-checks", "--verbosity", "0")
    stamp = start.instance.static / ".stamp"
    if not stamp.exists() or stamp.read_text() != stamps.static(start.instance.static):
        jobs["collectstatic"] = _manage(start, "collectstatic", "--no-input", "--clear", "--skip-checks", "--verbosity", "0")
    for name, job in jobs.items():
        _finish(name, job)
    if jobs:
        # Beside the files, since several instances may share them.
        write_atomically(stamp, stamps.static(start.instance.static), mode=0o644)
        made = {"database": stamps.database(url)}
        # Another schema or database may lack the owner and the node.
        kept = known if "migrate" not in jobs else {}
        start.instance.write_record(prepared=kept | made)
        start.say("schema and static files")


def _manage(start: Start, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
    job = subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )  # fmt: skip
    start.jobs.append(job)
    return job


def _finish(name: str, job: subprocess.Popen) -> str:
    output, errors = job.communicate()
    if job.returncode:
        raise StackError(f"manage.py {name} failed:\n{errors[-4000:] or output[-4000:]}")
    return output


def _bootstrap(start: Start) -> dict:
    """The first owner and, unless bare, the site and node of this machine; what is there already stays.

    The command prints `{"owner": {"email", "password"?}, "node": {"id"}?}`: the password only in the start that made it.
    """
    output = _finish("bootstrap", _manage(start, "bootstrap", "--skip-checks", *(["--bare"] if start.bare else [])))
    try:
        result = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise StackError(f"manage.py bootstrap said something unexpected:\n{output[-2000:]}") from error
    if not start.bare:
        _settle_agent(start, result["node"]["id"])
    prepared = start.instance.read_record().get("prepared", {})
    if not prepared.get(start.kind):
        start.instance.write_record(prepared=prepared | {start.kind: True})
        start.say(start.kind)
    return result.get("owner") or {}


def _settle_agent(start: Start, node: str) -> None:
    """Tell the local agent which node it is. One that runs already is started again when it was told otherwise."""
    settings = start.instance.agent / "agent.toml"
    before = settings.read_text() if settings.exists() else None
    write_agent_settings(settings, node=node)
    if before is not None and settings.read_text() != before and start.control.programs()["node"]["pid"]:
        start.control.stop("node")
        start.control.start("node")


def write_agent_settings(path: Path, *, node: str) -> None:
    """The local agent's file: made once, then a person's; only the node's id is kept right."""
    named = f'node = "{node}"'
    if not path.exists():
        content = (
            "# The recorder agent of this machine. Restart it after a change: bin/up hold node; bin/up release node\n"
            f"{named}\n\n"
            '# A test signal. For a real input see `python -m nodes.agent devices`, for example source = "alsa:hw:1,0".\n'
            f"[[interface]]\nsource = '{TEST_SIGNAL}'\nsample_rate = 48000\nchannels = 2\nalias = \"Test signal\"\n"
        )
    else:
        current = path.read_text()
        content = re.sub(r'(?m)^node\s*=\s*".*"$', named, current)
        if content == current:
            return
    write_atomically(path, content, mode=0o600)


def _wait_for_servers(start: Start, programs: dict) -> None:
    record = start.instance.read_record()
    edge = record["local_url"]
    checks = {
        "web": f"http://127.0.0.1:{record['ports']['web']}/healthz",
        "live": f"http://127.0.0.1:{record['ports']['live']}/healthz",
        # Through the edge to everything that web depends on, the worker included.
        "edge": f"{edge}/healthz",
        "worker": f"{edge}/readyz",
    }
    if "media" in programs:
        checks["media"] = f"http://127.0.0.1:{record['ports']['media']}/healthz"
    for name, url in checks.items():
        start.wait(name, lambda url=url: health.http_status(url) == 200)
    start.say("web, live, worker, media and edge" if "media" in programs else "web, live, worker and edge")


def _announce(start: Start) -> None:
    record = start.instance.read_record()
    lines = ["", f"  Tallyroom is ready:  {record['origin']}"]
    if record["local_url"].startswith("https"):
        lines += [
            "  It serves HTTPS with an authority of its own; another device trusts it after installing",
            f"                       {record['origin']}/ca.pem",
        ]
    lines += [f"  Log                  {start.instance.log}", "  Ctrl-C stops everything.", ""]
    print("\n".join(lines), flush=True)
    start.instance.write_record(ready=True)


def _tell_sign_in(owner: dict) -> None:
    """Only the start that made the password knows it."""
    if owner.get("password"):
        print(f"  Sign in as           {owner['email']}\n  with the password    {owner['password']}\n  (shown this once)\n", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
