"""Kinds of things that a policy or a grant can name, and how each reaches up to its ancestors (03 §7).

The app that owns a kind registers it in its `ready()`; nothing here imports a higher app:

    scopes.register_kind("site", Site, grant_models=(SiteUserGrant, SiteGroupGrant))
    scopes.register_kind("node", Node, ancestors={"site": "site_id"}, grant_models=(NodeUserGrant, NodeGroupGrant))
    scopes.register_kind("interface", Interface, ancestors={"node": "node_id", "room": "room_id"})
    scopes.register_kind("recording", Recording, ancestors={"node": "node_id", "schedule": "schedule_id"}, grant_models=(…, …))
    scopes.register_kind("health_event", HealthEvent, ancestors={"node": "node_id", "recording": "recording_id"}, all_of=True)
    scopes.register_kind("recording_profile", RecordingProfile, open=True)

- `ancestors`: kind → column of this model that holds the ancestor's id (a foreign key's attname or a plain UUID column; a tuple when
  several columns name the same kind). Null means "no such ancestor". An ancestor kind may be registered later, or never.
- `grant_models`: the direct tables of a granted kind (site, node, schedule, recording, field session), subclasses of
  `operators.access.grants.UserGrant` and `GroupGrant`; the model declares the one codename in its Meta:
  `default_permissions = ()`, `permissions = [("scope_node", "Node is in reach"), (Perm.NODE_READ.codename, …), …]`.
- `open`: settings; whoever holds the permission reaches all rows, only a deny policy hides one.
- `all_of`: reached through its ancestors only if every one that it names is in reach (health events).
- `environment`: the column that says LIVE or TEST; a key of the other environment finds no way through such a row (§5).
- `policies=False`: no policy applies (users, groups, policies themselves: an owner can always undo one).
- `granted` may be passed for readers' sake; it must agree with `grant_models`.

Then `ports.scoped(Node.objects.all(), actor, Perm.NODE_READ)` and `ports.decide(actor, Perm.NODE_READ, node)` work for the model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter

from django.core.exceptions import ValidationError
from django.db.models import Model


@dataclass(frozen=True)
class ScopeKind:
    """One registered kind. `ancestors` are (kind, column) pairs; `grant_models` (user table, group table) or None."""

    name: str
    model: type[Model]
    ancestors: tuple[tuple[str, str], ...] = ()
    open: bool = False
    grant_models: tuple[type[Model], type[Model]] | None = None
    all_of: bool = False
    policies: bool = True
    environment: str = ""

    @property
    def codename(self) -> str:
        """The one codename of a granted kind, held on an object or globally ("*")."""
        return f"scope_{self.name}"


@dataclass(frozen=True)
class Link:
    """An object in its chain: what it is, and the links above it."""

    kind: str
    id: str
    parents: tuple["Link", ...] = ()
    open: bool = False
    all_of: bool = False
    policies: bool = True
    environment: str | None = None

    def chain(self) -> Iterator["Link"]:
        """This link, then everything above it."""
        yield self
        for parent in self.parents:
            yield from parent.chain()


_by_name: dict[str, ScopeKind] = {}
_by_model: dict[type[Model], ScopeKind] = {}


def register_kind(
    kind: str,
    model: type[Model],
    ancestors: Mapping[str, str | tuple[str, ...]] | None = None,
    *,
    granted: bool | None = None,
    open: bool = False,  # noqa: A002 - the spec's word
    grant_models: tuple[type[Model], type[Model]] | None = None,
    all_of: bool = False,
    policies: bool = True,
    environment: str = "",
) -> None:
    """See the module. Registering the same kind for another model is an error; again for the same model replaces it."""
    if granted is not None and granted != (grant_models is not None):
        raise ValueError(f"{kind}: a granted kind needs grant_models, another has none")
    if kind in _by_name and _by_name[kind].model is not model:
        raise ValueError(f"{kind} is registered for {_by_name[kind].model}")
    pairs = tuple(
        (parent, column) for parent, columns in (ancestors or {}).items() for column in ((columns,) if isinstance(columns, str) else columns)
    )
    _by_name[kind] = _by_model[model] = ScopeKind(kind, model, pairs, open, grant_models, all_of, policies, environment)


def named(kind: str) -> ScopeKind | None:
    """The registered kind of this name."""
    return _by_name.get(kind)


def of(model: type[Model]) -> ScopeKind:
    """The kind of a model; LookupError for one that nobody registered, because its rows would have no rule."""
    kind = _by_model.get(model._meta.concrete_model)
    if kind is None:
        raise LookupError(f"{model.__name__} is no registered scope kind (operators.access.scopes.register_kind)")
    return kind


def pk_of(model: type[Model], given):
    """`given` as a primary key of this model; None for what can be none."""
    field = model._meta.pk
    try:
        key = field.to_python(given)
        # A number may be one that no column of its kind can hold.
        field.run_validators(key)
    except ValidationError:
        return None
    return key


def every() -> list[ScopeKind]:
    """All kinds, by name."""
    return [_by_name[name] for name in sorted(_by_name)]


def link_of(obj: Model) -> Link:
    """The chain of a row, ancestors looked up by id (a query for each one that has ancestors of its own)."""
    kind = of(type(obj))
    return _link(kind, obj.pk, [attrgetter(column.replace("__", "."))(obj) for column in _columns(kind)], {})


def link_to(kind_name: str, pk) -> Link:
    """The chain of (kind, id); one that is unknown or gone stands alone."""
    return _climb(kind_name, pk, {})


def _columns(kind: ScopeKind) -> list[str]:
    """What of a row makes its link: the columns of its ancestors, then that of its environment."""
    return [column for _, column in kind.ancestors] + ([kind.environment] if kind.environment else [])


def _climb(kind_name: str, pk, seen: dict) -> Link:
    if (kind_name, pk) not in seen:
        kind = named(kind_name)
        columns = _columns(kind) if kind else []
        values = kind.model._base_manager.filter(pk=pk).values_list(*columns).first() if columns else None
        seen[kind_name, pk] = _link(kind, pk, values or (), seen) if kind else Link(kind_name, str(pk))
    return seen[kind_name, pk]


def _link(kind: ScopeKind, pk, values, seen: dict) -> Link:
    parents = tuple(_climb(parent, value, seen) for (parent, _), value in zip(kind.ancestors, values, strict=False) if value is not None)
    environment = values[len(kind.ancestors)] if kind.environment and values else None
    return Link(kind.name, str(pk), parents, kind.open, kind.all_of, kind.policies, environment)
