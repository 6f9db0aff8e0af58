"""The text that is signed: EIP-4361's grammar, and nothing from the request in it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.identity.wallets.models import WalletChallenge
from operators.identity.wallets.siwe import checksummed, text
from tests.factories.wallets import SigningWallet

AT = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
# The EIP's ABNF, rule for rule, for what our text has (no scheme, no not-before, no request id).
_PCHAR = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_AUTHORITY = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~]+)(?::[0-9]*)?"
_URI = rf"[A-Za-z][A-Za-z0-9+\-.]*:(?://{_AUTHORITY}(?:/{_PCHAR}*)*|{_PCHAR}+)"
_DATE_TIME = (
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_STATEMENT = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;= ]+"
GRAMMAR = re.compile(
    rf"{_AUTHORITY} wants you to sign in with your Ethereum account:\n0x[0-9A-Fa-f]{{40}}\n\n(?:{_STATEMENT}\n)?\n"
    rf"URI: {_URI}\nVersion: 1\nChain ID: [0-9]+\nNonce: [A-Za-z0-9]{{8,}}\nIssued At: {_DATE_TIME}"
    rf"(?:\nExpiration Time: {_DATE_TIME})?(?:\nResources:(?:\n- {_URI})+)?"
)


def a_text(**changes) -> str:
    facts = {"domain": "control.example:8443", "uri": "https://control.example:8443", "chain_id": 8453, "address": SigningWallet().address}
    facts |= {"nonce": "0" * 32, "purpose": "sign-in", "issued_at": AT, "expires_at": AT + timedelta(minutes=5)}
    return text(**{**facts, **changes})


def test_it_is_this_text_to_the_letter():
    address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    assert a_text(address=address, nonce="0123456789abcdef0123456789abcdef", purpose="create-workspace") == (
        "control.example:8443 wants you to sign in with your Ethereum account:\n"
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n"
        "\n"
        "Sign in to Tallyroom.\n"
        "\n"
        "URI: https://control.example:8443\n"
        "Version: 1\n"
        "Chain ID: 8453\n"
        "Nonce: 0123456789abcdef0123456789abcdef\n"
        "Issued At: 2026-11-25T09:30:00.000Z\n"
        "Expiration Time: 2026-11-25T09:35:00.000Z\n"
        "Resources:\n"
        "- urn:tallyroom:purpose:create-workspace"
    )


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "https://control.example", "https://[::1]:8443", "https://xn--bcher-kva.example"])
@pytest.mark.parametrize("purpose", ["sign-in", "create-workspace"])
def test_it_is_what_the_grammar_says(origin, purpose):
    message = a_text(domain=origin.partition("://")[2], uri=origin, purpose=purpose)
    assert GRAMMAR.fullmatch(message) and message.isascii() and "\r" not in message


def test_the_grammar_refuses_what_is_none():
    message = a_text()
    for broken in (
        message + "\n",
        message.replace("Version: 1", "Version: 2"),
        message.replace("\n", "\r\n"),
        message.replace("Nonce: 0", "Nonce: -"),
    ):
        assert not GRAMMAR.fullmatch(broken)


@pytest.mark.django_db
def test_the_domain_comes_from_the_settings_not_from_the_host(api, settings):
    settings.PUBLIC_ORIGIN = "https://control.example:8443"
    settings.SIWE_CHAIN_ID = 1
    challenge = api().post("/auth/wallet/challenge", {"walletAddress": SigningWallet().address}, host="127.0.0.1").json()["data"]
    assert challenge["message"].startswith("control.example:8443 wants") and "\nURI: https://control.example:8443\n" in challenge["message"]
    assert "\nChain ID: 1\n" in challenge["message"] and f"\nNonce: {challenge['nonce']}\n" in challenge["message"]
    assert GRAMMAR.fullmatch(challenge["message"])
    assert WalletChallenge.objects.get().message == challenge["message"]


@given(st.binary(min_size=20, max_size=20))
def test_an_address_has_three_spellings_and_no_other(raw):
    proper = checksummed("0x" + raw.hex())
    assert checksummed(proper) == checksummed("0x" + raw.hex().upper()) == proper
    flipped = next((proper[:i] + proper[i].swapcase() + proper[i + 1 :] for i in range(2, 42) if proper[i].isalpha()), None)
    if flipped and flipped[2:] not in (flipped[2:].lower(), flipped[2:].upper()):
        with pytest.raises(ValueError, match="checksum"):
            checksummed(flipped)


@pytest.mark.parametrize("address", ["", "0x", "0X" + "a" * 40, "a" * 40, "0x" + "a" * 39, "0x" + "a" * 41, "0x" + "g" * 40, "0x" + "a" * 40 + "\n"])
def test_what_is_no_address_is_400(api, db, address):
    response = api().post("/auth/wallet/challenge", {"walletAddress": address})
    assert (response.status_code, response.json()["code"]) == (400, "validation_failed")
