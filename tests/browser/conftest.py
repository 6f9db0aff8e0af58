"""Chromium against a whole control room with a local node on a test signal: one stack and one browser for all of these tests."""

import asyncio
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect, sync_playwright

from config.stack.testing import Stack
from tests.browser.tenants import BESIDE, make_field

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=device-count=2,fps=15",
]  # fmt: skip
PATIENCE_SECONDS, CLOSING_SECONDS = 60, 20
VIEWPORT = {"width": 1440, "height": 900}
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items):
    """A start of the whole stack has time."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(400))


def chromium_path() -> str:
    found = os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        pytest.fail("No Chromium: set CHROMIUM_PATH, or install chromium.")
    return found


@pytest.fixture(scope="session")
def room(stack):
    """The control room that these pages are of."""
    return stack


class Api:
    """The owner's other hand: the same control room by its API."""

    def __init__(self, stack: Stack):
        self.owner = stack.owner
        self.http = httpx.Client(base_url=f"{stack.origin}/api/v1", timeout=20)
        self.sign_in()

    def sign_in(self):
        email, password = self.owner
        self.http.headers.pop("Authorization", None)
        token = self._data(self.http.post("/auth/login", json={"email": email, "password": password}))["token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query):
        return self._send("GET", path, params=query)

    def post(self, path: str, body: dict | None = None):
        return self._send("POST", path, json=body or {})

    def patch(self, path: str, body: dict):
        return self._send("PATCH", path, json=body)

    def _send(self, method: str, path: str, **kwargs):
        reply = self.http.request(method, path, **kwargs)
        if reply.status_code == 401:
            # A test signed the owner out everywhere.
            self.sign_in()
            reply = self.http.request(method, path, **kwargs)
        return self._data(reply)

    @staticmethod
    def _data(reply: httpx.Response):
        assert reply.is_success, f"{reply.request.method} {reply.request.url} → {reply.status_code} {reply.text[:500]}"
        return reply.json()["data"] if reply.content else None

    def wait(self, read, what: str, seconds: float = PATIENCE_SECONDS):
        """The first truthy answer of `read()`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := read():
                return found
            time.sleep(0.3)
        raise AssertionError(f"{what} did not happen within {seconds} s")

    def local_node(self) -> dict:
        return self.wait(lambda: next((n for n in self.get("/nodes") if n["status"] != "offline" and n["interfaces"]), None), "a node online")

    def record(self, name: str, seconds: float = 4, **fields) -> dict:
        """A finished recording with its waveform."""
        made = self.post("/recordings", {"nodeId": self.local_node()["id"], "name": name, **fields})["recording"]
        path = f"/recordings/{made['id']}"
        self.wait(lambda: self.get(path)["status"] == "recording", f"{name} recording")
        time.sleep(seconds)
        self.post(f"{path}/stop")
        return self.wait(lambda: (r := self.get(path))["analysisStatus"] == "ready" and r["file"] and r, f"{name} stored and read")


@pytest.fixture(scope="session")
def api(room):
    return Api(room)


@pytest.fixture(scope="session")
def take(api):
    """One finished recording that tests look at and don't change."""
    return api.record("Evening take", folder="festival/day-2", tags=["broadcast"])


def closed(thing) -> None:
    """Closes a page, a context or the browser. Chromium was seen not to answer this, once in a thousand times and for good: what is left then ends with it."""
    nothing = (None, None) if isinstance(thing, Page) else (None,)
    with suppress(TimeoutError):
        thing._sync(asyncio.wait_for(thing._impl_obj.close(*nothing), CLOSING_SECONDS))


@pytest.fixture(scope="package")
def chromium():
    """Ends with this folder's tests: while Playwright runs, no other test of this process could run an event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield browser
        closed(browser)


@dataclass
class Watch:
    """What the browser complained about. A test that provokes a refusal says which statuses it expects."""

    expected: set[int] = field(default_factory=set)
    # While a test takes the network away.
    offline: bool = False
    said: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.said.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._console(page, message))

    def _console(self, page: Page, message) -> None:
        if message.type not in {"error", "warning"}:
            return
        if self.offline and ("ERR_INTERNET_DISCONNECTED" in message.text or "WebSocket" in message.text):
            return
        if any(f"status of {status}" in message.text for status in self.expected):
            return
        self.said.append(f"{page.url}: {message.text}")


@pytest.fixture
def watch():
    watching = Watch()
    yield watching
    assert watching.said == []


def sign_in(context, room) -> None:
    email, password = room.owner
    reply = context.request.post("/api/v1/auth/login", data={"email": email, "password": password, "cookie": True}, headers={"Origin": room.origin})
    assert reply.ok, reply.text()


class OwnersContext:
    """The owner's browser: one context, so that what its pages are made of is read and compiled once. Each test finds it without memory."""

    def __init__(self, chromium, room):
        self.room = room
        self.context = chromium.new_context(base_url=room.origin)
        self.page: Page | None = None
        self._signed_in: list[dict] = []

    def open(self, *, viewport=VIEWPORT, color_scheme="dark", reduced_motion="null") -> Page:
        if not self.context.request.get("/api/v1/auth/me").ok:
            sign_in(self.context, self.room)
            self._signed_in = self.context.cookies()
        self.page = self.context.new_page()
        self.page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        self.page.set_viewport_size(viewport)
        return self.page

    def clear(self) -> None:
        page, self.page = self.page, None
        if page is None:
            return
        with suppress(PlaywrightError):
            session = self.context.new_cdp_session(page)
            session.send("Storage.clearDataForOrigin", {"origin": self.room.origin, "storageTypes": "local_storage,indexeddb"})
        for left in self.context.pages:
            closed(left)
        self.context.clear_cookies()
        self.context.add_cookies(self._signed_in)


@pytest.fixture(scope="package")
def owners(chromium, room):
    made = OwnersContext(chromium, room)
    yield made
    closed(made.context)


@pytest.fixture
def new_page(request, chromium, room, watch, owners):
    """Pages: `new_page(color_scheme="light")`. `sign_in_as` is "shared" (the owner's), "own" (a sign-in nobody else uses) or None. The first shared one of a
    test is in the context that is kept, unless `options` name what only a context of its own has; all others are in contexts of their own."""
    contexts, request.node.pages = [], []

    def make(*, sign_in_as: str | None = "shared", **options) -> Page:
        if sign_in_as == "shared" and owners.page is None and set(options) <= {"viewport", "color_scheme", "reduced_motion"}:
            page = owners.open(**options)
        else:
            context = chromium.new_context(**{"base_url": room.origin, "viewport": VIEWPORT, "color_scheme": "dark"} | options)
            contexts.append(context)
            if sign_in_as == "shared":
                context.add_cookies(owners.context.cookies())
            if sign_in_as == "own" or (sign_in_as and not context.request.get("/api/v1/auth/me").ok):
                sign_in(context, room)
            page = context.new_page()
        request.node.pages.append(page)
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        watch.follow(page)
        return page

    yield make
    owners.clear()
    for context in contexts:
        closed(context)


@pytest.fixture
def page(new_page):
    return new_page()


@pytest.fixture(scope="session")
def tenants(room, api):
    return make_field(room.origin, api)


@pytest.fixture
def field(tenants):
    yield tenants
    tenants.clear()


@pytest.fixture
def as_tenant(new_page, room):
    """Pages of a tenant: `as_tenant(field.consumer, "/sessions")`."""

    def make(tenant, address: str, **options) -> Page:
        page = new_page(sign_in_as=None, geolocation=BESIDE, permissions=["geolocation"], **options)
        tenant.sign_in(page.context, room.origin)
        page.goto(address)
        return page

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What a page says is part of its test's failure: a refusal, for one, is a toast."""
    report = yield
    if report.when == "call" and report.failed:
        for page in getattr(item, "pages", []):
            with suppress(PlaywrightError):
                report.sections.append((page.url, page.locator("body").inner_text(timeout=2000)[:1500]))
    return report
