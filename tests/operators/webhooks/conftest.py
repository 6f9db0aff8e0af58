"""A receiver on this machine, and a workspace that wants to hear of its sessions."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from django.db import transaction

from operators.access.services import access_changed
from operators.webhooks import services
from operators.webhooks.delivering import attempt, claim
from tests.factories.users import make_user
from tests.operators.workspaces.conftest import acting, make_workspace

SESSION = "0192f0c8-0000-7000-8000-000000000001"


@dataclass
class Receiver:
    """Answers with `replies` in turn, the last one for ever: a status, or (status, headers). `heard`: (headers, body)."""

    port: int
    replies: list = field(default_factory=lambda: [200])
    heard: list = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?token=t0psecret"


@pytest.fixture
def receiver():
    made = Receiver(0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            reply = made.replies.pop(0) if len(made.replies) > 1 else made.replies[0]
            status, headers = reply if isinstance(reply, tuple) else (reply, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def here(settings):
    """http to this machine may be called, as with DEBUG."""
    settings.DEBUG = True


@pytest.fixture
def acme(db):
    people = {role: make_user(name) for role, name in (("OWNER", "olga"), ("ADMIN", "adam"), ("VIEWER", "vera"))}
    workspace = make_workspace(roles=("CONSUMER", "SUPPLIER"), **people)
    access_changed()
    return SimpleNamespace(workspace=workspace, olga=people["OWNER"], adam=people["ADMIN"], vera=people["VIEWER"])


def make_endpoint(workspace, owner, url, *, types=("session.live", "session.ended"), environment="LIVE", **facts):
    """(endpoint, secret)."""
    facts.setdefault("api_version", "2026-11-23")
    return services.create(actor=acting(owner), workspace=workspace, environment=environment, url=url, types=list(types), **facts)


def emit(workspace, type="session.live", *, session=SESSION, environment="LIVE", **facts) -> int:  # noqa: A002
    with transaction.atomic():
        return services.emit(
            type, subject=("session", session), workspaces=[workspace], environment=environment, **{"data": {"state": "LIVE"}, **facts}
        )


def work_off() -> int:
    """Send what is due, one after another, in this thread; how many tries that took."""
    claimed = claim(50)
    for one in claimed:
        attempt(one)
    return len(claimed)
