import re

from playwright.sync_api import expect

from tests.browser.hands import press_twice, rest_on

# Whoever had tabbed to a button stays on it when it learns that it can't be used, and why.
KEEPS_FOCUS = """async () => {
  const { allow } = await import('/static/js/actions.js');
  const button = document.createElement('button');
  document.querySelector('main').append(button);
  button.focus();
  allow(button, false, 'Not now.');
  return document.activeElement === button && button.parentElement.classList.contains('why-w');
}"""


def test_the_bridge_moves_and_says_its_levels(page, api):
    page.goto(f"/nodes/{api.local_node()['id']}")
    expect(page.locator("#bridge .mx").first).to_have_text(re.compile(r"^−\d+\.\d$"))
    expect(page.locator("#bridge canvas")).to_have_attribute("aria-label", re.compile("have signal"))
    seen = set()
    for _ in range(6):
        page.wait_for_timeout(250)
        seen.add(page.locator("#bridge canvas").screenshot())
    assert len(seen) >= 4


def test_r_records_and_the_phases_are_shown_until_it_is_stored(page, api):
    node = api.local_node()
    page.goto(f"/nodes/{node['id']}")
    expect(page.locator("h1")).to_contain_text(node["alias"])
    expect(page.locator("#record")).not_to_have_attribute("aria-disabled", "true")
    page.keyboard.press("r")
    now = page.locator("#now li")
    expect(now.locator(".phases .now")).to_have_text("Capturing")
    stop = now.get_by_role("button", name=re.compile("Stop"))
    press_twice(stop)
    expect(page.locator("#now-none")).to_be_visible()
    expect(now).to_have_count(0)


def test_channels_get_names_and_roles_and_the_bridge_shows_them(page, api):
    node = api.local_node()
    page.goto(f"/nodes/{node['id']}")
    page.locator("#interface-list").get_by_role("button", name=re.compile("^Edit")).click()
    page.get_by_label("Name of channel 1").fill("Lectern")
    page.get_by_label("Role of channel 2").select_option("unused")
    page.locator("#interface-form").get_by_role("button", name="Save").click()
    expect(page.locator("#bridge .strip", has_text="Lectern")).to_be_visible()
    expect(page.locator("#bridge .clip.na")).to_have_count(1)
    interface = api.get(f"/nodes/{node['id']}")["interfaces"][0]
    assert [(c["alias"], c["effectiveRole"]) for c in interface["channels"][:2]] == [("Lectern", "expected"), (None, "unused")]
    api.patch(f"/nodes/{node['id']}/interfaces/{interface['id']}", {"channels": [{"index": 1, "alias": None}, {"index": 2, "role": None}]})


def test_an_interface_gets_a_source_of_its_own_and_loses_it_again(page, api):
    site = api.get("/sites")[0]
    made = api.post("/nodes/enroll", {"alias": "field-01", "location": {"siteId": site["id"]}})
    node = made["node"]
    device = {
        "systemName": "XUSB",
        "systemRef": "hw:XUSB,0",
        "backend": "alsa",
        "hardwarePath": "usb-1.2",
        "serialNumber": "A1",
        "sampleRates": [48000, 96000],
    }
    beat = {"agentInstanceId": "a", "processId": "p", "seq": 1, "sentAt": "2026-01-01T00:00:00Z", "status": "ok"}
    beat["interfaces"] = [{**device, "channelCount": 2, "state": "open", "error": None, "xruns": 0}]
    said = api.http.post(f"/nodes/{node['id']}/heartbeat", json=beat, headers={"Authorization": f"Bearer {made['credential']['token']}"})
    assert said.status_code == 202, said.text
    interface = lambda: api.get(f"/nodes/{node['id']}")["interfaces"][0]  # noqa: E731
    page.goto(f"/nodes/{node['id']}")
    form = page.locator("#interface-form")

    def edit(**fields):
        page.locator("#interface-list").get_by_role("button", name=re.compile("^Edit")).click()
        if not form.locator("details").evaluate("e => e.open"):
            form.locator("summary").click()
        for label, value in fields.items():
            control = form.get_by_label(label)
            control.select_option(value) if control.evaluate("e => e.tagName") == "SELECT" else control.fill(value)
        form.get_by_role("button", name="Save").click()

    edit(**{"Records from": "url", "Address": "rtsp://cam:hunter2@10.0.0.9/live", "Samples a second": "96000", "Room": "Hall", "Levels": "demand"})
    expect(page.locator("#interface")).to_be_hidden()
    now = interface()
    assert now["source"] == {"kind": "url", "ref": "rtsp://***@10.0.0.9/live", "options": {}}
    assert (now["sampleRate"], now["room"], now["monitor"]) == (96000, "Hall", "demand")
    page.reload()
    edit(Room="Stage")
    expect(page.locator("#interface")).to_be_hidden()
    assert interface()["source"]["ref"] == "rtsp://***@10.0.0.9/live", "what was not touched is not sent"
    edit(**{"Records from": ""})
    expect(page.locator("#interface")).to_be_hidden()
    assert interface()["source"] == {"kind": "alsa", "ref": "hw:XUSB,0", "options": {}}
    api.patch(f"/nodes/{node['id']}", {"retired": True})


