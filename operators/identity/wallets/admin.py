"""Admin screens of wallets and of challenges under way, to look at. A nonce is shown nowhere."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from operators.identity.wallets.models import Wallet, WalletChallenge


@admin.register(Wallet)
class WalletAdmin(TallyAdmin):
    """Which address signs in as whom."""

    view_permission = Perm.AUTH_MANAGE
    list_display = ["address", "user", "created_at"]
    search_fields = ["address", "user__name", "user__email"]
    list_select_related = ["user"]
    fields = ["address", "user", "created_at"]


@admin.register(WalletChallenge)
class WalletChallengeAdmin(TallyAdmin):
    """What wallets were asked to sign lately."""

    view_permission = Perm.AUTH_MANAGE
    list_display = ["address", "purpose", "created_at", "expires_at", "used_at"]
    list_filter = ["purpose"]
    search_fields = ["address"]
    fields = ["address", "purpose", "created_at", "expires_at", "used_at"]
