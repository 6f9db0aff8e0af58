"""The meter page with 64 moving channels, against an empty page that asks for every frame: frames a second, and the browser's processor time."""

import os
import shutil
import time

import psutil

from bench.measure import Line, percent
from bench.stacks import Levels, Recorder, Room

HOUSE = False
CHANNELS = 64
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
_COUNT = """seconds => new Promise(done => {
    let frames = 0; const began = performance.now();
    const next = now => { frames += 1; now - began < seconds * 1000 ? requestAnimationFrame(next) : done(frames / ((now - began) / 1000)); };
    requestAnimationFrame(next);
})"""
LIMIT = 0.10


def run(options, house) -> list[Line]:
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not path:
        raise RuntimeError("No Chromium: set CHROMIUM_PATH, or install chromium.")
    seconds = 4 if options.quick else 8
    room = Room()
    try:
        recorder = Recorder(room, CHANNELS)
        levels = Levels(recorder, CHANNELS)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            context = _signed_in(browser, room)
            empty = context.new_page()
            empty.goto(f"{room.stack.origin}/healthz")
            blank = _measure(empty, seconds)
            empty.close()
            page = context.new_page()
            page.goto(f"{room.stack.origin}/nodes/{recorder.node_id}")
            page.wait_for_selector("canvas, [role=meter]", timeout=20_000)
            time.sleep(2)
            meters = _measure(page, seconds)
            browser.close()
        levels.close()
    finally:
        room.close()
    extra = meters["cpu"] - blank["cpu"]
    return [
        Line(
            f"meter page, {CHANNELS} channels", f"{meters['fps']:.0f} fps", f"empty page {blank['fps']:.0f} fps", percent(meters["fps"] / blank["fps"]), "60 fps",
            meters["fps"] >= 0.95 * min(60, blank["fps"]),
        ),
        Line(
            f"meter page, {CHANNELS} channels: script and layout", f"{meters['main'] * 100:.1f} % of a core", f"empty page {blank['main'] * 100:.1f} %", f"+ {(meters['main'] - blank['main']) * 100:.1f} %",
            "< 10 %", meters["main"] - blank["main"] < LIMIT,
            [f"all processes of the browser, painting in software: {meters['cpu'] * 100:.0f} % of a core, the empty page {blank['cpu'] * 100:.0f} %, difference {extra * 100:.0f} %"],
        ),
    ]  # fmt: skip


def _signed_in(browser, room):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    email, password = room.stack.owner
    reply = context.request.post(
        f"{room.stack.origin}/api/v1/auth/login", data={"email": email, "password": password, "cookie": True}, headers={"Origin": room.stack.origin}
    )
    assert reply.ok, reply.text()
    return context


def _measure(page, seconds: int) -> dict:
    """`{fps, cpu, main}`: frames a second; cores that all browser processes used; the part of a core of the page's own main thread."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before, worked, began = _cpu(), _main(session), time.perf_counter()
    fps = page.evaluate(_COUNT, seconds)
    elapsed = time.perf_counter() - began
    return {"fps": fps, "cpu": (_cpu() - before) / elapsed, "main": (_main(session) - worked) / elapsed}


def _main(session) -> float:
    """Seconds of script and layout on the main thread so far."""
    found = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return found["ScriptDuration"] + found["LayoutDuration"] + found["RecalcStyleDuration"]


def _cpu() -> float:
    """Processor seconds of the browser's processes: children of ours that are called like it."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                total += sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return total
