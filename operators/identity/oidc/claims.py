"""What a provider says about a person beyond who they are: a name, and values that map to roles and groups (OIDC_ROLE_MAP, OIDC_GROUP_MAP)."""

from django.conf import settings
from django.contrib.auth.models import Group

from config.kernel.access import ports, system
from operators import verbs
from operators.access.models import Role
from operators.access.services import access_changed, set_roles
from operators.identity.models import User

VALUES, VALUE_LENGTH, NAME_LENGTH = 100, 160, 120
# Where providers put them; both maps look at both.
CLAIMS = ("roles", "groups")


def text(claims: dict, name: str) -> str:
    """A claim as one clean line, cut to what a name may be; empty if it is none."""
    value = claims.get(name)
    return "".join(char for char in value if char.isprintable()).strip()[:NAME_LENGTH] if isinstance(value, str) else ""


def mapped_values(claims: dict) -> tuple[list[str], int]:
    """(usable values of the mapped claims, how many were ignored): at most 100, texts of at most 160 characters."""
    sent = []
    for name in CLAIMS:
        value = claims.get(name)
        sent += value if isinstance(value, list) else [value] if value is not None else []
    usable = [value for value in sent if isinstance(value, str) and len(value) <= VALUE_LENGTH]
    return usable[:VALUES], len(sent) - len(usable[:VALUES])


def apply_maps(user: User, claims: dict) -> None:
    """Give and take what the maps manage, and leave everything else alone. `owner` is neither given nor taken."""
    if not settings.OIDC_ROLE_MAP and not settings.OIDC_GROUP_MAP:
        return
    values, ignored = mapped_values(claims)
    actor = system("oidc")
    if ignored:
        details = {"ignored": ignored}
        ports.record(verbs.CLAIMS_IGNORED, actor=actor, subject=("user", str(user.pk), user.label), outcome="succeeded", details=details)
    _apply_roles(user, values, actor)
    _apply_groups(user, values, actor)


def _apply_roles(user: User, values: list[str], actor) -> None:
    managed = set(settings.OIDC_ROLE_MAP.values()) & set(Role.values) - {Role.OWNER.value}
    wanted = {settings.OIDC_ROLE_MAP[value] for value in values if value in settings.OIDC_ROLE_MAP} & managed
    held = set(user.role_rows.values_list("role", flat=True))
    set_roles(user=user, roles=(held - managed) | wanted, actor=actor)


def _apply_groups(user: User, values: list[str], actor) -> None:
    managed = {group.name: group for group in Group.objects.filter(name__in=set(settings.OIDC_GROUP_MAP.values()))}
    wanted = {settings.OIDC_GROUP_MAP[value] for value in values if value in settings.OIDC_GROUP_MAP} & set(managed)
    # A group that makes owners is no business of the provider's.
    wanted = {name for name in wanted if not managed[name].role_rows.filter(role=Role.OWNER).exists()}
    held = set(user.groups.filter(pk__in=[group.pk for group in managed.values()]).values_list("name", flat=True))
    held -= {name for name in held if managed[name].role_rows.filter(role=Role.OWNER).exists()}
    if wanted == held:
        return
    user.groups.remove(*[managed[name] for name in held - wanted])
    user.groups.add(*[managed[name] for name in wanted - held])
    sides = {"before": {"groups": sorted(held)}, "after": {"groups": sorted(wanted)}}
    ports.record(verbs.GROUPS_MAPPED, actor=actor, subject=("user", str(user.pk), user.label), outcome="succeeded", **sides)
    access_changed()
