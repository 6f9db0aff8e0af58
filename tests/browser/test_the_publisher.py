"""The publisher's page alone: two clicks, cameras, tally, the screen, networks that go away, ends by others (05 §14 case 29)."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.tenants import go_live, publisher
from tests.browser.test_every_screen_is_accessible import violations

ENDED = "async () => { const at = performance.now(); while (window.tracks.some((t) => t.readyState !== 'ended')) { if (performance.now() - at > 20000) return null; await new Promise((r) => setTimeout(r, 20)); } return performance.timeOrigin + performance.now(); }"


@pytest.fixture
def on_air(field, new_page, room, watch):
    """(page, session id): a phone that is live."""
    watch.expected |= {401, 404, 409}
    session = field.request("Bridge")
    page = publisher(new_page, field, session["id"], room.origin)
    go_live(page)
    return page, session["id"]


def test_the_camera_on_the_back_the_screen_kept_on_and_a_picker_for_two_cameras(on_air):
    page, _ = on_air
    asked = page.evaluate("window.asked[0]")
    assert asked["video"]["facingMode"] == {"ideal": "environment"}
    assert (asked["video"]["width"], asked["video"]["height"]) == ({"ideal": 1280}, {"ideal": 720})
    assert page.evaluate("window.locks") == 1
    expect(page.locator("#note")).to_have_text("The screen stays on while you are live.")
    picker = page.locator("#cameras")
    expect(picker.locator("option")).to_have_count(2)
    before = page.evaluate("document.getElementById('camera').srcObject.getVideoTracks()[0].id")
    other = picker.locator("option").nth(1).get_attribute("value")
    picker.select_option(other)
    page.wait_for_function("(id) => document.getElementById('camera').srcObject.getVideoTracks()[0].id !== id", arg=before)
    # The same connection goes on: no second offer.
    assert len(page.evaluate("window.offers")) == 1
    assert page.evaluate("localStorage.getItem('tr-camera')") == other
    clean = page.locator("#meter [data-f=clean]").inner_text()
    expect(page.locator("#meter [data-f=clean]")).not_to_have_text(clean)
    assert violations(page) == []


def test_ten_seconds_without_a_network_then_the_same_address_and_seconds_that_go_on(on_air, watch):
    page, _ = on_air
    watch.offline = True
    page.context.set_offline(True)
    expect(page.locator("#say")).to_contain_text("no network")
    page.wait_for_timeout(10_500)
    expect(page.locator("#tally")).to_have_text("UNKNOWN")
    expect(page.locator("#meter")).to_have_class(re.compile("is-stale"))
    page.context.set_offline(False)
    expect(page.locator("#tally")).to_have_text("OFF")
    expect(page.locator("#meter")).not_to_have_class(re.compile("is-stale"))
    page.wait_for_function("() => window.offers.length > 1")
    assert len(set(page.evaluate("window.offers"))) == 1
    before = page.locator("#meter [data-f=clean]").inner_text()
    expect(page.locator("#meter [data-f=clean]")).not_to_have_text(before)
    expect(page.locator("#say")).to_be_hidden()


def test_an_end_by_the_other_side_puts_the_camera_out_within_a_second(on_air, field):
    page, session_id = on_air
    page.evaluate(f"() => {{ window.out = ({ENDED})(); }}")
    ended_at = time.time() * 1000
    field.consumer.call("POST", f"/sessions/{session_id}/end", {})
    answered_at = time.time() * 1000
    out_at = page.evaluate("window.out")
    assert out_at is not None and ended_at < out_at < answered_at + 1000
    expect(page.locator("#say")).to_contain_text("Ended by the consumer")
    expect(page.get_by_role("button", name="See the bill")).to_be_visible()


def test_leaving_while_live_asks(on_air):
    page, _ = on_air
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("about:blank")
    assert asked == ["beforeunload"]


def test_without_permission_the_page_says_the_way_out(field, new_page, room, watch):
    session = field.request("No camera")
    page = publisher(new_page, field, session["id"], room.origin)
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError')); }")
    page.get_by_role("button", name="Go live").click()
    expect(page.locator("#say")).to_contain_text("The camera is not allowed")
    expect(page.get_by_role("button", name="Go live")).to_be_enabled()
    assert field.session(session["id"])["state"] == "REQUESTED"


def test_a_consumer_is_told_that_it_is_not_theirs_to_bring(field, new_page, room):
    session = field.request("Not mine")
    page = new_page(sign_in_as=None)
    field.consumer.sign_in(page.context, room.origin)
    page.goto(f"/sessions/{session['id']}/publish")
    expect(page.locator("#say")).to_contain_text("not yours to bring")
