"""Sign-in with Ethereum (EIP-4361): the text that is signed, addresses, and who signed. Pure: no database, no clock, no settings.

Only externally owned accounts: a contract's signature (ERC-1271) can't be checked without a chain.
"""

import re
from datetime import datetime

from config.kernel import clock, later

eth_account, messages, eth_utils = later.module("eth_account"), later.module("eth_account.messages"), later.module("eth_utils")
STATEMENT = "Sign in to Tallyroom."
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"(?:0x)?([0-9a-fA-F]{130})")
# Order of secp256k1. Of the two equal signatures (s, n - s) only the low one counts, so that there is one signature of a text.
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class BadSignature(Exception):
    """It is none, or not one that this product takes."""


def checksummed(address: str) -> str:
    """EIP-55 of an address that is all lower case, all upper case or has the right checksum; ValueError otherwise."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError("An address is 0x and 40 hexadecimal digits.")
    digits, proper = address[2:], eth_utils.to_checksum_address(address.lower())
    if digits not in (digits.lower(), digits.upper()) and address != proper:
        raise ValueError("The address has a wrong EIP-55 checksum: a letter was mistyped.")
    return proper


def text(*, domain: str, uri: str, chain_id: int, address: str, nonce: str, purpose: str, issued_at: datetime, expires_at: datetime) -> str:
    """The exact message: ASCII, LF only, no newline at the end. `domain` with its port, `uri` the origin, `address` EIP-55."""
    return "\n".join(
        [
            f"{domain} wants you to sign in with your Ethereum account:",
            address,
            "",
            STATEMENT,
            "",
            f"URI: {uri}",
            "Version: 1",
            f"Chain ID: {chain_id}",
            f"Nonce: {nonce}",
            f"Issued At: {clock.wire(issued_at)}",
            f"Expiration Time: {clock.wire(expires_at)}",
            "Resources:",
            f"- urn:tallyroom:purpose:{purpose}",
        ]
    )


def signer(message: str, signature: str) -> str:
    """The EIP-55 address that signed `message` (EIP-191). BadSignature for whatever is not 65 bytes of hex with v of 0, 1, 27, 28, r and s in
    range and s low: the library takes some that are wrong, and raises five kinds of exception on others."""
    match = _SIGNATURE.fullmatch(signature)
    if match is None:
        raise BadSignature("not 65 bytes of hex")
    raw = bytes.fromhex(match[1])
    r, s, v = int.from_bytes(raw[:32]), int.from_bytes(raw[32:64]), raw[64]
    if v not in (0, 1, 27, 28) or not 0 < r < _ORDER or not 0 < s <= _ORDER // 2:
        raise BadSignature("v, r or s is out of range")
    standard = raw[:64] + bytes([v if v >= 27 else v + 27])
    try:
        return eth_account.Account.recover_message(messages.encode_defunct(text=message), signature=standard)
    except Exception as error:  # noqa: BLE001 - an r that is on no curve point raises whatever the backend raises
        raise BadSignature("no key signs like this") from error
