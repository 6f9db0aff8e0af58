"""Two tenants of one control room, each signed in by a wallet of its own: who asks for video, and who brings it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import httpx
from playwright.sync_api import BrowserContext, Page, expect

from tests.factories.wallets import SigningWallet

# The old town of Riga; some 60 m apart.
PLACE = {"lat": 56.9489, "lng": 24.1064}
BESIDE = {"latitude": 56.9494, "longitude": 24.1066, "accuracy": 5}
AWAY = {"latitude": 56.9520, "longitude": 24.1066, "accuracy": 5}
DEPOSIT_MICRO = 50_000_000


@dataclass
class Tenant:
    """A workspace, its wallet, and its API as its owner by `http`."""

    wallet: SigningWallet
    id: str
    http: httpx.Client

    def call(self, method: str, path: str, body: dict | None = None, **query):
        reply = self.http.request(method, path, json=body, params=query)
        assert reply.is_success, f"{method} {path} → {reply.status_code} {reply.text[:500]}"
        return reply.json()["data"] if reply.content else None

    def sign_in(self, context: BrowserContext, origin: str) -> None:
        """The cookie of its owner, got as a browser wallet gets it."""
        challenge = context.request.post("/api/v1/auth/wallet/challenge", data={"walletAddress": self.wallet.address}).json()["data"]
        body = {"walletAddress": self.wallet.address, "nonce": challenge["nonce"], "signature": self.wallet.sign(challenge["message"])}
        reply = context.request.post("/api/v1/auth/wallet/login", data=body, headers={"Origin": origin})
        assert reply.ok, reply.text()


def make_tenant(origin: str, slug: str, name: str, roles: list[str]) -> Tenant:
    wallet = SigningWallet()
    http = httpx.Client(base_url=f"{origin}/api/v1", timeout=20)

    def proof(path: str) -> dict:
        challenge = http.post(path, json={"walletAddress": wallet.address}).json()["data"]
        return {"walletAddress": wallet.address, "nonce": challenge["nonce"], "signature": wallet.sign(challenge["message"])}

    made = http.post("/workspaces", json={"slug": slug, "name": name, "roles": roles, **proof("/workspaces/challenge")})
    assert made.status_code == 201, made.text
    token = http.post("/auth/wallet/login", json={"cookie": False, **proof("/auth/wallet/challenge")}).json()["data"]["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    return Tenant(wallet, made.json()["data"]["id"], http)


@dataclass
class Field:
    """Both sides, and the owner of the installation who books their deposits (`api`)."""

    consumer: Tenant
    supplier: Tenant
    api: object

    def request(self, label: str, **body) -> dict:
        """An open request around PLACE, by the API."""
        return self.consumer.call(
            "POST", "/sessions", {"point": PLACE, "maxDurationSeconds": 300, "label": label, "workspaceId": self.consumer.id, **body}
        )

    def session(self, session_id: str) -> dict:
        return self.consumer.call("GET", f"/sessions/{session_id}")

    def wait_for(self, session_id: str, state: str, seconds: float = 60) -> dict:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.session(session_id)
            if found["state"] == state:
                return found
            time.sleep(0.3)
        raise AssertionError(f"{found['label']} is {found['state']}, not {state}")

    def clear(self) -> None:
        """Nothing stays open for the next test: one device serves one session at a time."""
        for session in self.consumer.call("GET", "/sessions", side="consumer", state=["REQUESTED", "ASSIGNED", "LIVE"]):
            if session["state"] == "LIVE":
                self.consumer.http.post(f"/sessions/{session['id']}/end", json={})
            else:
                self.consumer.http.delete(f"/sessions/{session['id']}")


def make_field(origin: str, api) -> Field:
    consumer = make_tenant(origin, "latvian-media", "Latvian Public Media", ["CONSUMER"])
    supplier = make_tenant(origin, "weber-media", "Weber Media", ["SUPPLIER"])
    api.post("/wallet/deposits", {"workspaceId": consumer.id, "amountMicroUsdc": str(DEPOSIT_MICRO), "reference": "opening"})
    return Field(consumer, supplier, api)


# What a page did with the devices, for the tests to read; nothing of it is replaced.
SPY = """() => {
  window.asked = []; window.locks = 0; window.offers = []; window.tracks = [];
  const media = navigator.mediaDevices;
  if (!media) return;
  const open = media.getUserMedia.bind(media);
  media.getUserMedia = async (wish) => { window.asked.push(wish); const s = await open(wish); window.tracks.push(...s.getTracks()); return s; };
  const lock = navigator.wakeLock?.request.bind(navigator.wakeLock);
  if (lock) navigator.wakeLock.request = async (kind) => { const held = await lock(kind); window.locks += 1; return held; };
  const plain = window.fetch;
  window.fetch = (url, options = {}) => { if (options.method === 'POST' && String(url).includes('/whip/')) window.offers.push(String(url)); return plain(url, options); };
}"""


def publisher(new_page, field: Field, session_id: str, origin: str, *, where: dict = BESIDE, **options) -> Page:
    """The publisher's page of a session on a phone, signed in as the supplier."""
    usual = {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "geolocation": where,
        "permissions": ["camera", "microphone", "geolocation", "screen-wake-lock"],
    }
    page = new_page(sign_in_as=None, **usual | options)
    field.supplier.sign_in(page.context, origin)
    page.add_init_script(f"({SPY})()")
    page.goto(f"/sessions/{session_id}/publish")
    return page


def go_live(page: Page) -> None:
    """The first of the two clicks, and the wait until seconds run."""
    page.get_by_role("button", name="Go live").click()
    expect(page.locator("#meter [data-f=clean]")).to_have_text(re.compile(r"00:00:0[1-9]|00:00:[1-5]\d"), timeout=60_000)
