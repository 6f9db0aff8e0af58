"""Settings of the provider that can't be meant, found before the server starts."""

from django.conf import settings
from django.core.checks import Error, register

from operators.access.models import Role


@register
def roles_that_a_provider_may_give(app_configs, **kwargs):
    """operators.E010: a role of OIDC_ROLE_MAP or OIDC_DEFAULT_ROLES that does not exist, or is owner."""
    given = {*settings.OIDC_ROLE_MAP.values(), *settings.OIDC_DEFAULT_ROLES}
    wrong = sorted(given - (set(Role.values) - {Role.OWNER.value}))
    if not wrong:
        return []
    hint = "A provider may give: " + ", ".join(role for role in Role.values if role != Role.OWNER)
    return [Error(f"OIDC_ROLE_MAP and OIDC_DEFAULT_ROLES name {', '.join(wrong)}.", hint=hint, id="operators.E010")]
