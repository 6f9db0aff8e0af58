"""`make screenshots`: every screen of a working control room into `docs/screens/`, dark and light.

A stack of its own, three recorder agents beside the local one on drawn-up signals, a few recordings; nothing of it is mocked.
"""

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from config.stack.paths import PROJECT
from config.stack.testing import Stack
from tests.browser.conftest import ARGUMENTS, Api, chromium_path, sign_in
from tests.browser.scenes import Production

OUT = PROJECT / "docs" / "screens"
LIMIT_BYTES = 300_000
# Their pictures are all gradients, which PNG packs badly.
SMALLER = {"sign-in": {"width": 1080, "height": 675}, "control-room": {"width": 1200, "height": 750}}
LAYOUTS = {2: "stereo", 4: "4.0", 8: "7.1", 16: "hexadecagonal"}
HALL = (
    "Lectern",
    "Chair",
    "Table L",
    "Table R",
    "Pulpit",
    "Choir L",
    "Choir R",
    "Organ",
    "Video L",
    "Video R",
    "Hall L",
    "Hall R",
    "RF 1",
    "RF 2",
    "Comms",
    "Spare",
)
# name, room, amplitude of each channel (0: dead), names of channels
NODES = (
    ("hall-b-rec-02", "Hall B", (0.3, 0.12, 0.05, 0.04, 0, 0.5, 0.45, 0.7, 0.1, 0.4, 0.01, 0.012, 1.6, 0.2, 0.15, 0.002), HALL),
    ("choir-tent-01", "Tent", (0.4, 0.5, 0.45, 0.6, 0.3, 0.35, 0.06, 0.05), ()),
    ("booth-04", "Booth 4", (0.35, 0.2), ("Host", "Guest")),
)


def signal(amplitudes: tuple[float, ...]) -> str:
    """A lavfi graph with one voice-like, restless channel for each amplitude."""
    voices = [
        f"{a}*(0.06+pow(abs(sin({3.1 + i * 0.23:.2f}*t+{i})*sin({0.37 + i * 0.031:.3f}*t+{i})),1.4))*(sin({1130 + 440 * i}*t)+0.4*(2*random({i})-1))*0.9" if a else "0"
        for i, a in enumerate(amplitudes)
    ]  # fmt: skip
    return f"lavfi:aevalsrc='{'|'.join(voices)}':c={LAYOUTS[len(amplitudes)]}:s=48000"


