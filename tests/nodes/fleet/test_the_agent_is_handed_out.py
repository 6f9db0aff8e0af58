import io
import subprocess
import sys
import tarfile

import pytest

from nodes.fleet import bundle


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("agent")
    with tarfile.open(fileobj=io.BytesIO(bundle.archive())) as tar:
        tar.extractall(folder, filter="data")
    return folder


def test_what_is_handed_out_runs_without_django(unpacked):
    program = "import sys, nodes.agent.cli; assert nodes.agent.cli.__file__.startswith(sys.argv[1]); print('django' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program, str(unpacked)], cwd=unpacked, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "False"


def test_everything_it_installs_is_pinned_by_hash_and_nothing_else_is_installed(unpacked):
    lock = (unpacked / "requirements.txt").read_text()
    names = {line.split("==")[0] for line in lock.splitlines() if "==" in line}
    assert {"av", "numpy", "httpx", "httpcore", "websockets"} <= names
    assert not names & {"django", "celery", "redis"}
    assert lock.count("==") == len(names) and all("--hash=sha256:" in block for block in lock.split("==")[1:])


def test_a_lock_without_something_it_needs_is_an_error():
    with pytest.raises(LookupError, match="websockets"):
        bundle.requirements("av==1 \\\n    --hash=sha256:00\n", {"av", "websockets"})


def test_anybody_may_fetch_it_and_the_bytes_are_the_same_each_time(client):
    reply = client.get("/agent.tar.gz")
    assert reply.status_code == 200
    assert reply["Content-Type"] == "application/gzip"
    assert reply.content == bundle.archive.__wrapped__()
