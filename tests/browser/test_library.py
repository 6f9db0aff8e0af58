import re

from playwright.sync_api import expect

from tests.browser.hands import rest_on


def test_search_and_facets_narrow_the_list_and_the_address_remembers_it(page, take, api):
    page.goto("/recordings")
    row = page.locator("tbody tr", has_text=take["name"])
    expect(row).to_contain_text("Stored")
    page.keyboard.press("/")
    page.keyboard.type("nothing like it")
    expect(page.locator("#none")).to_contain_text("Nothing matches")
    page.get_by_role("button", name="Remove all filters").click()
    expect(row).to_be_visible()
    page.locator("#facets label", has_text="festival/day-2").click()
    expect(page.locator("#chips")).to_contain_text("festival/day-2")
    assert "folder=festival%2Fday-2" in page.url
    page.reload()
    expect(row).to_be_visible()
    expect(page.locator("#facets").get_by_role("checkbox", name="festival/day-2")).to_be_checked()


def test_many_are_tagged_moved_trashed_and_restored_together(page, api):
    for name in ("First of two", "Second of two"):
        api.record(name, seconds=1)
    page.goto("/recordings?search=of+two")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Select all that are shown").check()
    bulk = page.locator("#bulk")
    expect(bulk).to_contain_text("2 selected")

    bulk.get_by_role("button", name="Tag").click()
    page.get_by_label(re.compile("^Add")).fill("choir, rehearsal")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#facets label", has_text="rehearsal")).to_contain_text("2")

    page.get_by_label("Select all that are shown").check()
    bulk.get_by_role("button", name="Move").click()
    page.get_by_label(re.compile("^Folder")).fill("parliament/2026")
    page.locator("#move-form").get_by_role("button", name="Move").click()
    expect(page.locator("#facets label", has_text="parliament/2026")).to_contain_text("2")

    page.get_by_label("Select all that are shown").check()
    bulk.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.locator("#none")).to_be_visible()

    page.goto("/recordings?search=of+two&deleted=true")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("Select all that are shown").check()
    bulk.get_by_role("button", name="Restore").click()
    expect(page.locator("#none")).to_contain_text("trash is empty")
    assert {(r["folder"], tuple(r["tags"])) for r in api.get("/recordings", search="of two")} == {("parliament/2026", ("choir", "rehearsal"))}


def test_a_recording_that_runs_cannot_be_deleted_and_the_bar_says_which(page, api):
    made = api.post("/recordings", {"nodeId": api.local_node()["id"], "name": "Still running"})["recording"]
    page.goto("/recordings?search=still+running")
    page.get_by_label("Select Still running").check()
    delete = page.locator("#bulk").get_by_role("button", name="Delete")
    expect(delete).to_have_attribute("aria-disabled", "true")
    rest_on(delete)
    expect(page.locator("#bulk .why:visible")).to_contain_text("“Still running”")
    api.post(f"/recordings/{made['id']}/stop")


def test_the_selection_is_exported_as_csv(page, take):
    page.goto("/recordings?search=evening")
    page.get_by_label(f"Select {take['name']}").check()
    with page.expect_download() as download:
        page.locator("#bulk").get_by_role("button", name="Export").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 2
    assert take["file"]["sha256"] in lines[1]
