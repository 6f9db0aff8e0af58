"""Challenges, and what a signature of one is worth: the person behind the wallet."""

import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction

from config.kernel import clock
from config.kernel.access import ANONYMOUS, ports, system
from config.kernel.errors import ApiError
from operators import verbs
from operators.identity.models import User
from operators.identity.wallets import siwe
from operators.identity.wallets.models import Purpose, Wallet, WalletChallenge

CHALLENGE_SECONDS = 300


def challenge(*, address: str, purpose: Purpose) -> WalletChallenge:
    """A new text for this wallet to sign. `address` is EIP-55. Domain and URI come from PUBLIC_ORIGIN, never from the request."""
    now, nonce = clock.now(), secrets.token_hex(16)
    expires_at = now + timedelta(seconds=CHALLENGE_SECONDS)
    message = siwe.text(
        domain=urlsplit(settings.PUBLIC_ORIGIN).netloc,
        uri=settings.PUBLIC_ORIGIN,
        chain_id=settings.SIWE_CHAIN_ID,
        address=address,
        nonce=nonce,
        purpose=purpose.value,
        issued_at=now,
        expires_at=expires_at,
    )
    return WalletChallenge.objects.create(nonce=nonce, address=address, purpose=purpose, message=message, created_at=now, expires_at=expires_at)


def prove(*, address: str, nonce: str, signature: str, purpose: Purpose) -> None:
    """The holder of the wallet signed this challenge for this purpose. ApiError challenge_invalid, signature_invalid.

    The challenge is spent before the signature is looked at, in a transaction of its own: one try each, and of two at once one wins.
    """
    code = _refusal(address, nonce, signature, purpose)
    if code:
        details = {"wallet": address, "purpose": purpose.value}
        ports.record(verbs.SIGN_IN_FAILED, actor=ANONYMOUS, outcome="denied", reason=code, details=details)
        raise ApiError(code)


def _refusal(address: str, nonce: str, signature: str, purpose: Purpose) -> str | None:
    message = _spend(address, nonce, purpose)
    if message is None:
        return "challenge_invalid"
    try:
        return None if siwe.signer(message, signature) == address else "signature_invalid"
    except siwe.BadSignature:
        return "signature_invalid"


def _spend(address: str, nonce: str, purpose: Purpose) -> str | None:
    """The text of an unspent challenge, spent by this; None for any that is unknown, used, expired, another wallet's or for something else."""
    now = clock.now()
    with transaction.atomic(durable=True):
        fresh = WalletChallenge.objects.filter(nonce=nonce, address=address, purpose=purpose, used_at=None, expires_at__gt=now)
        if not fresh.update(used_at=now):
            return None
    return WalletChallenge.objects.values_list("message", flat=True).get(nonce=nonce)


@transaction.atomic
def user_of_wallet(*, address: str) -> User:
    """Whose wallet this is; at first sight a user is made for it, without role or workspace. `address` is EIP-55."""
    known = _known(address)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            user = User.objects.create_user(address)
            Wallet.objects.create(user=user, address=address)
    except IntegrityError:
        # Another request saw the wallet first.
        return _known(address)
    ports.record(
        verbs.USER_CREATED, actor=system("wallet"), subject=("user", str(user.pk), user.label), outcome="succeeded", details={"wallet": address}
    )
    return user


def _known(address: str) -> User | None:
    wallet = Wallet.objects.select_related("user").filter(address=address).first()
    return wallet.user if wallet else None
