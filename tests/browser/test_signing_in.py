from playwright.sync_api import expect


def test_a_refused_sign_in_keeps_what_was_typed_and_says_why(new_page, watch, room):
    watch.expected.add(401)
    page = new_page(sign_in_as=None)
    page.goto("/nodes")
    page.get_by_label("E-mail").fill(room.owner[0])
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value(room.owner[0])
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")


def test_signing_in_leads_to_the_page_that_was_asked_for(new_page, room):
    page = new_page(sign_in_as=None)
    page.goto("/recordings?status=failed")
    page.get_by_label("E-mail").fill(room.owner[0])
    page.get_by_label("Password").fill(room.owner[1])
    page.keyboard.press("Enter")
    page.wait_for_url("**/recordings?status=failed")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()


def test_a_next_page_elsewhere_is_not_followed(new_page, room):
    page = new_page(sign_in_as=None)
    page.goto("/sign-in?next=https://example.org/")
    page.get_by_label("E-mail").fill(room.owner[0])
    page.get_by_label("Password").fill(room.owner[1])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{room.origin}/")


def test_signing_out_ends_it(new_page):
    page = new_page(sign_in_as="own")
    page.goto("/account")
    page.locator("#sign-out").click()
    page.wait_for_url("**/sign-in")
    page.goto("/")
    page.wait_for_url("**/sign-in?next=%2F")
