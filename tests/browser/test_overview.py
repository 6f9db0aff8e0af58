import re

from playwright.sync_api import expect

CLOCK = re.compile(r"^00:0\d:\d\d$")


def test_a_recording_starts_and_stops_from_the_overview_and_is_listed_when_stored(page, api):
    node = api.local_node()
    page.goto("/")
    live = page.locator("#live li", has_text=node["alias"])
    live.get_by_role("button", name="Record").click()
    running = page.locator("#recording li").first
    expect(running.locator("[data-f=clock]")).to_have_text(CLOCK)
    expect(page.locator("#status [data-count=recording]")).to_contain_text("REC")
    name = running.locator("a").inner_text()

    stop = running.get_by_role("button", name=re.compile("Stop"))
    expect(stop).not_to_have_attribute("aria-disabled", "true")
    stop.click()
    expect(stop).to_have_attribute("data-armed", "")
    stop.click()
    expect(page.locator("#recording-none")).to_be_visible()
    expect(page.locator("#latest li", has_text=name).first).to_be_visible()


def test_an_armed_stop_disarms_with_escape(page, api):
    node = api.local_node()
    made = api.post("/recordings", {"nodeId": node["id"], "name": "Keeps running"})["recording"]
    page.goto("/")
    row = page.locator("#recording li", has_text="Keeps running")
    row.get_by_role("button").click()
    page.keyboard.press("Escape")
    expect(row.get_by_role("button")).not_to_have_attribute("data-armed", "")
    assert api.get(f"/recordings/{made['id']}")["status"] in {"queued", "recording"}
    api.post(f"/recordings/{made['id']}/stop")
    expect(page.locator("#recording-none")).to_be_visible()


def test_a_node_that_never_came_is_a_problem_with_the_next_step_beside_it(page, api):
    site = api.get("/sites")[0]
    node = api.post("/nodes/enroll", {"alias": "far-away-01", "location": {"siteId": site["id"]}})["node"]
    page.goto("/")
    problem = page.locator("#problems li", has_text="far-away-01")
    expect(problem).to_contain_text("Paste the command")
    api.patch(f"/nodes/{node['id']}", {"retired": True})


def test_the_page_says_since_when_it_is_stale_and_catches_up_without_a_reload(page, api, room, watch):
    watch.expected.add(503)
    page.goto("/")
    expect(page.locator("#connection")).to_contain_text("Live")
    page.evaluate("window.stillTheSamePage = true")
    room.hold("live", hard=False)
    expect(page.locator("#stale")).to_contain_text(re.compile(r"Stale since \d\d:\d\d:\d\d"))
    expect(page.locator("body")).to_have_class(re.compile("stale-page"))
    made = api.post("/recordings", {"nodeId": api.local_node()["id"], "name": "While nobody looked"})["recording"]
    room.release("live")
    expect(page.locator("#recording li", has_text="While nobody looked")).to_be_visible()
    expect(page.locator("#stale")).to_be_hidden()
    assert page.evaluate("window.stillTheSamePage")
    api.post(f"/recordings/{made['id']}/stop")
    watch.said[:] = [line for line in watch.said if "WebSocket" not in line]
