"""What the matrix asks about: one entry for each kind of thing, made once for a world.

    "schedule": Thing("site", Perm.SCHEDULE_READ, lambda world: {"id": make_schedule(world.node).pk}),

A new kind of thing needs one entry here, and a body in `bodies.BODIES` for each write that needs one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from config.kernel import clock
from config.kernel.access import Perm, ports
from config.kernel.ids import uuid7
from nodes import verbs
from nodes.health.services import raise_event
from operators.access.models import AccessPolicy
from operators.identity.models import SignIn
from recordings.jobs.models import Job
from recordings.library.models import Marker, Recording, RecordingFile
from tests.access.world import World
from tests.factories.nodes import make_room
from tests.factories.users import make_user


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


THINGS: dict[str, Thing] = {
    "site": Thing("site", Perm.NODE_READ, _site_without_nodes),
    "room": Thing("site", Perm.NODE_READ, _room),
    "node": Thing("site", Perm.NODE_READ, lambda world: {"id": world.node.pk}),
    "interface": Thing("site", Perm.NODE_READ, lambda world: {"id": world.node.pk, "iid": world.node.interfaces.first().pk}),
    "recording": Thing("site", Perm.RECORDING_READ, _recording),
    "job": Thing("site", Perm.RECORDING_READ, _job),
    "marker": Thing("site", Perm.RECORDING_READ, _marker),
    "health_event": Thing("site", Perm.HEALTH_READ, _health_event),
    "audit_event": Thing("site", Perm.AUDIT_READ, _audit_event),
    "workspace": Thing("workspace", Perm.WORKSPACE_READ, lambda world: {"id": world.workspace.pk}),
    "member": Thing("workspace", Perm.WORKSPACE_READ, _member),
    "api_key": Thing("workspace", Perm.WORKSPACE_READ, _api_key, environment=True),
    "recording_profile": Thing("open", Perm.SETTINGS_READ, lambda world: {"id": world.profile.pk}),
    "user": Thing("installation", Perm.AUTH_MANAGE, lambda world: {"id": world.person.pk}),
    "group": Thing("installation", Perm.AUTH_MANAGE, lambda world: {"id": world.group.pk}),
    "access_policy": Thing("installation", Perm.AUTH_MANAGE, lambda world: {"id": AccessPolicy.objects.first().pk}),
}
# Of these each caller has one: (world, user) → its path arguments.
OWN: dict[str, Callable] = {
    "sign_in": lambda _world, user: {"id": SignIn.objects.filter(user=user).latest("created_at").pk},
}
