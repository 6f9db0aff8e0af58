import re
import subprocess
import sys

from playwright.sync_api import expect

from config.stack.paths import PROJECT


def test_enrolling_shows_one_command_whose_token_brings_the_node_online(page, room, tmp_path):
    page.goto("/nodes")
    page.get_by_role("button", name="Enrol a node").click()
    form = page.locator("#enrol-form")
    form.get_by_label("Name", exact=True).fill("hall-b-rec-02")
    form.get_by_label(re.compile("^Tags")).fill("plenary, main")
    form.get_by_role("button", name="Enrol", exact=True).click()
    shown = page.get_by_label("Command to paste")
    expect(shown).to_contain_text("tr_node_")
    command = shown.inner_text()
    for part in ("agent.tar.gz | tar xz", "-m nodes.agent enrol", f"--url {room.origin}", "-m nodes.agent run"):
        assert part in command

    token = re.search(r"printf %s '(tr_node_\w+)'", command)[1]
    node = re.search(r"--node ([0-9a-f-]{36})", command)[1]
    agent = subprocess.run(
        [sys.executable, "-m", "nodes.agent", "enrol", "--url", room.origin, "--node", node, "--data-dir", str(tmp_path)],
        cwd=PROJECT, input=token, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert agent.returncode == 0, agent.stderr
    expect(page.locator("#enrolled")).to_contain_text("hall-b-rec-02 is online.")
    page.get_by_role("button", name="Done").click()
    expect(page.locator("#enrolled [data-f=command]")).to_be_empty()
    assert token not in page.content()
    expect(page.locator(".tile", has_text="hall-b-rec-02")).to_be_visible()


def test_a_taken_name_is_refused_beside_its_field_and_the_form_keeps_the_rest(page, api, watch):
    watch.expected.add(409)
    page.goto("/nodes")
    page.get_by_role("button", name="Enrol a node").click()
    form = page.locator("#enrol-form")
    name = form.get_by_label("Name", exact=True)
    name.fill(api.local_node()["alias"])
    form.get_by_label(re.compile("^Building")).fill("East wing")
    form.get_by_role("button", name="Enrol", exact=True).click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#enrol-form .err[data-for=alias]")).to_be_visible()
    expect(form.get_by_label(re.compile("^Building"))).to_have_value("East wing")


def test_the_wall_filters_and_says_what_to_do_when_nothing_matches(page, api):
    alias = api.local_node()["alias"]
    page.goto("/nodes")
    expect(page.locator(".tile", has_text=alias)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("no such node")
    expect(page.locator("#none")).to_contain_text("No node matches")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".tile", has_text=alias)).to_be_visible()
    page.get_by_role("button", name="Table").click()
    expect(page.locator("#rows tr", has_text=alias)).to_contain_text(re.compile("Idle|REC"))


def test_a_site_is_added_and_one_in_use_is_not_deleted(page, watch):
    watch.expected.add(409)
    page.goto("/nodes")
    page.get_by_role("button", name="Sites").click()
    page.locator("#site-name").fill("Tartu")
    page.locator("#site-tz").fill("Europe/Tallinn")
    page.get_by_role("button", name="Add the site").click()
    added = page.locator("#site-list li", has_text="Tartu")
    expect(added).to_contain_text("Europe/Tallinn")
    page.locator("#site-list li").filter(has_text=re.compile(r"[1-9]\d* node")).first.get_by_role("button").click()
    expect(page.locator(".toast", has_text="was not deleted")).to_be_visible()
    added.get_by_role("button").click()
    expect(added).to_have_count(0)
