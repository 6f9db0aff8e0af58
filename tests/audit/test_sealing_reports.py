"""What a seal leaves behind: anchors in a file and at a URL, a sign of life for the metrics; and who asks for one early."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from audit import gauges, keys, sealing, services, tasks
from audit.models import AuditCheckpoint
from config.kernel.access import ANONYMOUS

pytestmark = pytest.mark.django_db


@pytest.fixture
def witness(settings):
    """A server that keeps what is posted to it; `settings.AUDIT_ANCHOR_URL` points there."""
    kept = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            kept.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.AUDIT_ANCHOR_URL = f"http://127.0.0.1:{server.server_port}/anchors"
    yield kept
    server.shutdown()
    server.server_close()


def test_each_checkpoint_is_anchored_once_and_the_newest_is_sent(trail, witness):
    trail.grow(1)
    trail.grow(1)
    lines = [json.loads(line) for line in trail.anchors.read_text().splitlines()]
    newest = AuditCheckpoint.objects.first()
    assert [line["seq"] for line in lines][-2:] == [newest.seq - 1, newest.seq]
    assert witness == lines[-2:]
    assert sealing.publish_anchors() == 0


def test_an_anchor_that_a_crash_left_out_comes_with_the_next(trail):
    trail.grow(1)
    kept = trail.anchors.read_text()
    trail.grow(1)
    trail.anchors.write_text(kept)
    trail.grow(1)
    assert trail.findings() == []
    assert len(trail.anchors.read_text().splitlines()) == len(kept.splitlines()) + 2


def test_a_witness_that_is_away_stops_no_seal(trail, settings):
    settings.AUDIT_ANCHOR_URL = "http://127.0.0.1:9/anchors"
    trail.grow(1)
    assert trail.findings() == []


def test_the_metrics_say_how_old_the_last_seal_is():
    assert list(gauges.seal_lag(ANONYMOUS)) == []
    tasks.seal.run_once()
    (family,) = gauges.seal_lag(ANONYMOUS)
    assert 0 <= family.samples[0].value < 30


def test_a_busy_process_asks_for_a_seal_early(write, monkeypatch, commits):
    asked = []
    monkeypatch.setattr(services, "SEAL_EVERY", 3)
    monkeypatch.setattr(tasks.seal, "apply_async", lambda **options: asked.append(options))
    with commits():
        for _ in range(6):
            write()
    assert len(asked) == 2


@pytest.mark.parametrize("content", ["rsa", "garbage"])
def test_a_key_of_another_kind_is_refused(settings, tmp_path, content):
    path = tmp_path / "audit.pem"
    settings.AUDIT_SIGNING_KEY = str(path)
    pem = generate_private_key(65537, 2048).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem if content == "rsa" else b"no key")
    with pytest.raises(keys.KeyMissing):
        keys.signing_key()
