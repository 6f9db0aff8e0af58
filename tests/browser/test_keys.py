from playwright.sync_api import expect


def test_g_goes_and_question_mark_lists_the_keys(page):
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("n")
    page.wait_for_url("**/nodes")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Enrol a node")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_keys_do_nothing_while_typing(page):
    page.goto("/nodes")
    page.locator("#q").fill("")
    page.keyboard.type("gl e?")
    expect(page.locator("#q")).to_have_value("gl e?")
    assert page.url.split("?")[0].endswith("/nodes")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_the_palette_finds_a_node_and_opens_it(page, api):
    node = api.local_node()
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type(node["alias"][:6])
    # What it recorded is named after it.
    expect(page.locator(f"#opt-n-{node['id']}")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/nodes/{node['id']}")


LOADED = "performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname).filter((path) => path.endsWith('.js'))"


def test_no_module_runs_twice(page, api, take):
    """Entries have hashed addresses, imports plain ones: one module under both would be two."""
    for address in ("/", "/nodes", f"/nodes/{api.local_node()['id']}", "/recordings", f"/recordings/{take['id']}", "/audit", "/account"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        names = [path.split("/")[-1].split(".")[0] for path in page.evaluate(LOADED)]
        assert len(names) == len(set(names)), address
