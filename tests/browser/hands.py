"""What a hand does: where the page asks twice, and to read why something cannot be done."""

from __future__ import annotations

from playwright.sync_api import Error, Locator, expect

ARMED = "found => found.some(button => 'armed' in button.dataset)"


def press_twice(button: Locator) -> None:
    """Arms it and acts. An armed button rests again after 3 s: where the second press came later than that it armed anew, and is followed by one more."""
    button.click()
    button.click()
    while _armed(button):
        button.click()


def _armed(button: Locator) -> bool:
    try:
        return button.evaluate_all(ARMED)
    except Error:
        # What was done led to another page, and this one is gone with its buttons.
        return False


def rest_on(locator: Locator) -> None:
    """Gives it the focus, once it is on the screen: what is not shown yet takes none, and says nothing of it."""
    expect(locator).to_be_visible()
    locator.focus()
    expect(locator).to_be_focused()
