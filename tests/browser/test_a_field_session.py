"""The whole of a field session through the console: request, devices, publisher, picture, bill, earnings. Nothing is faked but the camera."""

import re

from playwright.sync_api import expect

from tests.browser.tenants import AWAY, BESIDE, PLACE, go_live, publisher

USDC = r"\d+\.\d{6}"


def plays(page, selector: str) -> None:
    """Frames come into a video element."""
    page.wait_for_function(
        "(s) => { const v = document.querySelector(s); return v.videoWidth > 0 && v.getVideoPlaybackQuality().totalVideoFrames > 5; }", arg=selector
    )


def test_from_a_request_to_earnings_and_a_recording_that_plays(field, as_tenant, new_page, room, watch):
    # The edge says 404 and 409 until a picture flows; the pages wait for it in words.
    watch.expected |= {404, 409}
    asks = as_tenant(field.consumer, "/sessions")
    asks.get_by_role("button", name="Request video").click()
    asks.get_by_label(re.compile("^Place")).fill(f"{PLACE['lat']}, {PLACE['lng']}")
    asks.get_by_label(re.compile("^Name optional")).fill("Old town")
    asks.get_by_label(re.compile("^For at most")).fill("10")
    asks.get_by_label(re.compile("^Within")).fill("150")
    total = asks.locator("#quote [data-f=total]")
    expect(total).to_have_text(re.compile(f"^{USDC} USDC$"))
    asks.locator("#request-form").get_by_role("button", name="Request").click()
    asks.wait_for_url(re.compile("/sessions/[0-9a-f-]{36}$"))
    session_id = asks.url.rsplit("/", 1)[1]
    expect(asks.locator("#timeline")).to_contain_text("Requested")
    expect(asks.locator("#pic-note")).to_contain_text("nobody has accepted")

    brings = as_tenant(field.supplier, "/sessions?side=operator")
    brings.get_by_role("button", name="Add").click()
    brings.get_by_label("Name", exact=True).fill("Jonas, phone")
    brings.locator("#dv-here").click()
    expect(brings.get_by_label(re.compile("^Home"))).not_to_be_empty()
    brings.get_by_label(re.compile("^Serves within")).fill("2000")
    brings.get_by_role("button", name="Save").click()
    expect(brings.locator("#device-list")).to_contain_text("Jonas, phone")
    brings.get_by_role("button", name="On duty here: Jonas, phone").click()
    expect(brings.locator("#device-list")).to_contain_text("Online")
    # The consumer sees who could come, and lets the supplier take it by hand.
    expect(asks.locator("#candidate-list")).to_contain_text("Phone")
    expect(brings.locator("#open-list")).to_contain_text("Old town")

    phone = publisher(new_page, field, session_id, room.origin)
    expect(phone.locator("#say")).to_contain_text("Go live accepts the request")
    go_live(phone)
    expect(phone.locator("#tally")).to_have_text("OFF")
    expect(phone.locator("#signal")).to_contain_text("Good")

    plays(asks, "#video")
    expect(asks.locator("#mon .word")).to_have_text("LIVE")
    expect(asks.locator("#money [data-f=clean]")).not_to_have_text("0")
    expect(asks.locator("#timeline")).to_contain_text("first picture")
    expect(asks.get_by_role("button", name="End")).to_be_visible()
    _another_recording(new_page(), session_id)
    expect(asks.locator("#recording li")).to_have_count(2)
    expect(asks.locator("#recording button")).to_have_count(2)
    for button in asks.locator("#recording button").all():
        expect(button).to_be_hidden()

    phone.get_by_role("button", name="Stop").click()
    expect(phone.locator("#say")).to_contain_text("Ended by the operator")
    assert phone.evaluate("window.tracks.every((t) => t.readyState === 'ended')")
    bill = field.wait_for(session_id, "ENDED", 5)
    earned = int(bill["operatorEarnedMicroUsdc"])
    assert bill["cleanSeconds"] >= 4 and earned == int(bill["chargedMicroUsdc"]) * 8500 // 10000
    expect(phone.locator("#meter [data-f=earned]")).to_have_text(f"{earned // 10**6}.{earned % 10**6:06d}")

    charged = int(bill["chargedMicroUsdc"])
    expect(asks.locator("#money [data-f=gross]")).to_have_text(f"{charged // 10**6}.{charged % 10**6:06d}")
    expect(asks.locator("#settled")).to_contain_text("settled")
    expect(asks.locator("#pic-note")).to_contain_text("ended by the operator")

    brings.goto("/wallet")
    expect(brings.locator("#earned-sum")).to_contain_text(f"{earned // 10**6}.{earned % 10**6:06d}")
    expect(brings.locator("#booked")).to_contain_text("Earned")
    expect(brings.locator("#lines")).to_contain_text("Earned")
    with brings.expect_download() as download:
        brings.locator("#earnings-csv").click()
    assert session_id in download.value.path().read_text()

    # The first one ran from the first picture on; the one begun by hand may have seen no more than a moment.
    link = asks.locator("#recording a").last
    expect(link).to_have_text(re.compile("in the library"), timeout=60_000)
    link.click()
    asks.get_by_role("button", name="Play").click()
    asks.wait_for_function("() => document.getElementById('audio').currentTime > 0.5")


