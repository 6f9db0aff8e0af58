"""Who asks, what they ask for, and the ports through which the apps answer.

`Perm` are the strings of 03 §6 (roles are assigned to them in `operators/access/catalogue.py`). A port that no app has filled refuses.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from config.kernel.errors import ApiError

# What changes something: needs a lock or an exemption, a length, and from a browser its CSRF token.
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Perm(StrEnum):
    """Every permission string, once."""

    SYSTEM_ADMIN = "system:admin"
    AUTH_MANAGE = "auth:manage"
    NODE_MANAGE = "node:manage"
    SETTINGS_MANAGE = "settings:manage"
    RECORDING_DELETE = "recording:delete"
    CONTROL_ROOM_DIRECT = "control-room:direct"
    NODE_CONTROL = "node:control"
    LISTEN_MONITOR = "listen:monitor"
    HEALTH_ACKNOWLEDGE = "health:acknowledge"
    RECORDING_CREATE = "recording:create"
    RECORDING_CONTROL = "recording:control"
    RECORDING_EDIT = "recording:edit"
    SCHEDULE_MANAGE = "schedule:manage"
    CONTROL_ROOM_OPERATE = "control-room:operate"
    NODE_READ = "node:read"
    SCHEDULE_READ = "schedule:read"
    SETTINGS_READ = "settings:read"
    CONTROL_ROOM_READ = "control-room:read"
    HEALTH_READ = "health:read"
    METRICS_READ = "metrics:read"
    AUDIT_READ = "audit:read"
    RECORDING_READ = "recording:read"
    RECORDING_PLAYBACK = "recording:playback"
    RECORDING_DOWNLOAD = "recording:download"
    SESSIONS_READ = "sessions:read"
    SESSIONS_CREATE = "sessions:create"
    SESSIONS_OPERATE = "sessions:operate"
    WALLET_READ = "wallet:read"
    WALLET_ADJUST = "wallet:adjust"
    SETTLEMENT_VOID = "settlement:void"
    KEY_MANAGE = "key:manage"
    PRICING_READ = "pricing:read"
    WORKSPACE_READ = "workspace:read"
    WORKSPACE_MANAGE = "workspace:manage"
    OPERATORS_READ = "operators:read"
    OPERATORS_WRITE = "operators:write"
    AGENT_READ = "agent:read"
    AGENT_MANAGE = "agent:manage"
    CONVERSATION_READ = "conversation:read"
    CONVERSATION_CREATE = "conversation:create"
    CONVERSATION_CONTROL = "conversation:control"
    CONVERSATION_MANAGE = "conversation:manage"
    WEBHOOK_MANAGE = "webhook:manage"

    @property
    def codename(self) -> str:
        """Django's codename: `control-room:direct` → `control_room_direct`."""
        return self.value.replace("-", "_").replace(":", "_")


class Subsystem(StrEnum):
    """What a lock can hold (04)."""

    SWITCHING = "switching"
    AUDIO = "audio"
    GRAPHICS = "graphics"
    REPLAY = "replay"
    OUTPUT = "output"
    CAPTIONS = "captions"


# What a production role reads beside the control room itself; listening only for some (`operators.console.states`).
PRODUCTION_READS = frozenset(
    {
        Perm.CONTROL_ROOM_READ,
        Perm.NODE_READ,
        Perm.RECORDING_READ,
        Perm.RECORDING_PLAYBACK,
        Perm.SCHEDULE_READ,
        Perm.HEALTH_READ,
        Perm.SESSIONS_READ,
    }
)


