"""The daily sweep: spent challenges and logins go, and so do people who only ever showed a wallet; nobody else."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from config.kernel import clock
from operators.access.tasks import purge
from operators.identity.models import User
from operators.identity.oidc.models import OidcState
from operators.identity.wallets.models import Wallet, WalletChallenge
from operators.workspaces.models import Member
from tests.cast import token_of
from tests.factories.users import make_user
from tests.operators.workspaces.conftest import make_workspace

pytestmark = pytest.mark.django_db


def wallet_user(letter: str, **fields) -> User:
    user = User.objects.create_user("0x" + letter * 40, **fields)
    Wallet.objects.create(user=user, address=user.username)
    return user


def test_spent_challenges_and_logins_go_a_day_after_their_time():
    now = clock.now()
    for number, expired in enumerate((timedelta(hours=25), timedelta(hours=23), -timedelta(minutes=1))):
        WalletChallenge.objects.create(nonce=str(number), address="0x", purpose="sign-in", message="", created_at=now, expires_at=now - expired)
        OidcState.objects.create(
            state_digest=bytes([number]),
            browser_digest=b"",
            nonce="",
            verifier=b"",
            next="/",
            mode="token",
            intent="sign-in",
            created_at=now,
            expires_at=now - expired,
        )
    assert purge.run_once()["spent"] == 2
    assert WalletChallenge.objects.count() == OidcState.objects.count() == 2


def test_only_unseen_wallets_without_anything_go():
    gone = wallet_user("1")
    stay = [wallet_user(letter) for letter in "2345678"]
    make_workspace(VIEWER=stay[0])
    stay[1].role_rows.create(role="viewer")
    stay[2].set_password("correct horse battery")
    stay[2].save()
    stay[3].oidc_identities.create(issuer="https://idp.example", subject="s")
    User.objects.filter(pk=stay[4].pk).update(disabled_at=clock.now())
    stay.append(make_user("local"))
    User.objects.update(created_at=clock.now() - timedelta(days=31))
    token_of(stay[5])
    User.objects.filter(pk=stay[6].pk).update(created_at=clock.now() - timedelta(days=29))
    assert purge.run_once()["wallets"] == 1 and purge.run_once()["wallets"] == 0
    assert set(User.objects.all()) == set(stay) and Member.objects.count() == 1
    assert AuditEvent.objects.get(verb="auth.user.expired").subject_label == gone.username
