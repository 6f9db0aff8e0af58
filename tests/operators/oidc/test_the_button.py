"""The button of the sign-in page in Chromium, through the pages of a real provider process, into the console."""

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, chromium_path
from tests.operators.oidc.conftest import configure, running


@pytest.mark.django_db(transaction=True)
def test_it_leads_through_the_provider_to_where_one_was_going(live_server, settings):
    settings.PUBLIC_ORIGIN = live_server.url
    with running(f"{live_server.url}/api/v1/auth/oidc/callback") as provider, sync_playwright() as playwright:
        configure(settings, provider)
        provider.account("erin", name="Erin Okafor", email="erin@example.org", email_verified=True)
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        page = browser.new_page(base_url=live_server.url)
        page.goto("/account")
        button = page.locator("#by-provider")
        expect(button).to_contain_text(provider.issuer.removeprefix("http://"))
        button.click()
        page.wait_for_url(f"{provider.issuer}/**")
        page.locator("[name=login]").fill("erin")
        page.locator("[name=password]").fill("any")
        page.locator("[type=submit]").click()
        page.locator("[name=prompt][value=consent]").wait_for(state="attached")
        page.locator("[type=submit]").click()
        page.wait_for_url(f"{live_server.url}/account")
        expect(page.locator("#you")).to_contain_text("Erin Okafor")
        assert "#" not in page.url
        browser.close()
