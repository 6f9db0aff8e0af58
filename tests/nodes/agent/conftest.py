"""The agent as a real process against a fake controller; every wait has an end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.nodes.agent.controller import FakeController

ROOT = Path(__file__).parents[3]
#: 440 Hz left, 1000 Hz right and louder.
TONES = "lavfi:aevalsrc='0.1*sin(2*PI*440*t)|0.5*sin(2*PI*1000*t)':s=48000"
QUICK = {
    "HEARTBEAT_SECONDS": "0.4",
    "INVENTORY_SECONDS": "60",
    "CONFIG_SECONDS": "5",
    "CLAIM_SECONDS": "0.4",
    "JOB_HEARTBEAT_SECONDS": "0.4",
    "UNAUTHORIZED_SECONDS": "0.4",
    "BACKOFF_FIRST_SECONDS": "0.1",
    "BACKOFF_LAST_SECONDS": "0.4",
    "UPLOAD_BACKOFF_LAST_SECONDS": "0.3",
    "VERIFY_POLL_SECONDS": "0.2",
    "SYNC_SECONDS": "0.3",
    "SOCKET_PING_SECONDS": "0.5",
    "REOPEN_FIRST_SECONDS": "0.2",
}


def wait_for(condition, seconds: float = 8.0, what: str = "it"):
    """The first true value of `condition()`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


class Agent:
    """`python -m nodes.agent run` on one data folder; may be killed and started again."""

    def __init__(self, controller: FakeController, data_dir: Path, interface: dict):
        self.controller, self.data_dir, self.interface = controller, data_dir, interface
        self.environment: dict[str, str] = {}
        data_dir.mkdir(mode=0o700, exist_ok=True)
        (data_dir / "credential").write_text(controller.token)
        self.process: subprocess.Popen | None = None

    def command(self, *words: str) -> list[str]:
        controller = self.controller
        place = ("--data-dir", str(self.data_dir), "--url", controller.url, "--node", controller.node)
        return [sys.executable, "-m", "nodes.agent", *words, *place]

    def start(self, **timing: str) -> "Agent":
        environment = os.environ | {f"TALLYROOM_AGENT_{k}": v for k, v in (QUICK | timing).items()}
        environment["TALLYROOM_AGENT_INTERFACES"] = json.dumps([self.interface])
        environment |= self.environment
        self.log = (self.data_dir.parent / "agent.log").open("ab")
        self.process = subprocess.Popen(
            self.command("run", "--no-discover", "--progress", "off"),
            cwd=ROOT,
            env=environment,
            stdout=self.log,
            stderr=self.log,
        )
        return self

    @property
    def wired(self) -> bool:
        """Whether the config it holds names its interface."""
        return bool(json.loads((self.data_dir / "config.cache.json").read_text())["interfaces"])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(12)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def job_state(self, job: dict) -> dict:
        path = self.data_dir / "jobs" / job["id"] / "state.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def frames_on_disk(self, job: dict) -> int:
        folder = self.data_dir / "jobs" / job["id"] / "seg"
        return sum(path.stat().st_size for path in folder.glob("*.pcm")) // 4 if folder.exists() else 0


@pytest.fixture
def controller():
    fake = FakeController().start()
    yield fake
    fake.stop()


@pytest.fixture
def agent(controller, tmp_path):
    """Running, enrolled, configured with its two tones."""
    made = Agent(controller, tmp_path / "agent", {"source": TONES, "alias": "Tones"})
    made.start()
    wait_for(lambda: (made.data_dir / "config.cache.json").exists() and made.wired, what="its config")
    yield made
    made.stop()
