"""Workspaces in the browser: made and entered by a wallet, members, keys shown once."""

import re

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from playwright.sync_api import expect

# A wallet as EIP-1193 has it; the key stays with the test.
WALLET = """window.ethereum = {request: async ({method, params}) => {
  if (method === "eth_requestAccounts") return [await window.walletAddress()];
  if (method === "personal_sign") {
    const signed = await window.walletSign(params[0]);
    if (!signed) throw Object.assign(new Error("no"), {code: 4001});
    return signed;
  }
  throw new Error(method);
}};"""


KEY = 0xA11CE


def _signed(api, path: str, account) -> dict:
    challenge = api.post(path, {"walletAddress": account.address})
    signature = account.sign_message(encode_defunct(text=challenge["message"])).signature.hex().removeprefix("0x")
    return {"walletAddress": account.address, "nonce": challenge["nonce"], "signature": f"0x{signature}"}


@pytest.fixture
def house(api) -> str:
    """Name of a workspace that the tests' wallet owns."""
    if not api.get("/workspaces", search="wallet-house"):
        account = Account.from_key(KEY.to_bytes(32, "big"))
        api.post(
            "/workspaces", {**_signed(api, "/workspaces/challenge", account), "slug": "wallet-house", "name": "Wallet House", "roles": ["CONSUMER"]}
        )
    return "Wallet House"


def with_wallet(page, key: int, *, refuses: bool = False) -> str:
    """Gives the page a wallet; returns its address."""
    account = Account.from_key(key.to_bytes(32, "big"))

    def sign(message: str) -> str | None:
        return None if refuses else "0x" + account.sign_message(encode_defunct(hexstr=message)).signature.hex().removeprefix("0x")

    page.expose_function("walletAddress", lambda: account.address)
    page.expose_function("walletSign", sign)
    page.add_init_script(WALLET)
    return account.address


@pytest.fixture
def tenant(new_page):
    """A page of somebody who came in by a wallet, and its address."""
    page = new_page(sign_in_as=None)
    address = with_wallet(page, KEY)
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a wallet").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    return page, address


def test_a_browser_without_a_wallet_says_so(new_page):
    page = new_page(sign_in_as=None)
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a wallet").click()
    expect(page.locator("#wallet-refused")).to_contain_text("This browser has no wallet")


def test_a_wallet_that_says_no_changes_nothing(new_page):
    page = new_page(sign_in_as=None)
    with_wallet(page, 0xB0B, refuses=True)
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a wallet").click()
    expect(page.locator("#wallet-refused")).to_contain_text("Nothing was signed")
    expect(page.get_by_role("button", name="Sign in with a wallet")).to_be_focused()


def test_a_workspace_is_made_and_its_key_is_shown_once_and_revoked(page, tenant, new_page):
    owner = page
    address = with_wallet(owner, KEY)
    owner.goto("/workspaces")
    owner.keyboard.press("n")
    owner.get_by_label("Name", exact=True).fill("Acme Drones")
    expect(owner.get_by_label("Slug")).to_have_value("acme-drones")
    owner.get_by_role("checkbox", name="Supplies").check()
    owner.get_by_role("button", name="Sign and create").click()
    owner.wait_for_url("**/workspaces/*-*")
    expect(owner.get_by_role("heading", name="Acme Drones")).to_be_visible()

    theirs, same = tenant
    assert same == address
    theirs.goto("/workspaces")
    theirs.get_by_role("link", name="Acme Drones").click()
    theirs.get_by_role("button", name="Work here").click()
    expect(theirs.locator("#head")).to_contain_text("YOU WORK HERE")
    expect(theirs.locator("#workspace")).to_have_value(theirs.url.rsplit("/", 1)[1])
    theirs.locator("#settings-form").get_by_label("Name", exact=True).fill("Acme Drone Co")
    theirs.get_by_role("button", name="Save").click()
    expect(theirs.get_by_role("heading", name="Acme Drone Co")).to_be_visible()

    theirs.get_by_role("link", name="API keys").click()
    theirs.locator("#wait").wait_for(state="hidden")
    theirs.locator("#mint-open").click()
    theirs.get_by_label("Label").fill("Dispatch")
    theirs.get_by_role("checkbox", name="sessions:read").check()
    theirs.get_by_role("button", name="Mint").click()
    token = theirs.locator('#minted [data-f="token"]')
    expect(token).to_contain_text("tr_key_test_")
    secret = token.inner_text()
    theirs.get_by_role("button", name="Done").click()
    row = theirs.locator("tbody tr")
    expect(row).to_contain_text("Dispatch")
    expect(row).to_contain_text(secret[-4:])
    assert secret not in theirs.content()
    row.get_by_role("button", name="Revoke").click()
    theirs.get_by_label("When").select_option("3600")
    theirs.locator("#revoke-form").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("Ends")
    row.get_by_role("button", name="Revoke").click()
    theirs.get_by_label("When").select_option("0")
    theirs.locator("#revoke-form").get_by_role("button", name="Revoke").click()
    expect(theirs.locator("#none")).to_contain_text("No key works")

    # The installation's owner reaches the workspace, but mints no keys in it.
    owner.goto(theirs.url)
    opener = owner.locator("#mint-open")
    expect(owner.locator(".why-w", has=opener).locator(".why")).to_have_text(re.compile("^(?!Finding out)."))
    expect(opener).to_have_attribute("aria-disabled", "true")


