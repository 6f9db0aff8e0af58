"""The one list of permissions (03 §6): what each lets, where it applies, which roles hold it, whether an API key may.

Letters are those of the spec's table. User roles: Owner, Admin, oPerator, Viewer, aUditor. Roles in a workspace: oWner, adMin, vieweR.
"""

from dataclasses import dataclass

from config.kernel.access import Perm
from operators.access.models import Role

_USER_ROLES = {"O": Role.OWNER, "A": Role.ADMIN, "P": Role.OPERATOR, "V": Role.VIEWER, "U": Role.AUDITOR}
_WORKSPACE_ROLES = {"W": "OWNER", "M": "ADMIN", "R": "VIEWER"}


@dataclass(frozen=True)
class Entry:
    """One permission.

    app        label of the app whose model declares the Django codename
    kind       scope kind of the objects it is asked about; empty: it is about the installation
    roles      user roles · workspace_roles: in that workspace only · key: may be a key's scope
    """

    perm: Perm
    lets: str
    app: str
    kind: str
    roles: frozenset[Role]
    workspace_roles: frozenset[str]
    key: bool

    @property
    def codename(self) -> str:
        """As Django and guardian write it: `nodes.node_read`."""
        return f"{self.app}.{self.perm.codename}"


def _entry(perm: Perm, lets: str, app: str, kind: str, user: str, workspace: str = "") -> Entry:
    letters = set(workspace)
    return Entry(
        perm,
        lets,
        app,
        kind,
        frozenset(_USER_ROLES[letter] for letter in user),
        frozenset(role for letter, role in _WORKSPACE_ROLES.items() if letter in letters),
        "K" in letters,
    )


