"""The decision (03 §7): pure, deny first, the only place that decides. `selectors.scoped` says the same as one WHERE.

    1 deny   a deny policy for the permission matches any of the chain            → refused, policy_denied; even an owner
    2 user   a role holds the permission, and one of: role owner or admin · the kind is open ·
             an allow policy or a grant names any of the chain                    → allowed
    6 else   permission_denied if no path holds the permission, else out_of_scope → refused

Paths of other actors (tenant, key, console) stand between 2 and 6 and never mix with it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from config.kernel.access import Decision, Perm
from operators.access.models import EVERYTHING, Effect, Role
from operators.access.scopes import Link

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
class Standing:
    """What a user has before any object is looked at: `roles` and `permissions` (their own and their groups'), the policies about them
    (`rules`), and the kinds whose grant they hold globally (`everywhere`)."""

    user_id: str
    group_ids: tuple[int, ...] = ()
    roles: frozenset[str] = frozenset()
    permissions: frozenset[Perm] = frozenset()
    rules: tuple[Rule, ...] = ()
    everywhere: frozenset[str] = frozenset()

    @property
    def unscoped_role(self) -> str | None:
        """The role that reaches everything, if one is held."""
        return next((role for role in _UNSCOPED_ROLES if role in self.roles), None)

    def policies(self, effect: Effect, permission: Perm) -> list[Rule]:
        return [rule for rule in self.rules if rule.effect == effect and rule.covers(permission)]


def judge(standing: Standing, permission: Perm, link: Link | None = None, granted: Collection[tuple[str, str]] = ()) -> Decision:
    """The answer for a user. `granted`: the (kind, id) of the chain that a grant of theirs names. Without a link the permission alone counts."""
    if link is not None:
        for rule in standing.policies(Effect.DENY, permission):
            if any(rule.names(part) for part in link.chain()):
                return Decision(False, "policy_denied", f"policy:{rule.id}")
    if permission not in standing.permissions:
        return Decision(False, "permission_denied")
    if link is None:
        return Decision(True, "user", "role")
    via = _way(standing, permission, link, granted)
    return Decision(True, "user", via) if via else Decision(False, "out_of_scope")


def _way(standing: Standing, permission: Perm, link: Link, granted) -> str | None:
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
