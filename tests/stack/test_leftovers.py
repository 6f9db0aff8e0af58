"""Ending what a killed start left behind: the recorded processes, proven ours, and nothing else."""

import signal
import subprocess
import sys
import time

import pytest

from config.stack.leftovers import PidRecord, belongs_to, find, reap, status
from config.stack.process import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def start():
    started = []

    def run(var, *, command=None):
        process = subprocess.Popen(command or SLEEP, start_new_session=True, env={"TALLYROOM_VAR": str(var)})
        started.append(process)
        # Between fork and the end of exec, a process shows no environment.
        wait_until(lambda: belongs_to(process.pid, var), timeout_seconds=5, what="the process")
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def test_a_recorded_child_is_ended(tmp_path, start):
    record = PidRecord(tmp_path / "pids.json")
    child = start(tmp_path)
    record.add("web", child.pid)
    assert reap(record, tmp_path) == [child.pid]
    assert child.wait(5) == -signal.SIGTERM
    assert record.read() == {}


def test_what_a_dead_child_started_is_ended_too(tmp_path, start):
    record = PidRecord(tmp_path / "pids.json")
    code = f"import subprocess, sys, time; print(subprocess.Popen({SLEEP!r}).pid, flush=True); time.sleep(60)"
    leader = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, env={"TALLYROOM_VAR": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    )
    grandchild = int(leader.stdout.readline())
    record.add("web", leader.pid)
    leader.kill()
    leader.wait()
    assert find(record, tmp_path) == [grandchild]
    reap(record, tmp_path)
    assert status(grandchild) is None or status(grandchild).state == "Z"


def test_a_recorded_pid_that_is_another_program_by_now_is_spared(tmp_path, start):
    record = PidRecord(tmp_path / "pids.json")
    stranger = start(tmp_path / "another instance")
    record.add("web", stranger.pid)
    assert reap(record, tmp_path) == []
    time.sleep(0.1)
    assert stranger.poll() is None


def test_an_unrecorded_process_of_the_same_folder_is_spared(tmp_path, start):
    process = start(tmp_path)
    assert reap(PidRecord(tmp_path / "pids.json"), tmp_path) == []
    assert process.poll() is None


def test_an_unreadable_record_counts_as_empty(tmp_path):
    (tmp_path / "pids.json").write_text("[")
    assert reap(PidRecord(tmp_path / "pids.json"), tmp_path) == []
