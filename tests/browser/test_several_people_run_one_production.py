"""A production by four people at once: a director, a captioner who came by a link, a phone that publishes, and somebody who watches the program."""

import re
from statistics import median

import pytest
from playwright.sync_api import expect

from tests.browser.hands import press_twice
from tests.browser.room import Room
from tests.browser.tenants import go_live, publisher
from tests.browser.test_every_screen_is_accessible import violations
from tests.busy import busy

# Writes down when a text of the page becomes another, on the clock that all pages of one machine share (ms).
NOTES = """([selector, attribute]) => {
  const node = document.querySelector(selector);
  const value = () => (attribute ? node.getAttribute(attribute) : node.textContent);
  window.noted = [];
  new MutationObserver(() => {
    const now = value();
    if (window.noted.at(-1)?.[0] !== now) window.noted.push([now, performance.timeOrigin + performance.now()]);
  }).observe(node, { attributes: true, childList: true, subtree: true, characterData: true });
}"""
# When the server switched program (ms on the same clock).
SINCE = """async () => {
  const { room } = await import('/static/js/room/store.js');
  return new Date(room.state.program.since).getTime();
}"""


@pytest.fixture
def production(room, api, field):
    """The room produces what the consumer's workspace asks for: the installation's owner belongs to it."""
    me = api.get("/auth/me")["user"]["id"]
    member = field.consumer.call("POST", f"/workspaces/{field.consumer.id}/members", {"userId": me, "role": "VIEWER"})
    made = Room(room.origin, api)
    api.http.delete("/control-room/program-link")
    yield made
    made.api.http.post("/control-room/cut", json={"source": "slate"})
    made.api.http.post("/control-room/preview", json={"source": "slate"})
    made.api.http.post("/control-room/replay/stop")
    made.clear()
    field.consumer.call("DELETE", f"/workspaces/{field.consumer.id}/members/{member['id']}")


def noted(page, value: str) -> float:
    """When `value` was seen last, as `NOTES` wrote it down."""
    page.wait_for_function("(value) => window.noted.some((n) => n[0] === value)", arg=value)
    return next(at for said, at in reversed(page.evaluate("window.noted")) if said == value)


