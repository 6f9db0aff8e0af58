from playwright.sync_api import expect


def test_another_sign_in_is_ended_from_here(new_page, watch):
    watch.expected.add(401)
    here, there = new_page(sign_in_as="own"), new_page(sign_in_as="own")
    there.goto("/nodes")
    here.goto("/account")
    rows = here.locator("#sign-ins li")
    expect(rows.filter(has_text="THIS ONE")).to_have_count(1)
    here.locator("#revoke-others").click()
    here.locator("#revoke-others").click()
    expect(rows).to_have_count(1)
    # The other page's socket is closed within seconds, and it goes to the sign-in.
    there.wait_for_url("**/sign-in?next=%2Fnodes", timeout=30_000)


def test_the_theme_is_kept_and_single_keys_can_be_turned_off(page):
    page.goto("/account")
    page.get_by_role("button", name="Light", exact=True).click()
    page.get_by_role("checkbox", name="Single keys act").uncheck()
    page.goto("/recordings")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()


def test_a_wrong_current_password_is_marked_and_nothing_changes(page, watch):
    watch.expected.add(403)
    page.goto("/account")
    page.get_by_label("Current password").fill("not the password")
    page.get_by_label("New password").fill("a quite different one 42")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_label("Current password")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("New password")).to_have_value("a quite different one 42")


def test_the_button_above_switches_the_theme_once_a_press(page):
    page.goto("/")
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
