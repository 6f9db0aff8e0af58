"""What an actor has and reaches: `standing_of`, `decide`, and `scoped`, which is `decide` as one WHERE."""

from collections.abc import Iterable
from functools import cache
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Value

from config.kernel.access import Actor, Decision, Kind, Perm, Reach
from operators.access import facts, scopes
from operators.access.catalogue import CATALOGUE, STAFF, permissions_in_workspace, permissions_of
from operators.access.decision import WORKSPACE, Console, Rule, Standing, judge
from operators.access.models import EVERYTHING, AccessPolicy, Effect, Role, SubjectType
from operators.console.models import ConsoleOperator, ControlRoom
from operators.console.states import permissions_of as permissions_of_production
from operators.console.states import picked_with
from operators.workspaces.models import ApiKey, Member

_NOBODY = Standing(user_id="")
_NO_ROW = Q(pk__in=())


def standing_of_user(user, commanding: str | None = None) -> Standing:
    """Roles, memberships, policies and global grants of a user, in one statement. `commanding`: a subsystem (`operators.console.lock_guard`)."""
    known = facts.of(user)
    permissions = permissions_of(known.roles)
    return Standing(
        user_id=str(user.pk),
        group_ids=tuple(known.group_ids),
        roles=frozenset(known.roles),
        permissions=permissions,
        rules=tuple(Rule(pk, effect, frozenset(held), kind, resource) for pk, effect, kind, resource, held in known.rules),
        everywhere=frozenset(
            kind.name for kind in scopes.every() if kind.grant_models and (kind.model._meta.app_label, kind.codename) in known.grants
        ),
        tenant={workspace: permissions_in_workspace(role) for workspace, role in known.members},
        console=_production(known.production, permissions, commanding),
    )


def _production(produces: tuple[str, str] | None, permissions: frozenset[Perm], commanding: str | None) -> Console | None:
    """By an invite, or by a permission that must still be held."""
    if produces is None:
        return None
    role, picked = produces
    return _console(role, commanding) if not picked or permissions & set(picked_with(role)) else None


def _console(role: str, commanding: str | None) -> Console:
    """The production role as a standing; how far it reaches is looked up when something is in question that only it could open."""
    return Console(role, permissions_of_production(role, commanding), cache(_room_reach))


def _room_reach() -> tuple[list[Rule], frozenset[str]]:
    room = ControlRoom.objects.filter(slug="main").first()
    sites = [EVERYTHING] if room is None or room.sites is None else [str(pk) for pk in room.sites]
    rules = [Rule("control-room", Effect.ALLOW, frozenset({EVERYTHING}), "site", site) for site in sites]
    return rules, workspaces_of_room(room)


def workspaces_of_room(room: ControlRoom | None) -> frozenset[str]:
    """Ids of the workspaces whose sessions a control room produces: those set for it, else those of the installation's owners."""
    if room is not None and room.workspaces is not None:
        return frozenset(map(str, room.workspaces))
    return frozenset(str(pk) for pk in Member.objects.filter(user__in=owners()).values_list("workspace_id", flat=True))


def _standing_of_operator(operator: ConsoleOperator, commanding: str | None) -> Standing:
    """A console operator stands by role alone; what is said about everyone is said about them, and what is said about their user or its groups."""
    rules = _rules(Q(subject_type=SubjectType.EVERYONE)) if operator.user is None else standing_of_user(operator.user).rules
    return Standing(user_id="", rules=rules, console=_console(operator.role, commanding))


def _standing_of_key(key: ApiKey) -> Standing:
    """A key stands in its workspace with its scopes, in its environment; what is said about everyone is said about it."""
    scopes_held = frozenset(perm for perm in CATALOGUE if perm in key.scopes)
    tenant = {str(key.workspace_id): scopes_held}
    return Standing(user_id="", rules=_rules(Q(subject_type=SubjectType.EVERYONE)), tenant=tenant, tenant_rule="key", environment=key.environment)


def _rules(about: Q) -> tuple[Rule, ...]:
    return tuple(
        Rule(str(row.pk), row.effect, frozenset(row.permissions), row.resource_type, row.resource_id)
        for row in AccessPolicy.objects.filter(about).order_by("effect", "resource_type", "pk")
    )


def standing_of(actor: Actor) -> Standing:
    """The standing of whoever asks, resolved once for each actor object: of users and of keys; everyone else stands with nothing."""
    if "standing" not in actor.memo:
        actor.memo["standing"] = _standing(actor)
    return actor.memo["standing"]


def _standing(actor: Actor) -> Standing:
    if actor.subject is None:
        return _NOBODY
    commanding = actor.memo.get("commanding")
    if actor.kind is Kind.API_KEY:
        return _standing_of_key(actor.subject)
    if actor.kind is Kind.CONSOLE_OPERATOR:
        return _standing_of_operator(actor.subject, commanding)
    return standing_of_user(actor.subject, commanding) if actor.kind is Kind.USER and actor.subject.is_active else _NOBODY


