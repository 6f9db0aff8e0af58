"""Settings of the control room itself."""

from django.db import transaction

from audit.services import snapshot
from config.kernel.access import Actor, Perm, ports, require
from operators import verbs
from operators.access.services import access_changed
from operators.console import room
from operators.console.models import ControlRoom


@transaction.atomic
def set_reach(*, actor: Actor, name: str, sites: list | None, workspaces: list | None) -> ControlRoom:
    """What console operators reach by their role: these sites and workspaces; None: every site, the workspaces of the installation's owners."""
    require(actor, Perm.CONTROL_ROOM_DIRECT)
    where = room.locked()
    before = snapshot(where)
    where.name, where.sites, where.workspaces = name, sites, workspaces
    where.revision += 1
    where.save(update_fields=["name", "sites", "workspaces", "revision", "updated_at"])
    ports.record(
        verbs.CONTROL_ROOM_UPDATED,
        actor=actor,
        outcome="succeeded",
        subject=("control_room", str(where.pk), where.name),
        permission=Perm.CONTROL_ROOM_DIRECT,
        before=before,
        after=snapshot(where),
    )
    access_changed()
    return where
