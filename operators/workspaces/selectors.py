"""Which workspaces, members and keys there are, and who is behind a key."""

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import QuerySet

from config.kernel import clock, credentials
from config.kernel.access import Actor, Kind
from config.kernel.errors import ApiError
from operators.identity.models import SignIn
from operators.workspaces.models import ApiKey, Member, Workspace
from operators.workspaces.states import Environment, MemberRole

KEY_PREFIXES = {Environment.LIVE: "tr_key_live_", Environment.TEST: "tr_key_test_"}
USED_EVERY = timedelta(minutes=1)


def workspaces() -> QuerySet[Workspace]:
    """All, for `scoped` to narrow."""
    return Workspace.objects.all()


def members(workspace_id=None) -> QuerySet[Member]:
    """All, or those of one workspace, with who they are."""
    rows = Member.objects.select_related("user", "workspace").prefetch_related("user__wallets")
    return rows if workspace_id is None else rows.filter(workspace_id=workspace_id)


def api_keys(workspace_id=None) -> QuerySet[ApiKey]:
    """All, or those of one workspace, dead ones too."""
    rows = ApiKey.objects.select_related("workspace")
    return rows if workspace_id is None else rows.filter(workspace_id=workspace_id)


def memberships(user) -> QuerySet[Member]:
    """Where `user` belongs, by slug."""
    return Member.objects.select_related("workspace").filter(user=user).order_by("workspace__slug")


def membership(actor: Actor, workspace_id) -> Member | None:
    """The actor's own place in a workspace; keys have none."""
    return memberships(actor.subject).filter(workspace_id=workspace_id).first() if actor.kind is Kind.USER else None


def is_owner(actor: Actor, workspace_id) -> bool:
    member = membership(actor, workspace_id)
    return member is not None and member.role == MemberRole.OWNER


def owned_alone(user) -> QuerySet[Workspace]:
    """Workspaces that would be left without an OWNER if `user` were gone."""
    others = Member.objects.filter(role=MemberRole.OWNER).exclude(user=user).values("workspace_id")
    return Workspace.objects.filter(members__user=user, members__role=MemberRole.OWNER).exclude(pk__in=others)


def places(actor: Actor, tenant: Mapping[str, frozenset]) -> list[dict]:
    """Where the actor belongs and what that gives there (`tenant` of their standing); a key's own workspace has no role."""
    if actor.kind is Kind.API_KEY:
        found = [(actor.subject.workspace, None)]
    else:
        found = [(row.workspace, row.role) for row in memberships(actor.subject)]
    return [
        {"id": place.pk, "slug": place.slug, "name": place.name, "role": role, "permissions": sorted(tenant.get(str(place.pk), ()))}
        for place, role in found
    ]


def active_workspace_id(actor: Actor):
    """The default where a body omits `workspaceId`: a key's own, or what this sign-in selected, while its user still belongs there."""
    if actor.kind is Kind.API_KEY:
        return actor.subject.workspace_id
    chosen = SignIn.objects.filter(pk=actor.sign_in_id).values_list("active_workspace_id", flat=True).first() if actor.sign_in_id else None
    return chosen if chosen and membership(actor, chosen) else None


def actor_of_key_row(key: ApiKey) -> Actor:
    """The actor of a live key; its workspace is loaded with it."""
    return Actor(
        kind=Kind.API_KEY,
        id=str(key.pk),
        label=key.label,
        credential_prefix=f"{key.prefix}…{key.last_four}",
        credential_id=str(key.pk),
        pinned_version=key.version,
        until=min((end for end in (key.expires_at, key.grace_period_end) if end is not None), default=None),
        environment=key.environment,
        subject=key,
        on_behalf_of=("workspace", str(key.workspace_id), key.workspace.slug),
    )


def actor_of_key(token: str) -> Actor:
    """The credential port of `tr_key_live_` and `tr_key_test_`: ApiError credential_invalid, _revoked, _expired, workspace_suspended."""
    key = ApiKey.objects.select_related("workspace").filter(digest=credentials.digest(token)).first()
    now = clock.now()
    if key is None:
        raise ApiError("credential_invalid")
    if key.revoked_at is not None and (key.grace_period_end is None or key.grace_period_end <= now):
        raise ApiError("credential_revoked")
    if key.expires_at is not None and key.expires_at <= now:
        raise ApiError("credential_expired")
    if key.workspace.suspended_at is not None:
        raise ApiError("workspace_suspended")
    if key.last_used_at is None or now - key.last_used_at >= USED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return actor_of_key_row(key)