def test_a_tenant_starts_at_what_is_theirs_and_hears_by_webhook(house, tenant, watch):
    watch.expected.update({400})
    page, _ = tenant
    page.goto("/")
    expect(page).to_have_url(re.compile(r"/sessions(\?|$)"))
    page.goto("/settings/developers/webhooks")
    page.locator("#create-open").click()
    form = page.locator("#endpoint-form")
    form.get_by_label("Address").fill("http://hooks.example.com")
    form.get_by_label("session.live").check()
    form.get_by_role("button", name="Save").click()
    expect(form.locator(".err[data-for=url]")).to_be_visible()
    # Nobody listens there: what is seen of a try that fails.
    form.get_by_label("Address").fill("https://127.0.0.1:9/hook")
    form.get_by_role("button", name="Save").click()
    shown = page.locator("#secret [data-f=secret]")
    expect(shown).to_contain_text("whsec_")
    secret = shown.inner_text()
    page.get_by_role("button", name="Done").click()
    assert secret not in page.content()
    row = page.locator("#rows tr")
    expect(row).to_contain_text("WORKING")
    row.get_by_role("button", name="Test").click()
    sent = page.locator("#sent tr")
    expect(sent).to_contain_text("webhook.test")
    expect(sent.locator("[data-f=tries]")).not_to_have_text("0")
    sent.get_by_role("button").click()
    sheet = page.locator("#delivery")
    expect(sheet.locator("[data-f=attempts]")).to_contain_text("Connect failed")
    expect(sheet.locator("[data-f=body]")).to_contain_text('"type": "webhook.test"')
    again = sheet.get_by_role("button", name="Send again")
    expect(again).to_have_attribute("aria-disabled", "true")
    expect(sheet).to_contain_text("It is still being delivered.")
    sheet.get_by_role("button", name="Close").click()
    row.get_by_role("button", name="New secret").click()
    row.get_by_role("button", name="Make a new one").click()
    expect(shown).to_contain_text("whsec_")
    assert shown.inner_text() != secret
    page.get_by_role("button", name="Done").click()
    row.get_by_role("button", name="Edit").click()
    page.get_by_label("Enabled").uncheck()
    form.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Disabled")
    expect(row.locator("[data-action=test]")).to_have_attribute("aria-disabled", "true")
    expect(sent).to_contain_text("DISCARDED")
    row.get_by_role("button", name="Delete").click()
    row.get_by_role("button", name="Delete it").click()
    expect(page.locator("#none")).to_contain_text("No endpoint yet")


def test_the_last_owner_cannot_leave_and_members_come_and_go(tenant, house, api, watch):
    watch.expected.update({400, 409})
    page, address = tenant
    page.goto("/workspaces")
    page.get_by_role("link", name=house).click()
    mine = page.locator("#members tr", has_text="you")
    mine.get_by_role("button", name="Leave").click()
    mine.get_by_role("button", name="Leave it").click()
    expect(page.locator(".toast")).to_contain_text("One owner must remain")
    page.locator("#add-open").click()
    page.get_by_label("Wallet or user id").fill("0x12")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Wallet or user id")).to_have_attribute("aria-invalid", "true")
    me = api.get("/auth/me")["user"]
    page.get_by_label("Wallet or user id").fill(me["id"])
    page.get_by_role("button", name="Add", exact=True).click()
    role = page.get_by_label(f"Role of {me['name']}", exact=True)
    row = page.locator("#members tr").filter(has=role)
    expect(role).to_have_value("VIEWER")
    role.select_option("ADMIN")
    expect(page.locator(".toast").last).to_contain_text("admin now")
    row.get_by_role("button", name="Remove").click()
    row.get_by_role("button", name="Remove them").click()
    expect(row).to_have_count(0)
