"""The decision (03 §7): pure, deny first, the only place that decides. `selectors.scoped` says the same as one WHERE.

    1 deny   a deny policy for the permission matches any of the chain            → refused, policy_denied; even an owner
    2 user   a role holds the permission, and one of: role owner or admin · the kind is open ·
             an allow policy or a grant names any of the chain                    → allowed
    3 tenant the permission is of the user's role in a workspace of the chain     → allowed
    4 key    the permission is a scope of the key, whose workspace is in the chain, nothing on the way being of the other environment → allowed
    5 console the permission is of the production role (the credential's, or that of the user's operator), and a site or workspace that the
             control room reaches is in the chain, or the kind is open            → allowed
    6 else   permission_denied if no path holds the permission, else out_of_scope → refused

The paths never mix: a tenant's permission meets no policy or grant, a user role's meets no membership.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from config.kernel.access import Decision, Perm
from operators.access.models import EVERYTHING, Effect, Role
from operators.access.scopes import Link

WORKSPACE = "workspace"
_UNSCOPED_ROLES = (Role.OWNER, Role.ADMIN)


@dataclass(frozen=True)
class Rule:
    """A policy that applies to the actor, without its subject. `resource_id` may be "*"."""

    id: str
    effect: str
    permissions: frozenset[str]
    resource_type: str
    resource_id: str

    def covers(self, permission: Perm) -> bool:
        return EVERYTHING in self.permissions or permission in self.permissions

    def names(self, link: Link) -> bool:
        return link.policies and self.resource_type == link.kind and self.resource_id in (EVERYTHING, link.id)


@dataclass(frozen=True)
class Console:
    """What a production role gives: `permissions`, on what `reach()` names — allow rules about sites, and workspace ids — asked only when needed."""

    role: str
    permissions: frozenset[Perm]
    reach: Callable[[], tuple[list[Rule], frozenset[str]]]


@dataclass(frozen=True)
class Standing:
    """What an actor has before any object is looked at: `roles` and `permissions` (a user's own and their groups'), the policies about them
    (`rules`), the kinds whose grant they hold globally (`everywhere`), and by workspace id what a membership or a key gives there (`tenant`;
    `tenant_rule` says which of the two). `environment`: a key's; empty for people, who see both."""

    user_id: str
    group_ids: tuple[int, ...] = ()
    roles: frozenset[str] = frozenset()
    permissions: frozenset[Perm] = frozenset()
    rules: tuple[Rule, ...] = ()
    everywhere: frozenset[str] = frozenset()
    tenant: Mapping[str, frozenset[Perm]] = field(default_factory=dict)
    tenant_rule: str = "tenant"
    environment: str = ""
    console: "Console | None" = None

    def workspaces(self, permission: Perm) -> frozenset[str]:
        """Ids of the workspaces in which a membership or the key gives this permission."""
        return frozenset(workspace for workspace, held in self.tenant.items() if permission in held)

    @property
    def unscoped_role(self) -> str | None:
        """The role that reaches everything, if one is held."""
        return next((role for role in _UNSCOPED_ROLES if role in self.roles), None)

    def by_console(self, permission: Perm) -> bool:
        """Whether the production role holds it."""
        return self.console is not None and permission in self.console.permissions

    def policies(self, effect: Effect, permission: Perm) -> list[Rule]:
        return [rule for rule in self.rules if rule.effect == effect and rule.covers(permission)]


def judge(standing: Standing, permission: Perm, link: Link | None = None, granted: Collection[tuple[str, str]] = ()) -> Decision:
    """The answer. `granted`: the (kind, id) of the chain that a grant of theirs names. Without a link the permission alone counts."""
    if link is not None:
        for rule in standing.policies(Effect.DENY, permission):
            if any(rule.names(part) for part in link.chain()):
                return Decision(False, "policy_denied", f"policy:{rule.id}")
    tenants = standing.workspaces(permission)
    if permission not in standing.permissions and not tenants and not standing.by_console(permission):
        return Decision(False, "permission_denied")
    if permission in standing.permissions and (link is None or (via := way(standing, permission, link, granted))):
        return Decision(True, "user", via if link is not None else "role")
    if tenants and (link is None or (via := tenancy(tenants, standing.environment, link))):
        return Decision(True, standing.tenant_rule, via if link is not None else "workspace")
    if standing.by_console(permission) and (link is None or console_way(standing.console, link)):
        return Decision(True, "console", f"role:{standing.console.role}")
    return Decision(False, "out_of_scope")


def console_way(console: Console, link: Link) -> bool:
    """Whether `link` lies in the reach of the control room."""
    if link.open:
        return True
    sites, workspaces = console.reach()
    return bool(_reach(sites, (), link, ()) or tenancy(workspaces, "", link))


def way(standing: Standing, permission: Perm, link: Link, granted) -> str | None:
    """What opens the way to `link` for who holds the permission by a user role; None: nothing does."""
    if role := standing.unscoped_role:
        return f"role:{role}"
    if link.open:
        return f"open:{link.kind}"
    return _reach(standing.policies(Effect.ALLOW, permission), standing.everywhere, link, granted)


def _reach(allows: list[Rule], everywhere, link: Link, granted) -> str | None:
    """What opens the way to `link`: itself, or (any, or for `all_of` each) of its parents."""
    for rule in allows:
        if rule.names(link):
            return f"policy:{rule.id}"
    if link.kind in everywhere or (link.kind, link.id) in granted:
        return f"grant:{link.kind}"
    ways = [_reach(allows, everywhere, parent, granted) for parent in link.parents]
    if link.all_of:
        return ways[0] if ways and all(ways) else None
    return next((way for way in ways if way), None)


def tenancy(workspaces: frozenset[str], environment: str, link: Link) -> str | None:
    """The workspace in whose reach `link` lies: itself, or (any, or for `all_of` each) of its parents; nothing of another environment on the way."""
    if environment and link.environment not in (None, environment):
        return None
    if link.kind == WORKSPACE:
        return f"workspace:{link.id}" if link.id in workspaces else None
    ways = [tenancy(workspaces, environment, parent) for parent in link.parents]
    if link.all_of:
        return ways[0] if ways and all(ways) else None
    return next((way for way in ways if way), None)
