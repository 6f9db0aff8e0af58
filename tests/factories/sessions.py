"""Workspaces, device operators and field sessions in any state, made straight in the database."""

from datetime import timedelta
from itertools import count

from config.kernel import clock
from operators.access.services import access_changed
from operators.workspaces import keys
from operators.workspaces.devices.models import DeviceOperator
from operators.workspaces.models import Member, Workspace
from sessions.field.models import FieldSession
from sessions.field.states import TERMINAL, EndReason, SessionState
from tests.factories.users import make_user
from tests.factories.wallets import SigningWallet

BOGOTA = (4.711, -74.072)
_numbers = count(1)


def make_workspace(slug: str = "", roles=("SUPPLIER",), *, wallet: SigningWallet | None = None, **members) -> Workspace:
    """A workspace; `members` are OWNER=user and so on. Its wallet's key is `.wallet`."""
    wallet = wallet or SigningWallet()
    slug = slug or f"workspace-{next(_numbers)}"
    workspace = Workspace.objects.create(slug=slug, name=slug.title(), wallet_address=wallet.address, roles=list(roles))
    Member.objects.bulk_create([Member(workspace=workspace, user=user, role=role) for role, user in members.items()])
    access_changed()
    workspace.wallet = wallet
    return workspace


def owned_workspace(slug: str = "", roles=("SUPPLIER",)) -> Workspace:
    """A workspace with its OWNER as `.owner`."""
    owner = make_user(f"owner{next(_numbers)}")
    workspace = make_workspace(slug, roles, OWNER=owner)
    workspace.owner = owner
    return workspace


def key_token(workspace: Workspace, *scopes: str, environment: str = "LIVE", owner=None) -> str:
    """The token of a new key of the workspace with these scopes; by its `.owner` unless one is given."""
    from operators.access.backend import actor_of_user

    scopes = scopes or ("sessions:read", "sessions:create" if "CONSUMER" in workspace.roles else "sessions:operate")
    actor = actor_of_user(owner or workspace.owner)
    return keys.mint(actor=actor, workspace=workspace, label="fleet", environment=environment, scopes=list(scopes))[1]


def make_operator(workspace: Workspace, label: str = "", *, at=BOGOTA, radius: int | None = 5000, seen: bool = True, **fields) -> DeviceOperator:
    """A device operator at home `at`, covering `radius` meters, heard just now unless `seen` is False."""
    now = clock.now()
    fields.setdefault("idle_since", now)
    if seen:
        fields.setdefault("last_seen_at", now)
    fields.setdefault("kind", "phone")
    label = label or f"Device {next(_numbers)}"
    return DeviceOperator.objects.create(workspace=workspace, label=label, home_lat=at[0], home_lng=at[1], coverage_radius_meters=radius, **fields)


def make_session(consumer: Workspace, state: str = "REQUESTED", *, operator: DeviceOperator | None = None, **fields) -> FieldSession:
    """A session of `consumer` in `state`, served by `operator` where the state has one; times fit the state."""
    now = clock.now()
    state = SessionState(state)
    if operator is not None and state != SessionState.REQUESTED:
        fields.setdefault("operator_workspace", operator.workspace)
        fields.setdefault("operator", operator)
        fields.setdefault("assigned_at", now)
        fields.setdefault("environment", operator.environment)
    if state in {SessionState.LIVE, SessionState.ENDED}:
        fields.setdefault("started_at", now)
    if state in TERMINAL:
        fields.setdefault("ended_at", now)
        fields.setdefault("end_reason", EndReason.DEADLINE if state == SessionState.EXPIRED else EndReason.CONSUMER)
    defaults = {"environment": "LIVE", "lat": BOGOTA[0], "lng": BOGOTA[1], "max_duration_seconds": 600, "rate_micro": 1000, "fee_bps": 1500}
    made = {**defaults, **fields}
    if made.get("geofence_polygon") is None:
        made.setdefault("geofence_radius_meters", 100)
    made.setdefault("hold_micro", made["rate_micro"] * made["max_duration_seconds"] if made["environment"] == "LIVE" else 0)
    made.setdefault("deadline_at", now + timedelta(seconds=made.get("wait_timeout_seconds") or made["max_duration_seconds"]))
    return FieldSession.objects.create(consumer_workspace=consumer, state=state, **made)
