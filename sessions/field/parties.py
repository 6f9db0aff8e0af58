"""Who acts for whom: the workspace behind a call, and on which side of a session somebody stands (05 §2)."""

from uuid import UUID

from config.kernel.access import Actor, Kind, Perm, ports, refusal
from config.kernel.errors import ApiError, FieldError
from operators.workspaces.models import Workspace
from operators.workspaces.selectors import active_workspace_id, workspaces
from operators.workspaces.states import Environment, WorkspaceRole
from sessions.field.models import FieldSession
from sessions.field.states import SessionState, Side


def held_in(actor: Actor, permission: Perm) -> frozenset[UUID]:
    """Ids of the workspaces in which a membership or the key gives this permission."""
    memo = actor.memo.setdefault("field_workspaces", {})
    if permission not in memo:
        memo[permission] = frozenset(UUID(pk) for pk in ports.reach(actor, permission).workspaces)
    return memo[permission]


def installation(actor: Actor, permission: Perm, obj) -> bool:
    """Whether the actor may by a role of the installation, not of a workspace."""
    decision = ports.decide(actor, permission, obj)
    return decision.allowed and decision.rule == "user"


def environment_for(actor: Actor, asked: str | None) -> str:
    """A key's own; a sign-in says it, LIVE unless it does. ApiError environment_mismatch."""
    if actor.environment and asked and asked != actor.environment:
        raise ApiError("environment_mismatch", data={"environment": actor.environment})
    return actor.environment or asked or Environment.LIVE.value


def acting_workspace(actor: Actor, permission: Perm, role: WorkspaceRole, given: Workspace | None = None) -> Workspace:
    """For whom the call is made: the one named, the key's, the active one, or the only one that could be meant.

    FieldError `workspaceId`; ApiError workspace_role_required, workspace_suspended.
    """
    workspace = given or _implied(actor, permission, role)
    if role not in workspace.roles:
        raise ApiError("workspace_role_required", data={"role": role.value})
    demand_not_suspended(actor, permission, workspace)
    return workspace


def demand_role(actor: Actor, permission: Perm, role: WorkspaceRole) -> None:
    """What can be refused before the body is read (03 §7): a key of a workspace that lacks the role, a person none of whose workspaces has it.

    ApiError workspace_role_required, workspace_suspended.
    """
    if actor.kind is Kind.API_KEY:
        acting_workspace(actor, permission, role)
        return
    held = held_in(actor, permission)
    if held and not ports.reach(actor, permission).holder and not workspaces().filter(pk__in=held, roles__contains=[role]).exists():
        raise ApiError("workspace_role_required", data={"role": role.value})


def serving_workspace(actor: Actor, session: FieldSession, given: Workspace | None) -> Workspace:
    """The supplier that accepts: one of the actor's own, never another's, whatever role of the installation they hold (05 §2).

    ApiError operator_side_required, workspace_role_required, workspace_suspended; FieldError `workspaceId`.
    """
    held = held_in(actor, Perm.SESSIONS_OPERATE)
    if not held or (given is not None and given.pk not in held):
        raise ApiError("operator_side_required")
    workspace = acting_workspace(actor, Perm.SESSIONS_OPERATE, WorkspaceRole.SUPPLIER, given)
    if session.wanted_workspace_id not in (None, workspace.pk):
        raise ApiError("operator_side_required")
    return workspace


def _implied(actor: Actor, permission: Perm, role: WorkspaceRole) -> Workspace:
    if actor.kind is Kind.API_KEY:
        return actor.subject.workspace
    held = held_in(actor, permission)
    chosen = active_workspace_id(actor)
    if chosen in held:
        return workspaces().get(pk=chosen)
    mine = list(workspaces().filter(pk__in=held)[:20])
    fitting = [workspace for workspace in mine if role in workspace.roles]
    if len(fitting) == 1:
        return fitting[0]
    if mine and not fitting:
        raise ApiError("workspace_role_required", data={"role": role.value})
    raise FieldError("workspaceId", "required", "Say for which workspace, or select one.")


def demand_not_suspended(actor: Actor, permission: Perm, workspace: Workspace) -> None:
    """ApiError workspace_suspended for its members and keys."""
    if workspace.suspended_at is not None and not installation(actor, permission, workspace):
        raise ApiError("workspace_suspended")


def sides(actor: Actor, session: FieldSession) -> set[Side]:
    """On which sides the actor stands, each by its own permission: consumer `sessions:create`, operator `sessions:operate`.

    Nobody serves an open request yet: whoever could, stands on the operator's side of it.
    """
    found = set()
    if actor.environment and actor.environment != session.environment:
        return found
    if session.consumer_workspace_id in held_in(actor, Perm.SESSIONS_CREATE):
        found.add(Side.CONSUMER)
    if session.operator_workspace_id in held_in(actor, Perm.SESSIONS_OPERATE) or could_serve(actor, session):
        found.add(Side.OPERATOR)
    # Who holds neither by a role of the installation need not be looked for.
    by_role = [permission for permission in (Perm.SESSIONS_CREATE, Perm.SESSIONS_OPERATE) if ports.reach(actor, permission).holder]
    if any(installation(actor, permission, session) for permission in by_role):
        found.add(Side.INSTALLATION)
    return found


NEEDED = {Side.CONSUMER: Perm.SESSIONS_CREATE, Side.OPERATOR: Perm.SESSIONS_OPERATE}
_WRONG = {Side.CONSUMER: "consumer_side_required", Side.OPERATOR: "operator_side_required"}


def standing_on(actor: Actor, session: FieldSession, wanted: tuple[Side, ...], standing: set[Side] | None = None) -> Side:
    """The first of the `wanted` sides on which the actor stands; `standing`: their sides, where they are known already.

    ApiError permission_denied for somebody of the right side without the right, else consumer_side_required, operator_side_required;
    workspace_suspended.
    """
    standing = sides(actor, session) if standing is None else standing
    side = next((side for side in wanted if side in standing), None)
    if side is None:
        raise _no_side(actor, session, [side for side in wanted if side in NEEDED])
    workspace = session.consumer_workspace if side is Side.CONSUMER else session.operator_workspace
    if side in NEEDED and workspace is not None:
        demand_not_suspended(actor, NEEDED[side], workspace)
    return side


def _no_side(actor: Actor, session: FieldSession, wanted: list[Side]) -> ApiError:
    belongs = held_in(actor, Perm.SESSIONS_READ)
    for side in wanted:
        workspace_id = session.consumer_workspace_id if side is Side.CONSUMER else session.operator_workspace_id
        if workspace_id in belongs:
            return refusal(actor, NEEDED[side], session)
    return ApiError(_WRONG[wanted[0]])


def could_serve(actor: Actor, session: FieldSession) -> bool:
    """Whether the request is open to a supplier workspace for which the actor may operate."""
    if session.state != SessionState.REQUESTED:
        return False
    held = held_in(actor, Perm.SESSIONS_OPERATE)
    if session.wanted_workspace_id is not None:
        return session.wanted_workspace_id in held
    return workspaces().filter(pk__in=held, roles__contains=[WorkspaceRole.SUPPLIER]).exists()