def opens_admin(actor: Actor) -> bool:
    """Whether the admin opens: one of five permissions (03 §1), by a user role."""
    return bool(STAFF & standing_of(actor).permissions)


def is_staff(user) -> bool:
    """`opens_admin` of a user nobody is acting as."""
    return user.is_active and bool(STAFF & standing_of_user(user).permissions)


def decide(actor: Actor, permission: Perm, obj: Model | None = None) -> Decision:
    """The port: may `actor` do this (to `obj`)? LookupError for an object whose kind nobody registered."""
    return decide_each(actor, [permission], obj)[permission]


def decide_each(actor: Actor, permissions: Iterable[Perm], obj: Model | None = None) -> dict[Perm, Decision]:
    """The port: `decide` for several permissions on one object, which is climbed once."""
    standing = standing_of(actor)
    if obj is None:
        return {permission: judge(standing, permission) for permission in permissions}
    link = scopes.link_of(obj)
    granted = granted_in(standing, link)
    return {permission: judge(standing, permission, link, granted) for permission in permissions}


def granted_in(standing: Standing, link: scopes.Link) -> set[tuple[str, str]]:
    """The parts of the chain that a grant of the user or of a group names, in one statement."""
    if standing.unscoped_role or not standing.permissions:
        return set()
    parts = {(part.kind, part.id): scopes.named(part.kind) for part in link.chain()}
    found = [
        rows.filter(content_object_id=pk).annotate(kind=Value(name), named=Value(pk)).values_list("kind", "named")
        for (name, pk), kind in parts.items()
        if kind and kind.grant_models
        for rows in _grants(standing, kind)
    ]
    return set(found[0].union(*found[1:])) if found else set()


def _grants(standing: Standing, kind: scopes.ScopeKind) -> tuple[QuerySet, QuerySet]:
    """The rows of the user's own grants and of their groups'."""
    users, groups = kind.grant_models
    return (
        users.objects.filter(user_id=standing.user_id, permission__codename=kind.codename),
        groups.objects.filter(group_id__in=standing.group_ids, permission__codename=kind.codename),
    )


def _granted_ids(standing: Standing, kind: scopes.ScopeKind) -> QuerySet:
    mine, groups = _grants(standing, kind)
    return mine.values("content_object_id").union(groups.values("content_object_id"))


def scoped(queryset: QuerySet, actor: Actor, permission: Perm) -> QuerySet:
    """The port: the rows of `queryset` that `decide` would allow, as one WHERE; the model must be a registered kind."""
    kind = scopes.of(queryset.model)
    standing = standing_of(actor)
    by_role = permission in standing.permissions
    workspaces = standing.workspaces(permission)
    by_console = standing.by_console(permission)
    if not by_role and not workspaces and not by_console:
        return queryset.none()
    denies = standing.policies(Effect.DENY, permission)
    if denies:
        # An anti-join by primary key: a null ancestor must not drop the row, as NOT IN would.
        denied = _named(kind.name, "pk", denies)
        if denied is not None:
            queryset = queryset.filter(~Exists(kind.model._base_manager.filter(denied, pk=OuterRef("pk"))))
    if (by_role and standing.unscoped_role) or ((by_role or by_console) and kind.open):
        return queryset
    reached = _reached(kind.name, "pk", standing, standing.policies(Effect.ALLOW, permission)) if by_role else None
    tenancy = _in_workspaces(kind.name, "pk", workspaces, standing.environment) if workspaces else None
    produced = _in_control_room(kind.name, standing.console) if by_console else None
    return queryset.filter(_any(reached, tenancy, produced) or _NO_ROW)


def _in_control_room(name: str, console: Console) -> Q | None:
    """Rows in the reach of the control room (`decision.console_way` as SQL)."""
    sites, workspaces = console.reach()
    return _any(_reached(name, "pk", _NOBODY, sites), _in_workspaces(name, "pk", workspaces, "") if workspaces else None)


def _matched(kind: scopes.ScopeKind | None, name: str, column: str, rules: list[Rule]) -> Q | None:
    """Rows whose `column` holds an id of kind `name` that a rule names itself."""
    if kind is not None and not kind.policies:
        return None
    ids = {rule.resource_id for rule in rules if rule.resource_type == name}
    if EVERYTHING in ids:
        return Q(**{f"{column}__isnull": False})
    known = sorted(filter(None, map(_uuid, ids)))
    return Q(**{f"{column}__in": known}) if known else None


