"""Whose wallet a call is about, and in which of the two worlds."""

from uuid import UUID

from config.kernel.access import Actor, Kind, Perm, ports
from config.kernel.errors import ApiError, FieldError
from operators.workspaces import selectors
from operators.workspaces.models import Workspace
from operators.workspaces.states import Environment
from sessions.field.parties import environment_for


def workspace_of(actor: Actor, given: str | None, permission: Perm) -> Workspace:
    """The one named, the key's, the active one, or the only one there is. ApiError not_found for one out of reach; FieldError `workspaceId`."""
    found = _implied(actor, permission) if given is None else _named(actor, given, permission)
    if found is None:
        raise FieldError("workspaceId", "required", "Say which workspace, or select one.")
    return found


def environment_of(actor: Actor, asked: str | None) -> str:
    """A key's own; a sign-in says it, LIVE unless it does. FieldError; ApiError environment_mismatch."""
    if asked is not None and asked not in Environment.values:
        raise FieldError("environment", "invalid", "environment must be LIVE or TEST.")
    return environment_for(actor, asked)


def _named(actor: Actor, given: str, permission: Perm) -> Workspace:
    try:
        pk = UUID(given)
    except ValueError:
        raise FieldError("workspaceId", "invalid", "workspaceId must be an id.") from None
    found = ports.scoped(selectors.workspaces(), actor, permission).filter(pk=pk).first()
    if found is None:
        raise ApiError("not_found")
    return found


def _implied(actor: Actor, permission: Perm) -> Workspace | None:
    if actor.kind is Kind.API_KEY:
        return actor.subject.workspace
    reach = ports.scoped(selectors.workspaces(), actor, permission)
    if active := selectors.active_workspace_id(actor):
        return reach.filter(pk=active).first()
    # Whoever reaches one only means that one; of members, the one they belong to.
    mine = list(reach.filter(pk__in=ports.reach(actor, permission).workspaces)[:2]) or list(reach[:2])
    return mine[0] if len(mine) == 1 else None
