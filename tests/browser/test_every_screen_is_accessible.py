"""WCAG 2.2 AA by rule, in both themes, on every screen, that fits a phone; and nothing on any of them that the browser complains about (`watch`)."""

import pytest
from axe_playwright_python.sync_playwright import Axe

# What depends on the theme.
COLORS = {"runOnly": ["color-contrast", "link-in-text-block"]}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SCREENS = {
    "overview": ("/", "#live li"),
    "control room": ("/control-room", "#locks li"),
    "fleet": ("/nodes", ".tile"),
    "node": ("/nodes/{node}", "#bridge .mx:not(:empty)"),
    "library": ("/recordings", "tbody tr"),
    "recording": ("/recordings/{take}", "#file dd"),
    "audit": ("/audit", "tbody tr"),
    "request": ("/sessions?side=consumer&request", "#request-form"),
    "operate": ("/sessions?side=operator", "#list li"),
    "session": ("/sessions/{session}", "#timeline li"),
    "wallet": ("/wallet", "#booked tr"),
    "account": ("/account", "#sign-ins li"),
    "people": ("/people", "tbody tr"),
    "person": ("/people/{owner}", "#permissions li"),
    "groups": ("/people/groups", "#none:not([hidden])"),
    "policies": ("/people/policies", "tbody tr"),
    "workspaces": ("/workspaces", "#none:not([hidden]), tbody tr"),
    "developers": ("/settings/developers", "#none:not([hidden]), tbody tr"),
    "webhooks": ("/settings/developers/webhooks", "#none:not([hidden]), tbody tr"),
}


@pytest.fixture
def asked(field):
    """The id of an open request."""
    return field.request("Bridge")["id"]


def violations(page, options=RULES) -> list[str]:
    # Of what passes nothing is told: most of axe's time goes into naming it.
    found = Axe().run(page, options={**options, "resultTypes": ["violations"]}).response["violations"]
    return [f"{v['id']}: {node['target']} {node['failureSummary']}" for v in found for node in v["nodes"]]


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_has_no_violation_in_either_theme_and_scrolls_only_downwards_on_a_phone(new_page, api, take, asked, screen):
    address, ready = SCREENS[screen]
    page = new_page(reduced_motion="reduce")
    page.goto(address.format(node=api.local_node()["id"], take=take["id"], session=asked, owner=api.get("/auth/me")["user"]["id"]))
    page.locator(ready).first.wait_for()
    assert violations(page) == []
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert page.evaluate("matchMedia('(prefers-color-scheme: light)').matches")
    assert violations(page, COLORS) == []
    page.context.new_cdp_session(page).send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("matchMedia('(pointer: coarse)').matches")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


DIALOGS = {
    "person": ("/people", "create"),
    "group": ("/people/groups", "group"),
    "policy": ("/people/policies", "policy"),
    "workspace": ("/workspaces", "create"),
}


@pytest.mark.parametrize("dialog", DIALOGS)
def test_what_n_opens_has_no_violation(new_page, dialog):
    address, name = DIALOGS[dialog]
    page = new_page(reduced_motion="reduce")
    page.goto(address)
    page.locator("#wait").wait_for(state="hidden")
    page.keyboard.press("n")
    page.locator(f"#{name}[open]").wait_for()
    assert violations(page) == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_sign_in_has_no_violation(new_page, theme):
    page = new_page(sign_in_as=None, color_scheme=theme)
    page.goto("/sign-in")
    assert violations(page) == []
