import re

from playwright.sync_api import expect


def test_an_edit_is_found_and_shows_before_and_after(page, api):
    node = api.local_node()
    api.patch(f"/nodes/{node['id']}", {"tags": ["seen-in-audit"]})
    page.goto("/audit")
    page.get_by_label("Search the audit").fill(node["alias"])
    row = page.locator("tbody tr", has_text=re.compile(r"^.*node\.\w*\.?(edited|changed|updated)"))
    row.first.get_by_role("link").click()
    diff = page.locator("#diff")
    expect(diff).to_contain_text("tags")
    expect(diff.locator("ins", has_text="seen-in-audit")).to_be_visible()
    expect(page.locator("#event-facts")).to_contain_text("node:manage")
    expect(page.locator("#seal")).to_be_visible()
    assert "event=" in page.url
    api.patch(f"/nodes/{node['id']}", {"tags": node["tags"]})


def test_denials_are_filtered_by_outcome_and_the_request_is_followed(page, api):
    api.http.post("/auth/login", json={"email": "nobody@example.org", "password": "not the password"}, headers={"Authorization": ""})
    page.goto("/audit?search=sign_in")
    page.get_by_label("Outcome").select_option("denied")
    expect(page.locator("tbody tr").first).to_contain_text("DENIED")
    page.locator("tbody tr").first.get_by_role("link").click()
    page.locator("#event-facts dt", has_text="Request").locator("xpath=following-sibling::dd[1]").get_by_role("button", name="Only these").click()
    expect(page.locator("#chip")).to_contain_text("One request")
    assert "requestId=" in page.url


def test_the_audit_exports_what_is_filtered(page, take):
    page.goto("/audit?search=evening")
    expect(page.locator("tbody tr").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert take["id"] in download.value.path().read_text()