def _another_recording(page, session_id: str) -> None:
    """Whoever runs the control room ends the recording that began by itself, sees it in the library, and begins another one."""
    page.goto(f"/sessions/{session_id}")
    panel = page.locator("#recording")
    expect(panel.locator("li")).to_contain_text("Is being kept as video")
    expect(panel.get_by_role("button", name="Record", exact=True)).to_be_hidden()
    panel.get_by_role("button", name="Stop").click()
    panel.get_by_role("button", name="Stop the recording").click()
    expect(panel.locator("li")).to_contain_text("in the library", timeout=30_000)
    expect(page.locator("#mon .word")).to_have_text("LIVE")
    panel.get_by_role("button", name="Record", exact=True).click()
    expect(panel.locator(".badge.rec")).to_be_visible()
    expect(panel.locator("li")).to_have_count(2)
    page.close()


def test_a_session_by_telemetry_counts_signed_positions_and_says_when_the_phone_leaves_the_fence(field, new_page, room, watch):
    watch.expected |= {404, 409}
    session = field.request("Signed", mode="telemetry", geofenceRadiusMeters=150)
    phone = publisher(new_page, field, session["id"], room.origin)
    go_live(phone)
    expect(phone.locator("#meter [data-f=fence]")).to_have_text(re.compile(r"^\d+ m$"))
    phone.context.set_geolocation(AWAY)
    expect(phone.locator("#note")).to_contain_text(re.compile("Outside the fence by 1\\d\\d m"))
    expect(phone.locator("#meter [data-f=failed]")).not_to_have_text("0 s", timeout=15_000)
    phone.context.set_geolocation(BESIDE)
    expect(phone.locator("#note")).not_to_contain_text("Outside")
    phone.get_by_role("button", name="Stop").click()
    expect(phone.locator("#say")).to_contain_text("Ended by the operator")
    samples = field.consumer.call("GET", f"/sessions/{session['id']}/telemetry", limit=200)
    assert {s["verdict"] for s in samples} >= {"in_fence", "out_of_fence"}
    assert all(s["signed"] for s in samples)


def test_the_request_is_not_lost_when_it_is_refused(field, as_tenant, watch):
    watch.expected.add(409)
    page = as_tenant(field.consumer, "/sessions")
    page.get_by_role("button", name="Request video").click()
    page.locator("#map canvas").click(position={"x": 120, "y": 160})
    expect(page.get_by_label(re.compile("^Place"))).not_to_be_empty()
    page.get_by_label(re.compile("^For at most")).fill("1440")
    page.get_by_label(re.compile("^Name optional")).fill("Too dear")
    expect(page.locator("#quote [data-f=total]")).to_have_text("86.400000 USDC")
    page.locator("#request-form").get_by_role("button", name="Request").click()
    expect(page.locator("#request-form [role=alert]")).to_contain_text("The wallet holds")
    expect(page.get_by_label(re.compile("^Name optional"))).to_have_value("Too dear")


def test_cancel_n_active_assignments(field, as_tenant):
    session = field.request("To be called off")
    field.supplier.call("POST", f"/sessions/{session['id']}/accept", {})
    page = as_tenant(field.supplier, "/sessions?side=operator")
    button = page.get_by_role("button", name="Cancel 1 active assignment")
    button.click()
    page.get_by_role("button", name="Cancel them now").click()
    expect(page.locator("#cancel-all")).to_be_hidden()
    assert field.session(session["id"])["state"] == "CANCELLED"
