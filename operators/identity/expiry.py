"""What signing in leaves behind: challenges and logins past their time, and people who only ever showed a wallet."""

from datetime import timedelta

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from config.kernel import clock
from config.kernel.access import ports, system
from operators import verbs
from operators.identity.models import SignIn, User
from operators.identity.oidc.models import OidcIdentity, OidcState
from operators.identity.wallets.models import Wallet, WalletChallenge
from operators.workspaces.models import Member

KEEP_SPENT = timedelta(days=1)
UNSEEN = timedelta(days=30)
AT_ONCE = 1000


def forget_spent() -> int:
    """Delete challenges and logins that expired a day ago, used or not; how many."""
    before = clock.now() - KEEP_SPENT
    return WalletChallenge.objects.filter(expires_at__lt=before).delete()[0] + OidcState.objects.filter(expires_at__lt=before).delete()[0]


def unseen_wallet_users():
    """Users of a wallet alone, without role, group, grant or workspace, made and last seen 30 days ago."""
    before = clock.now() - UNSEEN
    mine = {"user": OuterRef("pk")}
    return User.objects.filter(
        Exists(Wallet.objects.filter(**mine)),
        ~Exists(OidcIdentity.objects.filter(**mine)),
        ~Exists(Member.objects.filter(**mine)),
        ~Exists(SignIn.objects.filter(**mine, last_seen_at__gte=before)),
        Q(last_login=None) | Q(last_login__lt=before),
        created_at__lt=before,
        password__startswith=UNUSABLE_PASSWORD_PREFIX,
        role_rows=None,
        groups=None,
        # A disabled one stays, or their wallet would come back enabled.
        disabled_at=None,
    )


def forget_unseen() -> int:
    """Delete those users, one transaction each; how many."""
    removed = 0
    for pk in list(unseen_wallet_users().values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            user = unseen_wallet_users().select_for_update(of=("self",)).filter(pk=pk).first()
            if user is not None:
                ports.record(verbs.WALLET_USER_EXPIRED, actor=system("access.purge"), subject=("user", str(user.pk), user.label), outcome="succeeded")
                user.delete()
                removed += 1
    return removed
