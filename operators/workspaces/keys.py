"""API keys of a workspace: minted by an owner, shown once, revoked at once or after a grace period (03 §5)."""

from datetime import datetime, timedelta

from django.db import transaction

from audit.services import snapshot
from config.kernel import clock, credentials, versions
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError, FieldError
from operators import verbs
from operators.access.catalogue import CATALOGUE
from operators.access.services import access_changed
from operators.workspaces.guards import demand, demand_owner
from operators.workspaces.models import ApiKey, Workspace
from operators.workspaces.selectors import KEY_PREFIXES
from operators.workspaces.states import Environment, WorkspaceRole

LIVE_KEYS = 50
# What a workspace must be for its keys to hold these.
NEEDED_ROLE = {Perm.SESSIONS_CREATE: WorkspaceRole.CONSUMER, Perm.SESSIONS_OPERATE: WorkspaceRole.SUPPLIER}
KEY_SCOPES = tuple(perm.value for perm, entry in CATALOGUE.items() if entry.key)


def _subject(key: ApiKey) -> tuple[str, str, str]:
    return ("api_key", str(key.pk), str(key))


@transaction.atomic
def mint(
    *,
    actor: Actor,
    workspace: Workspace,
    label: str,
    environment: str,
    scopes: list[str],
    expires_at: datetime | None = None,
    version: str | None = None,
) -> tuple[ApiKey, str]:
    """The key and its token. ApiError permission_denied for who is no OWNER, workspace_suspended, limit_reached, validation_failed
    (`scopes` that the workspace's roles don't allow, `expiresAt` in the past)."""
    row = Workspace.objects.select_for_update().get(pk=workspace.pk)
    demand_owner(actor, row, Perm.KEY_MANAGE)
    demand(actor, row, Perm.KEY_MANAGE)
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        raise FieldError("expiresAt", "in_past", "The key would have expired already.")
    for index, scope in enumerate(scopes):
        if (needed := NEEDED_ROLE.get(scope)) and needed not in row.roles:
            raise FieldError(f"scopes[{index}]", "role_required", f"{scope} needs a {needed.value} workspace.")
    if row.api_keys.live(now).count() >= LIVE_KEYS:
        raise ApiError("limit_reached", data={"limit": LIVE_KEYS})
    minted = credentials.mint(KEY_PREFIXES[Environment(environment)])
    key = ApiKey.objects.create(
        workspace=row,
        label=label,
        environment=environment,
        scopes=sorted(scopes),
        digest=minted.digest,
        prefix=minted.prefix,
        last_four=minted.last_four,
        version=version or versions.current(),
        created_by=actor.subject,
        created_by_label=actor.label,
        expires_at=expires_at,
    )
    ports.record(verbs.KEY_MINTED, actor=actor, subject=_subject(key), outcome="succeeded", after=snapshot(key), environment=environment)
    return key, minted.token


@transaction.atomic
def revoke(*, actor: Actor, key: ApiKey, grace_seconds: int = 0) -> ApiKey:
    """End a key now, or after `grace_seconds`. Again: the same `revoked_at`; a shorter grace counts, a longer one doesn't. ApiError workspace_suspended."""
    row = ApiKey.objects.select_related("workspace").select_for_update(of=("self",)).get(pk=key.pk)
    demand(actor, row.workspace, Perm.KEY_MANAGE)
    now = clock.now()
    ends_at = now + timedelta(seconds=grace_seconds) if grace_seconds else None
    before = snapshot(row)
    if row.revoked_at is None:
        row.revoked_at, row.grace_period_end = now, ends_at
    elif row.grace_period_end is not None and row.grace_period_end > now and (ends_at is None or ends_at < row.grace_period_end):
        row.grace_period_end = ends_at
    if snapshot(row) != before:
        row.save(update_fields=["revoked_at", "grace_period_end"])
        ports.record(
            verbs.KEY_REVOKED,
            actor=actor,
            subject=_subject(row),
            outcome="succeeded",
            before=before,
            after=snapshot(row),
            environment=row.environment,
        )
        access_changed()
    return row
