"""Why someone may or may not: the decision of 03 §7, path by path, from the very functions that decide."""

from config.kernel.access import Actor, Decision, Kind, Perm
from config.kernel.errors import ApiError
from operators.access import scopes
from operators.access.catalogue import CATALOGUE
from operators.access.decision import Standing, console_way, judge, tenancy, way
from operators.access.models import Effect
from operators.access.selectors import granted_in, standing_of
from operators.identity.models import User


def acting(user: User) -> Actor:
    """The user as one who asks, without a credential."""
    return Actor(kind=Kind.USER, id=str(user.pk), label=user.label, subject=user)


def explain(user: User, permission: Perm, link: scopes.Link | None) -> dict:
    """`{allowed, rule, via, steps}` for what this user may do, to `link` or (None) at all."""
    standing = standing_of(acting(user))
    granted = granted_in(standing, link) if link is not None else set()
    decision = judge(standing, permission, link, granted)
    steps = [
        _deny(standing, permission, link),
        _user(standing, permission, link, granted),
        _tenant(standing, permission, link),
        _console(standing, permission, link),
        _end(decision),
    ]
    return {"allowed": decision.allowed, "rule": decision.rule, "via": decision.via or None, "steps": steps}


def _step(step: str, outcome: str, via: str | None, says: str) -> dict:
    return {"step": step, "outcome": outcome, "via": via, "says": says}


def _deny(standing: Standing, permission: Perm, link) -> dict:
    for rule in standing.policies(Effect.DENY, permission) if link is not None else ():
        for part in link.chain():
            if rule.names(part):
                return _step("deny", "denies", f"policy:{rule.id}", f"A deny policy names {part.kind} {rule.resource_id}.")
    return _step("deny", "none", None, "No deny policy applies.")


def _user(standing: Standing, permission: Perm, link, granted) -> dict:
    if permission not in standing.permissions:
        roles = ", ".join(sorted(role.value for role in CATALOGUE[permission].roles))
        return _step("user", "none", None, f"No role of the user or of their groups holds {permission.value}; these do: {roles}.")
    if link is None:
        return _step("user", "allows", "role", f"A role holds {permission.value}; which things are in reach is asked for each of them.")
    if via := way(standing, permission, link, granted):
        return _step("user", "allows", via, f"A role holds {permission.value}, and {via} opens the way to this {link.kind}.")
    return _step(
        "user", "none", None, f"A role holds {permission.value}, but no allow policy and no grant names this {link.kind} or anything above it."
    )


def _tenant(standing: Standing, permission: Perm, link) -> dict:
    workspaces = standing.workspaces(permission)
    if not workspaces:
        return _step("tenant", "none", None, f"In no workspace does a membership hold {permission.value}.")
    if link is None:
        return _step("tenant", "allows", "workspace", "A membership holds it, in its workspace only.")
    if via := tenancy(workspaces, standing.environment, link):
        return _step("tenant", "allows", via, f"This {link.kind} belongs to a workspace in which a membership holds it.")
    return _step("tenant", "none", None, f"This {link.kind} belongs to no workspace in which a membership holds it.")


def _console(standing: Standing, permission: Perm, link) -> dict:
    if not standing.by_console(permission):
        return _step("console", "none", None, f"In the control room no role of theirs holds {permission.value}.")
    via = f"role:{standing.console.role}"
    if link is None:
        return _step("console", "allows", via, f"As {standing.console.role} of the control room they hold it, within its reach.")
    if console_way(standing.console, link):
        return _step("console", "allows", via, f"As {standing.console.role} of the control room they hold it, and this {link.kind} is in its reach.")
    return _step("console", "none", None, f"As {standing.console.role} of the control room they hold it, but this {link.kind} is out of its reach.")


def _end(decision: Decision) -> dict:
    if decision.allowed:
        return _step("end", "allows", decision.via or None, "The first path that allows decides.")
    return _step("end", "denies", decision.via or None, f"Refused: {decision.rule}.")


def link_for(actor: Actor, kind: str, pk: str) -> scopes.Link:
    """The thing that is asked about. ApiError not_found where it is absent, or hidden from who asks and does not manage access anyway."""
    registered = scopes.named(kind)
    key = scopes.pk_of(registered.model, pk) if registered is not None else None
    row = registered.model._base_manager.filter(pk=key).first() if key is not None else None
    if row is None:
        raise ApiError("not_found")
    link = scopes.link_of(row)
    standing = standing_of(actor)
    if Perm.AUTH_MANAGE not in standing.permissions and not _may_know(standing, link):
        raise ApiError("not_found")
    return link


def _may_know(standing: Standing, link: scopes.Link) -> bool:
    """Whether some permission to read makes this thing visible."""
    granted = granted_in(standing, link)
    return any(judge(standing, perm, link, granted).allowed for perm in Perm if perm.value.endswith(":read"))