def _uuid(text: str) -> UUID | None:
    """The id, if it is one: a policy is text, and a bad one names nothing."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _any(*parts: Q | None) -> Q | None:
    """OR of what is there; None: no row."""
    combined = None
    for part in parts:
        if part is not None:
            combined = part if combined is None else combined | part
    return combined


def _above(kind: scopes.ScopeKind, column: str, condition: Q | None) -> Q | None:
    """`condition` on rows of `kind`, as a condition on the column that points at them."""
    if condition is None or column == "pk":
        return condition
    return Q(**{f"{column}__in": kind.model._base_manager.filter(condition).values("pk")})


def _named(name: str, column: str, rules: list[Rule]) -> Q | None:
    """Rows with an id of kind `name` in `column` where a rule names it or anything above it."""
    kind = scopes.named(name)
    parents = [_named(parent, parent_column, rules) for parent, parent_column in kind.ancestors] if kind else []
    return _any(_matched(kind, name, column, rules), _above(kind, column, _any(*parents)) if kind else None)


def _reached(name: str, column: str, standing: Standing, allows: list[Rule]) -> Q | None:
    """Rows with an id of kind `name` in `column` to which a policy or a grant opens a way (`decision._reach` as SQL)."""
    kind = scopes.named(name)
    own = _matched(kind, name, column, allows)
    if kind is None:
        return own
    if name in standing.everywhere:
        own = Q(**{f"{column}__isnull": False})
    elif kind.grant_models and standing.user_id:
        own = _any(own, Q(**{f"{column}__in": _granted_ids(standing, kind)}))
    parents = [(parent_column, _reached(parent, parent_column, standing, allows)) for parent, parent_column in kind.ancestors]
    way = _all_of(parents) if kind.all_of else _any(*(part for _, part in parents))
    return _any(own, _above(kind, column, way))


def _in_workspaces(name: str, column: str, workspaces: frozenset[str], environment: str) -> Q | None:
    """Rows with an id of kind `name` in `column` that lie in one of these workspaces (`decision._tenancy` as SQL)."""
    kind = scopes.named(name)
    if name == WORKSPACE:
        return Q(**{f"{column}__in": sorted(workspaces)})
    if kind is None or not kind.ancestors:
        return None
    parents = [(above, _in_workspaces(parent, above, workspaces, environment)) for parent, above in kind.ancestors]
    way = _all_of(parents) if kind.all_of else _any(*(part for _, part in parents))
    if way is not None and environment and kind.environment:
        way &= Q(**{kind.environment: environment}) | Q(**{f"{kind.environment}__isnull": True})
    return _above(kind, column, way)


def _all_of(parents: list[tuple[str, Q | None]]) -> Q | None:
    """Each ancestor that is there is reached, and there is one."""
    some, every = None, None
    for column, reached in parents:
        absent = Q(**{f"{column}__isnull": True})
        some = _any(some, ~absent)
        part = _any(absent, reached)
        every = part if every is None else every & part
    return every & some if some is not None else None


def ancestors(kind: str, pk) -> list[str]:
    """The port: everything above an object, as `kind:id`."""
    return [f"{link.kind}:{link.id}" for link in list(scopes.link_to(kind, pk).chain())[1:]]


def reach(actor: Actor, permission: Perm) -> Reach:
    """The port: how far a permission reaches, for rows that keep their ancestors as text."""
    standing = standing_of(actor)
    denies = tuple(f"{rule.resource_type}:{rule.resource_id}" for rule in standing.policies(Effect.DENY, permission))
    workspaces = tuple(sorted(standing.workspaces(permission)))
    if permission not in standing.permissions:
        return Reach(deny=denies, workspaces=workspaces)
    if standing.unscoped_role:
        return Reach(holder=True, everything=True, deny=denies, workspaces=workspaces)
    allow = [f"{rule.resource_type}:{rule.resource_id}" for rule in standing.policies(Effect.ALLOW, permission)]
    allow += [f"{kind.name}:{EVERYTHING}" for kind in scopes.every() if kind.open or kind.name in standing.everywhere]
    allow += [f"{kind.name}:{row['content_object_id']}" for kind in scopes.every() if kind.grant_models for row in _granted_ids(standing, kind)]
    return Reach(holder=True, allow=tuple(dict.fromkeys(allow)), deny=denies, workspaces=workspaces)


def rows_in_scope(kind: str, ids: Iterable, actor: Actor, permission: Perm) -> dict[str, Model]:
    """The port: by its id as it was written, each of these rows that there is for the actor; nothing for a kind that nobody registered."""
    registered = scopes.named(kind)
    if registered is None:
        return {}
    asked = {str(given): pk for given in ids if (pk := scopes.pk_of(registered.model, given)) is not None}
    rows = {row.pk: row for row in scoped(registered.model._base_manager.filter(pk__in=set(asked.values())), actor, permission)}
    return {given: rows[pk] for given, pk in asked.items() if pk in rows}


def model_of(kind: str) -> type[Model] | None:
    """The port: whose rows a kind is."""
    registered = scopes.named(kind)
    return registered.model if registered is not None else None


def roles_of(user) -> list[str]:
    """The user's own roles, in the catalogue's order."""
    held = {row.role for row in user.role_rows.all()}
    return [role.value for role in Role if role in held]


def owners() -> QuerySet:
    """Users who hold the role owner, themselves or by a group."""
    from operators.identity.models import User

    return User.objects.filter(Q(role_rows__role=Role.OWNER) | Q(groups__role_rows__role=Role.OWNER)).distinct()


def enabled_owners() -> QuerySet:
    """Those of them who may sign in."""
    return owners().filter(disabled_at=None)
