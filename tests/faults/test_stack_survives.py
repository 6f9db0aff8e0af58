"""The whole stack, started as `bin/up` starts it, with its processes killed for real."""

import os
import signal
import ssl
import time
from contextlib import suppress

import httpx
import psutil
import psycopg
import pytest

from config.stack import leftovers, postgres, valkey
from config.stack.errors import StackError
from config.stack.process import wait_until
from config.stack.testing import Stack

pytestmark = pytest.mark.timeout(600)

PROGRAMS = ["postgres", "valkey", "web", "live", "worker", "media", "beat", "edge"]
RESTART_SECONDS = 5
MEMORY_BUDGET_BYTES = 900 * 1024 * 1024


def ready(stack) -> bool:
    try:
        return httpx.get(f"{stack.origin}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def wait_ready(stack) -> None:
    wait_until(lambda: ready(stack), timeout_seconds=60, what="the stack", log=stack.instance.log)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_killed_program_is_back_within_5_seconds_and_the_others_never_notice(stack, name):
    wait_ready(stack)
    before = stack.pids()
    killed = stack.kill(name)
    began = time.monotonic()
    stack.wait_for(name, other_than=killed, timeout_seconds=RESTART_SECONDS)
    assert time.monotonic() - began < RESTART_SECONDS
    wait_ready(stack)
    after = stack.pids()
    assert after.pop(name) != before.pop(name)
    assert after == before


def test_a_killed_web_leaves_no_worker_process_behind(stack):
    wait_ready(stack)
    children = psutil.Process(stack.pid("web")).children(recursive=True)
    assert children
    stack.kill("web")
    _, alive = psutil.wait_procs(children, timeout=RESTART_SECONDS)
    assert alive == []
    wait_ready(stack)


def test_a_held_program_stays_down_and_a_released_one_comes_back(stack):
    wait_ready(stack)
    others = {name: pid for name, pid in stack.pids().items() if name != "web"}
    stack.hold("web")
    for _ in range(3):
        time.sleep(1)
        assert stack.pid("web") == 0
    answer = httpx.get(f"{stack.origin}/api/v1/nodes")
    assert (answer.status_code, answer.json()["code"], answer.json()["transient"]) == (503, "not_ready", True)
    assert answer.headers["Retry-After"]
    assert answer.headers["Request-Id"]
    stack.release("web")
    wait_ready(stack)
    assert {name: pid for name, pid in stack.pids().items() if name != "web"} == others


def test_a_second_start_in_the_same_folder_says_that_one_runs_already(stack):
    with pytest.raises(StackError, match="already runs here"):
        Stack(var=stack.instance.var.parent, environment={"TALLYROOM_VAR": str(stack.instance.var)})
    assert ready(stack)


def test_given_stores_are_used_and_other_machines_get_https(tmp_path):
    database_url, database = postgres.start_temporary()
    broker_url, broker = valkey.start_temporary()
    given = {"DATABASE_URL": database_url, "REDIS_URL": broker_url}
    running = Stack(bare=True, bind="0.0.0.0", environment=given)
    try:
        assert {"postgres", "valkey", "node"}.isdisjoint(running.pids())
        assert not running.instance.postgres.exists()
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT count(*) > 0 FROM django_migrations").fetchone() == (True,)
        local = f"https://127.0.0.1:{running.port}"
        assert running.origin.startswith("https://")
        authority = tmp_path / "ca.pem"
        authority.write_text(httpx.get(f"{local}/ca.pem", verify=False).text)
        trusting = httpx.Client(verify=ssl.create_default_context(cafile=str(authority)))
        for name in ("127.0.0.1", "localhost"):
            assert trusting.get(f"https://{name}:{running.port}/readyz").status_code == 200
        assert trusting.get(f"{local}/readyz", headers={"Host": "elsewhere.example"}).json()["code"] == "validation_failed"
        assert "__Host-" in trusting.get(f"{local}/sign-in").headers.get("Set-Cookie", "")
        # As when its terminal is closed.
        ends_cleanly(running, signal.SIGHUP)
    finally:
        running.stop()
        postgres.stop(database)
        valkey.stop(broker)


@pytest.fixture(scope="module")
def own_stack():
    """One that may be killed as a whole; with the recorder agent of this machine."""
    running = Stack(bare=False)
    yield running
    running.stop()


def test_two_run_side_by_side_with_nothing_in_common(stack, own_stack):
    wait_ready(stack)
    wait_ready(own_stack)
    assert stack.origin != own_stack.origin
    first, second = (set(each.instance.read_record()["ports"].values()) for each in (stack, own_stack))
    assert not first & second
    assert not set(stack.pids().values()) & set(own_stack.pids().values())
    assert "node" in own_stack.pids()


def test_the_whole_stack_stays_within_its_memory(own_stack):
    wait_ready(own_stack)
    needed = [bytes_ for pid in _family(own_stack) if (bytes_ := _memory(pid))]
    assert len(needed) >= len(PROGRAMS)
    assert sum(needed) < MEMORY_BUDGET_BYTES


def _family(stack) -> set[int]:
    """Every process of the stack, and what they started; those that end meanwhile need no memory any more."""
    found = set()
    for number in stack.processes():
        with suppress(psutil.NoSuchProcess):
            found |= {number, *(child.pid for child in psutil.Process(number).children(recursive=True))}
    return found


def _memory(pid: int) -> int:
    """Bytes, what is shared counted once (PSS); 0 of a process that has ended."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).memory_full_info().pss
    return 0


def test_killed_as_a_whole_it_is_whole_again_at_the_next_start(own_stack):
    owner, ports = own_stack.owner, own_stack.instance.read_record()["ports"]
    own_stack.kill_everything()
    assert own_stack.processes() == []
    own_stack.start()
    wait_ready(own_stack)
    assert own_stack.instance.read_record()["ports"] == ports
    signed_in = httpx.post(f"{own_stack.origin}/api/v1/auth/login", json={"email": owner[0], "password": owner[1]})
    assert signed_in.status_code in {200, 201}, signed_in.text


def test_children_of_a_killed_supervisor_end_and_stand_in_nobodys_way(own_stack):
    wait_ready(own_stack)
    os.kill(own_stack.process.pid, signal.SIGKILL)
    own_stack.process.wait()
    own_stack.start()
    wait_ready(own_stack)
    record = leftovers.PidRecord(own_stack.instance.pids).read()
    assert {name: entry[0] for name, entry in record.items()} == own_stack.pids()


def ends_cleanly(stack, stop_signal) -> None:
    before = len(stack.log())
    assert stack.end(stop_signal) == 0
    assert stack.processes() == []
    assert not stack.instance.pids.exists()
    assert "SIGKILL" not in stack.log()[before:]


def test_a_warm_start_installs_migrates_and_creates_nothing_and_logs_no_warning(own_stack):
    wait_ready(own_stack)
    ends_cleanly(own_stack, signal.SIGINT)
    before, logged, output = own_stack.instance.read_record()["prepared"], len(own_stack.log()), len(own_stack.output())
    own_stack.start()
    printed = own_stack.output()[output:]
    assert "schema" not in printed
    assert "password" not in printed
    assert own_stack.instance.read_record()["prepared"] == before
    wait_ready(own_stack)
    # Long enough for the agent's first heartbeats and the first periodic tasks.
    time.sleep(8)
    ends_cleanly(own_stack, signal.SIGTERM)
    written = own_stack.log()[logged:].splitlines()
    names = {line.split()[2] for line in written}
    assert {"stack", "node"} <= names
    assert [line for line in written if any(word in line.lower() for word in ("warn", "error", "critical", "traceback"))] == []