class Kind(StrEnum):
    """Kinds of credential holders."""

    USER = "user"
    API_KEY = "api_key"
    CONSOLE_OPERATOR = "console_operator"
    NODE = "node"
    EPHEMERAL_TOKEN = "ephemeral_token"
    INVITE = "invite"
    PROGRAM = "program"
    EDGE = "edge"
    CALENDAR = "calendar"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Actor:
    """Who asks. `id` is the user's, node's, key's id as text; `label` is a snapshot for people and the audit."""

    kind: Kind
    id: str | None = None
    label: str = ""
    on_behalf_of: tuple[str, str, str] | None = None
    credential_prefix: str = ""
    credential_id: str | None = None
    sign_in_id: str | None = None
    by_cookie: bool = False
    pinned_version: str | None = None
    must_change_password: bool = False
    # When the credential ends by itself; None: it does not, or its end is asked for each time.
    until: datetime | None = None
    # LIVE or TEST where the credential has one (API keys); empty: both worlds.
    environment: str = ""
    # The row behind the credential (User, Node, …), for the app that loaded it; and a memo of what access resolved for this actor.
    subject: object | None = field(default=None, compare=False, repr=False)
    memo: dict = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_anonymous(self) -> bool:
        return self.kind is Kind.ANONYMOUS


ANONYMOUS = Actor(kind=Kind.ANONYMOUS, label="anonymous")


def system(task: str, on_behalf_of: tuple[str, str, str] | None = None) -> Actor:
    """The actor of a scheduled or queued task, labelled by its name."""
    return Actor(kind=Kind.SYSTEM, id=None, label=task, on_behalf_of=on_behalf_of)


@dataclass(frozen=True)
class Decision:
    """An answer and why: `rule` names the step that decided (03 §7), `via` the role, policy or grant."""

    allowed: bool
    rule: str
    via: str = ""


def _refuse(*_args, **_kwargs):
    return Decision(False, "permission_denied")


def _no_rows(queryset, *_args, **_kwargs):
    return queryset.none()


def _nothing(*_args, **_kwargs):
    return None


@dataclass(frozen=True)
class Reach:
    """How far a permission reaches for an actor, for rows that hold their ancestors as text (audit events).

    Terms are `kind:id`, or `kind:*` for every object of a kind. holder: the permission comes from a user role · everything: no term is
    needed (owner, admin) · allow: in reach by an allow policy, a grant or as an open kind; counts for a holder · deny: matched by a deny policy, which beats
    everything · workspaces: ids of the workspaces in which a member's role or a key gives the permission.
    """

    holder: bool = False
    everything: bool = False
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()


def _no_reach(*_args, **_kwargs):
    return Reach()


def _no_ancestors(*_args, **_kwargs):
    return []


def _require_permission(actor, route):
    """Without a control room nothing is locked."""
    if route.permission is not None:
        require(actor, route.permission)


class Ports:
    """Filled by apps in `ready()`.

    decide(actor, perm, obj=None) -> Decision · decide_each(actor, perms, obj) -> {perm: Decision} ·
    scoped(queryset, actor, perm) -> queryset · cookie_actor(request) -> Actor | None ·
    admit(actor, route) lets who may command through to a guarded route or raises (`permission_denied`, `operator_required`, `role_not_permitted`) ·
    check_lock(actor, route) raises `subsystem_locked` if somebody else holds the route's lock ·
    commanded(actor, route, action, target) inside the transaction of a guarded command, before it commits · record(verb, **facts) writes an audit row (see audit.services.record) ·
    refused(error, request, view) hears of every refused or failed request · access_epoch() -> int, raised when anyone's access changes ·
    ancestors(kind, id) -> ["site:…"], everything above an object as text · reach(actor, perm) -> Reach ·
    key_scope(perm) -> bool, whether an API key may hold it · rows_in_scope(kind, ids, actor, perm) -> {id as text: row}, what of these ids there
    is for this actor · model_of(kind) -> the model of a registered kind, or None.
    """

    decide: Callable = staticmethod(_refuse)
    decide_each: Callable = staticmethod(lambda _actor, permissions, _obj: dict.fromkeys(permissions, _refuse()))
    scoped: Callable = staticmethod(_no_rows)
    cookie_actor: Callable = staticmethod(_nothing)
    admit: Callable = staticmethod(_require_permission)
    check_lock: Callable = staticmethod(_nothing)
    commanded: Callable = staticmethod(_nothing)
    record: Callable = staticmethod(_nothing)
    refused: Callable = staticmethod(_nothing)
    access_epoch: Callable = staticmethod(lambda: 0)
    ancestors: Callable = staticmethod(_no_ancestors)
    reach: Callable = staticmethod(_no_reach)
    key_scope: Callable = staticmethod(lambda _permission: False)
    rows_in_scope: Callable = staticmethod(lambda *_args: {})
    model_of: Callable = staticmethod(_nothing)


