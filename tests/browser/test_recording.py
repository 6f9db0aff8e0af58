import hashlib
import re

from playwright.sync_api import expect

from tests.browser.hands import press_twice

# Counted on a copy: reading the page's own canvas often would slow it down, and Chromium says so.
DRAWN = """() => {
    const shown = document.querySelector("#main-wave");
    if (!shown.width) return 0;
    const copy = new OffscreenCanvas(shown.width, shown.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(shown, 0, 0);
    const d = copy.getImageData(0, 0, shown.width, shown.height).data;
    let n = 0;
    for (let i = 0; i < d.length; i += 4) if (d[i] > 150 && d[i + 2] > 200) n += 1;
    return n;
}"""


def until(page, expression: str, seconds: float = 30) -> None:
    """Waits until the expression is true; `wait_for_function` needs an eval that the content policy forbids."""
    for _ in range(int(seconds * 5)):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"not true within {seconds} s: {expression}")


def test_the_waveform_is_drawn_and_playing_moves_the_playhead(page, take):
    page.goto(f"/recordings/{take['id']}")
    expect(page.locator("#wave-note")).to_be_hidden()
    until(page, f"({DRAWN})() > 500")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    until(page, "document.querySelector('#audio').currentTime > 1")
    expect(page.locator("#at")).to_have_text(re.compile(r"00:00:0[1-4]"))
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_a_press_before_it_is_known_whether_one_may_is_kept(page, take):
    held = []
    page.route("**/actions", lambda route: held.append(route))
    page.goto(f"/recordings/{take['id']}")
    until(page, f"({DRAWN})() > 500")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play")).to_have_attribute("aria-disabled", "true")
    for route in held:
        route.continue_()
    page.unroute("**/actions")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_the_keyboard_seeks_and_zooms(page, take):
    page.goto(f"/recordings/{take['id']}")
    until(page, f"({DRAWN})() > 500")
    overview = page.get_by_role("slider", name="Position in the recording")
    overview.focus()
    page.keyboard.press("End")
    expect(overview).to_have_attribute("aria-valuenow", str(round(take["durationSeconds"])))
    page.keyboard.press("Home")
    expect(overview).to_have_attribute("aria-valuenow", "0")
    page.locator("h1").click()
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(page.locator("#main-wave")).to_have_attribute("aria-label", re.compile("from 00:00:00 to 00:00:01"))
    page.keyboard.press("0")
    expect(page.locator("#main-wave")).to_have_attribute("aria-label", re.compile(r"to 00:00:0[3-6]"))


def test_the_download_is_the_file_whose_sha256_is_shown(page, take):
    page.goto(f"/recordings/{take['id']}")
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("^Download")).click()
    assert hashlib.sha256(download.value.path().read_bytes()).hexdigest() == take["file"]["sha256"]
    expect(page.locator("#file")).to_contain_text(take["file"]["sha256"][:4])


def test_metadata_is_edited_and_a_refused_folder_is_marked(page, api, watch):
    watch.expected.add(400)
    made = api.record("Raw name", seconds=1)
    page.goto(f"/recordings/{made['id']}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Plenary, morning")
    page.get_by_label(re.compile("^Folder")).fill("a/../b")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label(re.compile("^Folder"))).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Plenary, morning")
    page.get_by_label(re.compile("^Folder")).fill("parliament")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_contain_text("Plenary, morning")
    expect(page.locator("#about")).to_contain_text("parliament")


def test_it_is_watched_stopped_trashed_and_restored(page, api):
    made = api.post("/recordings", {"nodeId": api.local_node()["id"], "name": "From live to trash"})["recording"]
    page.goto(f"/recordings/{made['id']}")
    expect(page.locator("#now .phases .now")).to_have_text("Capturing")
    expect(page.locator("#now [data-f=clock]")).to_have_text(re.compile(r"^00:00:\d\d$"))
    stop = page.locator("#stop")
    press_twice(stop)
    until(page, f"({DRAWN})() > 100")
    delete = page.locator("#delete")
    press_twice(delete)
    expect(page.get_by_text("IN TRASH")).to_be_visible()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("IN TRASH")).to_be_hidden()
    assert api.get(f"/recordings/{made['id']}")["deletedAt"] is None
