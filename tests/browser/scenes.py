"""A production to look at: two cameras with drawn pictures, five people, four locks, two lines and a caption on air. For screenshots."""

from __future__ import annotations

import time

from playwright.sync_api import Browser

from tests.browser.room import Room
from tests.browser.tenants import BESIDE, DEPOSIT_MICRO, Field, go_live, make_tenant

# A camera that sees the picture of the sign-in page, from one side or the other; the grain keeps an encoder at work.
CAMERA = """(mirrored) => {
  navigator.mediaDevices.getUserMedia = async () => {
    const { paint } = await import('/static/js/art.js');
    const canvas = document.createElement('canvas');
    canvas.style = 'position:fixed;left:-2000px;width:1280px;height:720px';
    document.body.append(canvas);
    paint(canvas);
    const out = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
    const draw = out.getContext('2d');
    setInterval(() => {
      draw.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? 1280 : 0, 0);
      if (mirrored) draw.drawImage(canvas, canvas.width * 0.3, canvas.height * 0.35, canvas.width * 0.55, canvas.height * 0.55, 0, 0, 1280, 720);
      else draw.drawImage(canvas, 0, 0, 1280, 720);
      draw.fillStyle = `rgb(255 255 255 / ${Math.random() * 0.01})`;
      draw.fillRect(0, 0, 1280, 720);
    }, 66);
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    const level = audio.createGain();
    const to = audio.createMediaStreamDestination();
    level.gain.value = 0.12;
    tone.connect(level).connect(to);
    tone.start();
    return new MediaStream([...out.captureStream(15).getVideoTracks(), ...to.stream.getAudioTracks()]);
  };
}"""

GUESTS = {"audio": "Bo Lindqvist", "captioner": "Chidi Eze", "graphics": "Dana Okafor", "viewer": "Mira Tamm"}


class Production:
    """Runs from construction until `stop()`."""

    def __init__(self, browser: Browser, origin: str, api):
        self.api, self.origin, self.room = api, origin, Room(origin, api)
        api.post("/operator/reconnect")
        stamp = str(int(time.time()))
        self.consumer = make_tenant(origin, f"public-media-{stamp}", "Latvian Public Media", ["CONSUMER"])
        api.post("/wallet/deposits", {"workspaceId": self.consumer.id, "amountMicroUsdc": str(DEPOSIT_MICRO), "reference": f"opening {stamp}"})
        owner = api.get("/auth/me")["user"]["id"]
        self.consumer.call("POST", f"/workspaces/{self.consumer.id}/members", {"userId": owner, "role": "VIEWER"})
        self.sessions = [self._camera(browser, name, mirrored, stamp) for name, mirrored in (("Bridge", False), ("Harbour", True))]
        self._people()

    def _camera(self, browser: Browser, label: str, mirrored: bool, stamp: str) -> str:
        supplier = make_tenant(self.origin, f"{label.lower()}-{stamp}", f"{label} Media", ["SUPPLIER"])
        session = Field(self.consumer, supplier, self.api).request(label)
        context = browser.new_context(
            base_url=self.origin, viewport={"width": 390, "height": 844}, geolocation=BESIDE, permissions=["camera", "microphone", "geolocation"]
        )
        supplier.sign_in(context, self.origin)
        page = context.new_page()
        page.goto(f"/sessions/{session['id']}/publish")
        page.evaluate(f"({CAMERA})({str(mirrored).lower()})")
        go_live(page)
        return f"session:{session['id']}"

    def _people(self) -> None:
        self.guests = {role: self.room.guest(role, name) for role, name in GUESTS.items()}
        for role, subsystem in (("audio", "audio"), ("captioner", "captions")):
            self.guests[role].send("POST", "/operator/lock", {"subsystem": subsystem})
        for subsystem in ("switching", "graphics"):
            self.api.post("/operator/lock", {"subsystem": subsystem})
        bridge, harbour = self.sessions
        self.guests["audio"].send("POST", "/control-room/audio/gain", {"source": harbour, "gainDb": -3.5})
        self.api.post("/control-room/cut", {"source": bridge})
        self.api.post("/control-room/preview", {"source": harbour})
        self.api.post("/control-room/lower-third/show", {"title": "Ilze Kalniņa", "subtitle": "Conductor, Song Festival"})
        self.link = self.api.post("/control-room/program-link/rotate")["url"]

    def speak(self) -> None:
        """Everybody is present, a caption shows for a while, and Dana asks for the graphics."""
        self.api.post("/operator/reconnect")
        for guest in self.guests.values():
            guest.send("POST", "/operator/heartbeat", {})
        for line in ("Thank you. Please stay where you are.", "We have waited five years to sing this again."):
            self.guests["captioner"].send("POST", "/control-room/captions", {"text": line, "durationSeconds": 15})
            if line.startswith("Thank"):
                self.guests["captioner"].send("POST", "/control-room/captions/clear", {})
        self.guests["graphics"].send("POST", "/operator/handovers", {"subsystem": "graphics", "note": "Sponsor strap before the anthem"})

    def stop(self) -> None:
        for source in self.sessions:
            self.consumer.http.post(f"/sessions/{source.partition(':')[2]}/end", json={})
        self.room.clear()