def test_a_production_of_four(production, field, new_page, room, watch):
    # Until a picture flows the media edge says 404 and 409; pages wait for it in words.
    watch.expected |= {404, 409}
    session = field.request("Bridge")
    source = f"session:{session['id']}"
    phone = publisher(new_page, field, session["id"], room.origin)
    go_live(phone)

    desk = new_page()
    desk.goto("/control-room")
    tile = desk.locator(f'#sources > [data-key="{source}"] .src')
    expect(tile).to_be_visible()
    link = desk.locator("#link-open")
    desk.get_by_role("button", name="Make a link").click()
    desk.get_by_role("button", name="Old link ends").click()
    expect(link).to_be_visible()
    expect(desk.locator("#p-output")).to_contain_text("on, generation")

    viewer = new_page(sign_in_as=None)
    viewer.goto(link.get_attribute("href"))
    expect(viewer.locator("#slate")).to_contain_text("Back soon")
    captioner = new_page(sign_in_as=None)
    captioner.goto(production.invite("captioner", label="Chidi"))
    captioner.get_by_role("button", name="Come in").click()
    captioner.wait_for_url("**/control-room")

    # Preview, by its number.
    desk.keyboard.press("1")
    expect(tile).to_have_class(re.compile(r"\bpvw\b"))
    expect(phone.locator("#tally")).to_have_text("PREVIEW")
    expect(desk.locator("#preview")).to_contain_text("Bridge")
    assert violations(desk) == []

    # Take: the phone's light, and the picture of whoever watches.
    phone.evaluate(NOTES, ["#tally", None])
    viewer.evaluate(NOTES, ["#stage", "data-shown"])
    lights, pictures = [], []
    for _ in range(3):
        desk.keyboard.press("Space")
        expect(phone.locator("#tally")).to_have_text("ON AIR")
        expect(viewer.locator("#stage")).to_have_attribute("data-shown", source)
        expect(desk.locator("#program")).to_contain_text("Bridge")
        switched = desk.evaluate(SINCE)
        lights.append(noted(phone, "ON AIR") - switched)
        pictures.append(noted(viewer, source) - switched)
        desk.keyboard.press("Space")
        expect(viewer.locator("#stage")).to_have_attribute("data-shown", "slate")
        expect(phone.locator("#tally")).to_have_text("PREVIEW")
    assert median(lights) < 500 * busy(), lights
    assert median(pictures) < 2000 * busy(), pictures
    desk.keyboard.press("Enter")
    expect(desk.locator("#program")).to_contain_text("cut by you")
    expect(viewer.locator("#stage")).to_have_attribute("data-shown", source)
    viewer.wait_for_function("() => document.querySelector('.layer.on').getVideoPlaybackQuality().totalVideoFrames > 5")

    # What is on air, and since when, on every other page of the console too.
    elsewhere = new_page()
    elsewhere.goto("/")
    expect(elsewhere.locator("#on-air")).to_have_text(re.compile(r"^ON AIR Bridge ?00:\d\d:\d\d$"))

    # Two lines and a caption over it.
    desk.get_by_label("Title").first.fill("Ilze Kalniņa")
    desk.locator("#lt-for").select_option("")
    desk.locator("#lt-show").click()
    expect(viewer.locator("#lower")).to_contain_text("Ilze Kalniņa")
    expect(desk.locator("#program .lt")).to_contain_text("Ilze Kalniņa")
    desk.locator("#lt-hide").click()
    expect(viewer.locator("#lower")).to_be_hidden()
    line = captioner.get_by_label(re.compile("^Next line"))
    line.fill("We have waited five years to sing <this> again.")
    line.press("Enter")
    expect(viewer.locator("#captions")).to_have_text("We have waited five years to sing <this> again.")
    expect(desk.locator("#cc-lines")).to_contain_text("We have waited five years")
    with desk.expect_download() as download:
        desk.locator("#p-captions").get_by_role("link", name="WebVTT").click()
    assert "We have waited five years to sing" in download.value.path().read_text()
    # A captioner's keys say whose work the rest is.
    expect(captioner.locator("#cut")).to_have_attribute("aria-disabled", "true")
    captioner.locator("#cut").focus()
    expect(captioner.locator("#cut + [role=tooltip]")).to_contain_text("Your role here is captioner")

    # The moment once more: marked, cut, loaded, on air, and back to the camera by itself.
    desk.keyboard.press("i")
    expect(desk.locator("#p-replay")).to_contain_text("on Bridge")
    # Long enough to be seen by a viewer whose page loads it on a busy machine.
    desk.wait_for_timeout(4000)
    desk.keyboard.press("o")
    load = desk.get_by_role("button", name=re.compile("^Load:")).first
    expect(load).to_be_visible()
    expect(load).not_to_have_attribute("aria-disabled", "true")
    load.click()
    expect(desk.locator(".src", has_text="Replay")).not_to_contain_text("no clip")
    desk.keyboard.press("2")
    expect(desk.locator("#preview")).to_contain_text("Replay")
    desk.keyboard.press("Enter")
    # Both as they happened: a clip may be over between two looks.
    clip_seen = noted(viewer, "replay")
    viewer.wait_for_function("([source, at]) => window.noted.some((n) => n[0] === source && n[1] > at)", arg=[source, clip_seen])
    expect(desk.locator("#program")).to_contain_text("the replay ended")

    # The camera's end is the slate's turn, by the room itself.
    desk.keyboard.press("1")
    expect(desk.locator("#preview")).to_contain_text("Bridge")
    press_twice(desk.locator("#end-session"))
    expect(viewer.locator("#slate")).to_be_visible()
    expect(elsewhere.locator("#on-air")).to_be_hidden()
    expect(desk.locator("#program")).to_contain_text("its source ended")
    expect(desk.locator(f'#sources > [data-key="{source}"]')).to_have_count(0)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_program_page_has_no_violation(production, new_page, theme):
    url = production.api.post("/control-room/program-link/rotate")["url"]
    page = new_page(sign_in_as=None, color_scheme=theme)
    page.goto(url)
    page.locator("#slate").wait_for()
    assert violations(page) == []
