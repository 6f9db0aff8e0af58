"""Admin screens of provider identities and of logins under way, to look at. Neither state, nonce nor verifier is shown anywhere."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from operators.identity.oidc.models import OidcIdentity, OidcState


@admin.register(OidcIdentity)
class OidcIdentityAdmin(TallyAdmin):
    """Which (issuer, subject) signs in as whom."""

    view_permission = Perm.AUTH_MANAGE
    list_display = ["user", "issuer", "subject", "created_at", "last_seen_at"]
    search_fields = ["subject", "user__name", "user__email"]
    list_select_related = ["user"]
    fields = ["user", "issuer", "subject", "created_at", "last_seen_at"]


@admin.register(OidcState)
class OidcStateAdmin(TallyAdmin):
    """Logins sent to the provider lately, and whether they came back."""

    view_permission = Perm.AUTH_MANAGE
    list_display = ["created_at", "intent", "mode", "next", "expires_at", "used_at"]
    list_filter = ["intent", "mode"]
    fields = ["created_at", "intent", "mode", "next", "user_id", "expires_at", "used_at"]
