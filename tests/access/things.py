"""What the matrix asks about: one entry for each kind of thing, made once for a world.

    "schedule": Thing("site", Perm.SCHEDULE_READ, lambda world: {"id": make_schedule(world.node).pk}),

A new kind of thing needs one entry here, and a body in `bodies.BODIES` for each write that needs one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from config.kernel import clock
from config.kernel.access import Perm, ports
from config.kernel.ids import uuid7
from nodes import verbs
from nodes.health.services import raise_event
from operators.access.models import AccessPolicy
from operators.identity.models import SignIn
from operators.webhooks.models import WebhookDelivery, WebhookEndpoint
from operators.workspaces.devices.models import DeviceKey
from recordings.jobs.models import Job
from recordings.library.models import Marker, Recording, RecordingFile
from recordings.replay.models import ReplayClip
from sessions.settlement.ledger import books
from sessions.settlement.states import BookingKind
from tests.access.world import World
from tests.factories.nodes import make_room
from tests.factories.sessions import make_operator, make_session
from tests.factories.users import make_user
from tests.sessions.settlement.helpers import ended


@dataclass(frozen=True)
class Thing:
    """A kind.

    home   what opens the way to it: `site`, `workspace`, `both` (either), `open` (any role that holds the permission, unless denied),
           `installation` (the same, and no policy applies)
    read   the permission whose refusal on it makes it hidden
    make   (world) → values of the route's arguments by name; the first one is its id
    environment  it belongs to LIVE, so a TEST key does not see it
    """

    home: str
    read: Perm | None
    make: Callable[[World], dict]
    environment: bool = False

    def ids(self, world: World, name: str) -> dict:
        """Its path arguments, made at the first call."""
        if name not in world.made:
            world.made[name] = self.make(world)
        return world.made[name]


def _room(world: World) -> dict:
    return {"id": make_room(world.site).pk}


def _recording(world: World) -> dict:
    """One with a file in the library; nothing is under way on its node."""
    now = clock.now()
    row = Recording.objects.create(
        source="ad_hoc", name="Take", search_text="take", status="completed", planned_start_at=now, recorded_at=now, sort_at=now, node=world.node,
        node_label=world.node.alias, profile=world.profile, profile_label=world.profile.name,
    )  # fmt: skip
    job = Job.objects.create(
        recording=row, node=world.node, attempt=1, status="completed", ended_at=now, not_before=now, capture_start_at=now, command={}, claim_epoch=1
    )
    file = RecordingFile.objects.create(
        recording=row, job=job, claim_epoch=1, role="primary", path=f"library/{uuid7()}.flac", size=9, sha256="0" * 64, mime_type="audio/flac",
        stored_at=now, playable=True,
    )  # fmt: skip
    Recording.objects.filter(pk=row.pk).update(status="cached", primary_file=file, cache_state="cached", playable=True)
    return {"id": row.pk, "job": job.pk}


def _clip(world: World) -> dict:
    """One of that recording, ready to be played."""
    now = clock.now()
    ready = {"status": "ready", "path": f"clips/{uuid7()}.webm", "size": 9, "sha256": "0" * 64, "mime_type": "video/webm"}
    row = ReplayClip.objects.create(
        session_id=uuid7(), recording_id=THINGS["recording"].ids(world, "recording")["id"], name="Goal", in_at=now - timedelta(seconds=2), out_at=now,
        play_from_ms=0, duration_ms=2000, **ready,
    )  # fmt: skip
    return {"id": row.pk}


def _job(world: World) -> dict:
    return {"id": THINGS["recording"].ids(world, "recording")["job"]}


def _marker(world: World) -> dict:
    recording = THINGS["recording"].ids(world, "recording")["id"]
    return {"id": recording, "marker_id": Marker.objects.create(recording_id=recording, at_seconds=1, label="here").pk}


def _health_event(world: World) -> dict:
    with transaction.atomic():
        return {"id": raise_event(type="controller.probe", severity="warning", message="Trouble.", node=world.node).pk}


def _audit_event(world: World) -> dict:
    with transaction.atomic():
        subject = ("node", world.node.pk, world.node.alias)
        return {"id": ports.record(verbs.VERBS[0], actor=world.actor, outcome="succeeded", subject=subject, permission=Perm.NODE_MANAGE)}


def _site_without_nodes(world: World) -> dict:
    return {"id": world.site.pk}


def _member(world: World) -> dict:
    made = world.workspace.members.create(user=make_user("hired"), role="VIEWER")
    return {"id": world.workspace.pk, "mid": made.pk}


def _api_key(world: World) -> dict:
    return {"id": world.workspace.pk, "kid": world.workspace.api_keys.filter(environment="LIVE").first().pk}


def _device_operator(world: World) -> dict:
    operator = make_operator(world.workspace, "Phone")
    return {"id": operator.pk, "key_id": DeviceKey.objects.create(operator=operator, address="0x" + "1" * 40, issued_at=clock.now()).pk}


def _field_session(world: World) -> dict:
    """One that the workspace asks for and serves itself, so that its members stand on both sides."""
    return {"id": make_session(world.workspace, "ASSIGNED", operator=make_operator(world.workspace, "Camera")).pk}


def _open_request(world: World) -> dict:
    """One that only this workspace may take."""
    return {"id": make_session(world.workspace, wanted_workspace=world.workspace).pk}


def _billed(world: World) -> dict:
    booked = books.move_in(kind=BookingKind.DEPOSIT, workspace=world.workspace, amount=10**9, reference="wire")
    session = ended(world.workspace, make_operator(world.workspace, "Paid"))
    return {"session_id": session.pk, "event": booked.entries.exclude(event="").get().pk}


def _wallet_event(world: World) -> dict:
    return {"id": THINGS["settlement"].ids(world, "settlement")["event"]}


def _billed_session(world: World) -> dict:
    return {"id": THINGS["settlement"].ids(world, "settlement")["session_id"]}


def _webhook_endpoint(world: World) -> dict:
    url = "https://hooks.example/here"
    return {"id": WebhookEndpoint.objects.create(workspace=world.workspace, url=url, types=["session.live"], secret=b"", api_version="2026-01-15").pk}


def _webhook_delivery(world: World) -> dict:
    made = WebhookDelivery.objects.create(
        endpoint_id=THINGS["webhook_endpoint"].ids(world, "webhook_endpoint")["id"], workspace=world.workspace, environment="LIVE",
        message_id=str(uuid7()), type="session.live", subject_kind="session", subject_id=str(uuid7()), body="{}", status="succeeded",
        created_at=clock.now(),
    )  # fmt: skip
    return {"id": made.pk}


THINGS: dict[str, Thing] = {
    "site": Thing("site", Perm.NODE_READ, _site_without_nodes),
    "room": Thing("site", Perm.NODE_READ, _room),
    "node": Thing("site", Perm.NODE_READ, lambda world: {"id": world.node.pk}),
    "interface": Thing("site", Perm.NODE_READ, lambda world: {"id": world.node.pk, "iid": world.node.interfaces.first().pk}),
    "recording": Thing("site", Perm.RECORDING_READ, _recording),
    "job": Thing("site", Perm.RECORDING_READ, _job),
    "replay_clip": Thing("site", Perm.RECORDING_READ, _clip),
    "marker": Thing("site", Perm.RECORDING_READ, _marker),
    "health_event": Thing("site", Perm.HEALTH_READ, _health_event),
    "audit_event": Thing("site", Perm.AUDIT_READ, _audit_event),
    "workspace": Thing("workspace", Perm.WORKSPACE_READ, lambda world: {"id": world.workspace.pk}),
    "member": Thing("workspace", Perm.WORKSPACE_READ, _member),
    "api_key": Thing("workspace", Perm.WORKSPACE_READ, _api_key, environment=True),
    "device_operator": Thing("workspace", Perm.OPERATORS_READ, _device_operator, environment=True),
    "field_session": Thing("workspace", Perm.SESSIONS_READ, _field_session, environment=True),
    "open_request": Thing("workspace", Perm.SESSIONS_READ, _open_request, environment=True),
    "billed_session": Thing("workspace", Perm.SESSIONS_READ, _billed_session, environment=True),
    "settlement": Thing("workspace", Perm.WALLET_READ, _billed, environment=True),
    "wallet_event": Thing("workspace", Perm.WALLET_READ, _wallet_event, environment=True),
    "webhook_endpoint": Thing("workspace", Perm.WEBHOOK_MANAGE, _webhook_endpoint, environment=True),
    "webhook_delivery": Thing("workspace", Perm.WEBHOOK_MANAGE, _webhook_delivery, environment=True),
    "recording_profile": Thing("open", Perm.SETTINGS_READ, lambda world: {"id": world.profile.pk}),
    "user": Thing("installation", Perm.AUTH_MANAGE, lambda world: {"id": world.person.pk}),
    "group": Thing("installation", Perm.AUTH_MANAGE, lambda world: {"id": world.group.pk}),
    "access_policy": Thing("installation", Perm.AUTH_MANAGE, lambda world: {"id": AccessPolicy.objects.first().pk}),
}
# Of these each caller has one: (world, user) → its path arguments.
OWN: dict[str, Callable] = {
    "sign_in": lambda _world, user: {"id": SignIn.objects.filter(user=user).latest("created_at").pk},
}