def start_node(api: Api, stack: Stack, folder: Path, node: tuple) -> subprocess.Popen:
    alias, room, amplitudes, names = node
    site = api.get("/sites")[0]
    enrolled = api.post("/nodes/enroll", {"alias": alias, "location": {"siteId": site["id"], "room": room}})
    data_dir = folder / alias
    where = ["--url", stack.origin, "--node", enrolled["node"]["id"], "--data-dir", str(data_dir)]
    subprocess.run(
        [sys.executable, "-m", "nodes.agent", "enrol", *where],
        cwd=PROJECT,
        input=enrolled["credential"]["token"],
        text=True,
        check=True,
        capture_output=True,
    )
    declared = json.dumps({"source": signal(amplitudes), "sample_rate": 48000, "channels": len(amplitudes), "alias": "Stage box"})
    agent = subprocess.Popen(
        [sys.executable, "-m", "nodes.agent", "run", *where, "--no-discover", "--progress", "off", "--interface", declared],
        cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    path = f"/nodes/{enrolled['node']['id']}"
    interface = api.wait(lambda: api.get(path)["interfaces"], f"{alias} online")[0]
    channels = [{"index": i, "alias": name} for i, name in enumerate(names, 1)]
    if channels:
        channels[-1]["role"] = "unused" if names[-1] == "Spare" else None
        api.patch(f"{path}/interfaces/{interface['id']}", {"channels": channels})
    return agent


def furnish(api: Api) -> dict[str, str]:
    """Recordings, one still running; the ids that the pictures need."""
    ids = {node["alias"]: node["id"] for node in api.get("/nodes")}
    music = next(profile["id"] for profile in api.get("/settings/recording-profiles") if profile["name"].startswith("Music"))
    for name, node, seconds, folder, tags in (
        ("Choir rehearsal", "choir-tent-01", 8, "festival/day-2", ["choir"]),
        ("Interview, first take", "booth-04", 5, "festival/day-2", ["interview"]),
        ("Plenary, morning", "hall-b-rec-02", 20, "parliament", ["broadcast"]),
    ):
        made = api.post("/recordings", {"nodeId": ids[node], "name": name, "folder": folder, "tags": tags, "recordingProfileId": music})["recording"]
        api.wait(lambda path=f"/recordings/{made['id']}": api.get(path)["status"] == "recording", name)
        time.sleep(seconds)
        api.post(f"/recordings/{made['id']}/stop")
        ids[name] = made["id"]
    api.wait(lambda: api.get(f"/recordings/{ids['Plenary, morning']}")["analysisStatus"] == "ready", "the waveform")
    api.post("/recordings", {"nodeId": ids["hall-b-rec-02"], "name": "Plenary, afternoon", "folder": "parliament"})
    api.patch(f"/recordings/{ids['Plenary, morning']}/metadata", {"notes": "Opening, two votes, a guest."})
    api.patch(f"/nodes/{ids['booth-04']}", {"tags": ["interview", "festival"]})
    time.sleep(12)
    return ids


def screens(ids: dict[str, str]) -> dict[str, str]:
    return {
        "sign-in": "/sign-in",
        "overview": "/",
        "control-room": "/control-room",
        "fleet": "/nodes",
        "node": f"/nodes/{ids['hall-b-rec-02']}",
        "library": "/recordings",
        "recording": f"/recordings/{ids['Plenary, morning']}",
        "audit": "/audit?verb=node.*",
        "account": "/account",
        "people": "/people",
        "policies": "/people/policies",
        "workspaces": "/workspaces",
    }


def shoot(browser: Browser, stack: Stack, ids: dict[str, str], production: Production, theme: str) -> None:
    context = browser.new_context(base_url=stack.origin, viewport={"width": 1440, "height": 900}, color_scheme=theme)
    for name, address in screens(ids).items():
        page = context.new_page()
        if name in SMALLER:
            page.set_viewport_size(SMALLER[name])
        page.goto(address)
        if name == "control-room":
            show_production(page, production)
        page.wait_for_timeout(3500)
        if name == "audit":
            page.locator("tbody a").first.click()
            page.wait_for_timeout(800)
        path = OUT / (f"{name}.png" if theme == "dark" else f"{name}-{theme}.png")
        page.screenshot(path=path)
        size = path.stat().st_size
        sys.stdout.write(f"{path.relative_to(PROJECT)}  {size // 1000} kB{'  TOO LARGE' if size > LIMIT_BYTES else ''}\n")
        page.close()
        if name == "sign-in":
            sign_in(context, stack)
    context.close()


def show_production(page: Page, production: Production) -> None:
    page.wait_for_function("() => ['preview', 'program'].every((id) => document.querySelector(`#${id} video`)?.videoWidth > 0)")
    page.locator("#sound").click()
    production.speak()


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    with ExitStack() as after:
        stack = Stack(bare=False, environment={"RATE_LIMIT_ENABLED": "0"})
        after.callback(stack.stop)
        folder = Path(after.enter_context(tempfile.TemporaryDirectory()))
        api = Api(stack)
        for node in NODES:
            agent = start_node(api, stack, folder, node)
            after.callback(agent.wait)
            after.callback(agent.terminate)
        ids = furnish(api)
        playwright = after.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        after.callback(browser.close)
        production = Production(browser, stack.origin, api)
        for theme in ("dark", "light"):
            shoot(browser, stack, ids, production, theme)


if __name__ == "__main__":
    main()
