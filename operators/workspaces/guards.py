"""What may be done to a workspace now, and why not: the services, `/actions` and the console ask here."""

from config.kernel.access import Actor, Perm, ports, refusal, require
from config.kernel.actions import Action
from config.kernel.errors import ApiError
from operators.workspaces.models import Workspace
from operators.workspaces.selectors import is_owner


def suspension(actor: Actor, workspace: Workspace, permission: Perm) -> str | None:
    """`workspace_suspended` for its members and keys; who may by a role of the installation is not bound by it."""
    bound = ports.decide(actor, permission, workspace).rule != "user"
    return "workspace_suspended" if workspace.suspended_at is not None and bound else None


def demand(actor: Actor, workspace: Workspace, permission: Perm) -> None:
    """ApiError permission_denied (this workspace is visible, this is not allowed in it) or workspace_suspended."""
    require(actor, permission, workspace)
    if code := suspension(actor, workspace, permission):
        raise ApiError(code)


def demand_owner(actor: Actor, workspace: Workspace, permission: Perm) -> None:
    """An OWNER of this very workspace, whatever else one may be: giving and taking OWNER, and minting keys."""
    if not is_owner(actor, workspace.pk):
        raise ApiError(
            "permission_denied", "Only an owner of the workspace may do this.", data={"permission": permission.value, "rule": "owner_only"}
        )


def demand_installation(actor: Actor, workspace: Workspace) -> None:
    """By a role of the installation, not of the workspace: suspending, and lifting it."""
    decision = ports.decide(actor, Perm.WORKSPACE_MANAGE, workspace)
    if not decision.allowed or decision.rule != "user":
        raise refusal(actor, Perm.WORKSPACE_MANAGE, workspace)


def actions(actor: Actor, workspace: Workspace) -> dict[str, Action]:
    """For `GET /workspaces/:id/actions`."""
    href = f"/api/v1/workspaces/{workspace.pk}"
    manage = suspension(actor, workspace, Perm.WORKSPACE_MANAGE)
    keys = suspension(actor, workspace, Perm.KEY_MANAGE)
    mint = None if is_owner(actor, workspace.pk) else "permission_denied"
    return {
        "update": Action("PATCH", Perm.WORKSPACE_MANAGE, href, manage),
        "addMember": Action("POST", Perm.WORKSPACE_MANAGE, f"{href}/members", manage),
        "listKeys": Action("GET", Perm.KEY_MANAGE, f"{href}/api-keys", keys),
        "mintKey": Action("POST", Perm.KEY_MANAGE, f"{href}/api-keys", mint or keys),
    }