_LIST = (
    _entry(Perm.SYSTEM_ADMIN, "Owners, audit verification and archive, installation settings", "operators", "", "O"),
    _entry(Perm.AUTH_MANAGE, "Users, groups, policies, others' sign-ins, OIDC discovery", "operators", "", "OA"),
    _entry(Perm.NODE_MANAGE, "Enrol, edit and rotate nodes, and their lifecycle", "nodes", "node", "OA"),
    _entry(Perm.SETTINGS_MANAGE, "Change settings", "operators", "settings", "OA"),
    _entry(Perm.RECORDING_DELETE, "Delete recordings", "recordings", "recording", "OA"),
    _entry(Perm.CONTROL_ROOM_DIRECT, "Invites, force release, delete operators, any role", "operators", "control_room", "OA"),
    _entry(Perm.NODE_CONTROL, "Command a node", "nodes", "node", "OAP"),
    _entry(Perm.LISTEN_MONITOR, "Listen to a channel", "nodes", "node", "OAP"),
    _entry(Perm.HEALTH_ACKNOWLEDGE, "Raise and handle health events", "nodes", "health_event", "OAP"),
    _entry(Perm.RECORDING_CREATE, "Start recordings", "recordings", "node", "OAP"),
    _entry(Perm.RECORDING_CONTROL, "Stop, retry and upload recordings", "recordings", "recording", "OAP"),
    _entry(Perm.RECORDING_EDIT, "Edit recordings", "recordings", "recording", "OAP"),
    _entry(Perm.SCHEDULE_MANAGE, "Edit schedules, run now, skip next", "recordings", "schedule", "OAP"),
    _entry(Perm.CONTROL_ROOM_OPERATE, "Register without an invite, and command", "operators", "control_room", "OAP"),
    _entry(Perm.NODE_READ, "Nodes, meters, status", "nodes", "node", "OAPV"),
    _entry(Perm.SCHEDULE_READ, "Schedules", "recordings", "schedule", "OAPV"),
    _entry(Perm.SETTINGS_READ, "Settings", "operators", "settings", "OAPV"),
    _entry(Perm.CONTROL_ROOM_READ, "State, people and locks of the control room", "operators", "control_room", "OAPV"),
    _entry(Perm.HEALTH_READ, "Health events", "nodes", "health_event", "OAPVU"),
    _entry(Perm.METRICS_READ, "Metrics", "operators", "", "OAPVU"),
    _entry(Perm.AUDIT_READ, "The audit trail", "audit", "", "OAU", "WM"),
    _entry(Perm.RECORDING_READ, "Library, jobs and uploads", "recordings", "recording", "OAPVU", "WMRK"),
    _entry(Perm.RECORDING_PLAYBACK, "Play recordings", "recordings", "recording", "OAPV", "WMRK"),
    _entry(Perm.RECORDING_DOWNLOAD, "Download recordings", "recordings", "recording", "OAPV", "WMK"),
    _entry(Perm.SESSIONS_READ, "Field sessions and viewer access", "live_sessions", "session", "OAPVU", "WMRK"),
    _entry(Perm.SESSIONS_CREATE, "Request, dispatch, cancel and end as consumer", "live_sessions", "session", "OA", "WMK"),
    _entry(Perm.SESSIONS_OPERATE, "Accept, start, end, publish, telemetry", "live_sessions", "session", "OA", "WMK"),
    _entry(Perm.WALLET_READ, "Balance, events and settlements", "live_sessions", "workspace", "OAU", "WMRK"),
    _entry(Perm.WALLET_ADJUST, "Book deposits and withdrawals", "live_sessions", "workspace", "OA"),
    _entry(Perm.SETTLEMENT_VOID, "Void settlements, reject disputes", "live_sessions", "workspace", "OA"),
    _entry(Perm.KEY_MANAGE, "List and revoke API keys", "operators", "workspace", "OA", "W"),
    _entry(Perm.PRICING_READ, "Quotes", "live_sessions", "workspace", "OAP", "WMRK"),
    _entry(Perm.WORKSPACE_READ, "Workspaces and their members", "operators", "workspace", "OAU", "WMRK"),
    _entry(Perm.WORKSPACE_MANAGE, "Edit workspaces and their members", "operators", "workspace", "OA", "WM"),
    _entry(Perm.OPERATORS_READ, "Device operators of a supplier", "operators", "device_operator", "OAPV", "WMRK"),
    _entry(Perm.OPERATORS_WRITE, "Edit device operators", "operators", "device_operator", "OA", "WMK"),
    _entry(Perm.AGENT_READ, "Agents and their revisions", "operators", "agent", "OAPVU", "WMRK"),
    _entry(Perm.AGENT_MANAGE, "Create, draft, release and delete agents", "operators", "agent", "OA", "WMK"),
    _entry(Perm.CONVERSATION_READ, "Events and transcripts of conversations", "live_sessions", "conversation", "OAPVU", "WMRK"),
    _entry(Perm.CONVERSATION_CREATE, "Create and schedule conversations", "live_sessions", "conversation", "OAP", "WMK"),
    _entry(Perm.CONVERSATION_CONTROL, "Cancel, end, take over, inject, mint tokens", "live_sessions", "conversation", "OAP", "WMK"),
    _entry(Perm.CONVERSATION_MANAGE, "Delete conversations", "live_sessions", "conversation", "OA", "WMK"),
    _entry(Perm.WEBHOOK_MANAGE, "Webhook endpoints, deliveries and redelivery", "operators", "webhook", "OA", "WMK"),
)

CATALOGUE: dict[Perm, Entry] = {entry.perm: entry for entry in _LIST}
BY_CODENAME: dict[str, Perm] = {entry.codename: entry.perm for entry in _LIST}
# The admin opens to whoever holds one of these by a user role.
STAFF = frozenset({Perm.AUTH_MANAGE, Perm.AUDIT_READ, Perm.SETTINGS_MANAGE, Perm.NODE_MANAGE, Perm.SCHEDULE_MANAGE})


def permissions_of(roles) -> frozenset[Perm]:
    """What these user roles allow together, somewhere."""
    held = frozenset(roles)
    return frozenset(entry.perm for entry in _LIST if entry.roles & held)


def permissions_in_workspace(role: str) -> frozenset[Perm]:
    """What a member of this role may do in their workspace."""
    return frozenset(entry.perm for entry in _LIST if role in entry.workspace_roles)


def key_scope(permission: Perm) -> bool:
    """The port: whether an API key may hold this permission."""
    return CATALOGUE[permission].key