def test_a_recording_is_made_with_a_chosen_profile(page, api):
    node = api.local_node()
    profiles = {row["name"]: row for row in api.get("/settings/recording-profiles")}
    other = next(row for row in profiles.values() if row["kind"] == "audio" and row["enabled"] and not row["isDefault"])
    page.goto(f"/nodes/{node['id']}")
    expect(page.locator("#record-options")).not_to_have_attribute("aria-disabled", "true")
    page.locator("#record-options").click()
    form = page.locator("#start-form")
    form.get_by_label("Name optional").fill("Chosen")
    form.get_by_label("Profile").select_option(label=other["name"])
    form.get_by_role("button", name="Record").click()
    expect(page.locator("#now li", has_text="Chosen")).to_be_visible()
    made = api.get("/recordings", search="Chosen")[0]
    assert made["recordingProfileId"] == other["id"]
    api.post(f"/recordings/{made['id']}/stop")


def test_a_rotated_credential_is_shown_once(page, api):
    site = api.get("/sites")[0]
    node = api.post("/nodes/enroll", {"alias": "spare-01", "location": {"siteId": site["id"]}})["node"]
    page.goto(f"/nodes/{node['id']}")
    page.get_by_role("button", name="Rotate credential").click()
    page.get_by_role("button", name="Rotate", exact=True).click()
    command = page.locator("#rotated pre")
    expect(command).to_contain_text("tr_node_")
    token = re.search(r"tr_node_\w+", command.inner_text())[0]
    page.locator("#rotated").get_by_role("button", name="Done").click()
    expect(page.locator("#rotated [data-f=command]")).to_be_empty()
    assert token not in page.content()
    api.patch(f"/nodes/{node['id']}", {"retired": True})


def test_what_cannot_be_done_says_why_on_focus(page, api):
    site = api.get("/sites")[0]
    node = api.post("/nodes/enroll", {"alias": "asleep-01", "location": {"siteId": site["id"]}})["node"]
    page.goto(f"/nodes/{node['id']}")
    record = page.locator("#record")
    expect(record).to_have_attribute("aria-disabled", "true")
    expect(record).to_have_attribute("aria-describedby", re.compile("."))
    rest_on(record)
    reason = page.locator(f"#{record.get_attribute('aria-describedby')}")
    expect(reason).to_be_visible()
    expect(reason).to_have_text(api.get(f"/nodes/{node['id']}/actions")["actions"]["startRecording"]["reason"])
    assert page.evaluate(KEEPS_FOCUS)
    api.patch(f"/nodes/{node['id']}", {"retired": True})


def test_an_unknown_node_is_no_dead_end(page, watch):
    watch.expected.add(404)
    page.goto("/nodes/00000000-0000-7000-8000-000000000000")
    expect(page.get_by_text("There is no such node here")).to_be_visible()
    expect(page.get_by_role("link", name="Back to the fleet")).to_be_visible()


def test_a_reason_near_the_right_edge_stays_on_the_page(page, api):
    site = api.get("/sites")[0]
    node = api.post("/nodes/enroll", {"alias": "asleep-02", "location": {"siteId": site["id"]}})["node"]
    page.goto(f"/nodes/{node['id']}")
    record = page.locator("#record")
    rest_on(record)
    box = page.locator(f"#{record.get_attribute('aria-describedby')}").bounding_box()
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    assert record.bounding_box()["x"] + record.bounding_box()["width"] > page.viewport_size["width"] - 150
    api.patch(f"/nodes/{node['id']}", {"retired": True})