ports = Ports()
_credential_kinds: dict[str, tuple[Kind, Callable[[str], Actor]]] = {}


def register_credential(prefix: str, kind: Kind, load: Callable[[str], Actor]) -> None:
    """`load(token)` returns the Actor or raises ApiError credential_invalid, _expired or _revoked. `prefix` ends in `_`."""
    _credential_kinds[prefix] = (kind, load)


def credential_kind(prefix: str) -> tuple[Kind, Callable[[str], Actor]] | None:
    """What `register_credential` stored for this prefix."""
    return _credential_kinds.get(prefix)


@dataclass(frozen=True)
class Route:
    """What one action of a viewset asks for; every action has one (check operators.E001).

    permission  asked without an object before anything is looked up; None with `kinds` means any holder of these kinds
    kinds       credential kinds accepted, and with users also API keys where the permission may be a key's scope (`accepts`); others get 401
                credential_not_accepted
    public      no credential needed (a bad one is still refused)
    subsystem / exempt  every unsafe action declares one of them (04 §2); `exempt` is the reason in words
    node_kwarg  for node credentials: the path argument that must equal the credential's node
    label       audit permission of agent routes, where no permission is checked
    before_password_change  answers also to a user who must change their password first
    query       query parameters known to this action, beside those of the viewset's filters on list, facets and export
    errors      codes of the registry that are particular to this action (OpenAPI, docs)
    """

    permission: Perm | None = None
    kinds: frozenset[Kind] = frozenset({Kind.USER})
    public: bool = False
    subsystem: Subsystem | None = None
    exempt: str = ""
    node_kwarg: str = ""
    label: Perm | None = None
    before_password_change: bool = False
    query: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    # A file of rows: for people and keys, not for console operators.
    is_export: bool = False

    @property
    def accepts(self) -> frozenset[Kind]:
        """Every kind that this action takes: `kinds`; where people may come by a permission, keys that may hold it; and console operators on
        guarded actions, and on reads of what a production role reads (04 §1)."""
        accepted = self.kinds
        if Kind.USER in self.kinds and self.permission is not None:
            if ports.key_scope(self.permission):
                accepted |= {Kind.API_KEY}
            # Asking for a link to listen by is a read, too, though it is a POST.
            reads = self.permission in PRODUCTION_READS and not self.is_export and (not self.exempt or self.permission is Perm.RECORDING_PLAYBACK)
            if self.subsystem is not None or reads:
                accepted |= {Kind.CONSOLE_OPERATOR}
        return accepted


def require(actor: Actor, permission: Perm, obj=None) -> None:
    """Raise the product's refusal unless `decide` allows.

    Without an object: 403 naming the permission. With one: callers get objects from scoped selectors first, so a refusal here is a 403.
    """
    decision = ports.decide(actor, permission, obj)
    if not decision.allowed:
        raise _denied(permission, decision)


def refusal(actor: Actor, permission: Perm, obj=None) -> ApiError:
    """403 for whoever may see the object and lacks this permission on it: it says which, and the rule that decided."""
    return _denied(permission, ports.decide(actor, permission, obj))


def _denied(permission: Perm, decision: Decision) -> ApiError:
    return ApiError("permission_denied", data={"permission": permission.value, "rule": decision.rule})


def holds(actor: Actor, permission: Perm) -> bool:
    """Whether the actor has the permission at all, somewhere."""
    return ports.decide(actor, permission, None).allowed
