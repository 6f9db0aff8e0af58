"""Whether a workspace is ONLINE, BUSY or OFFLINE: computed when asked, so that nothing can stay stuck (05 §1)."""

from collections.abc import Callable, Collection
from uuid import UUID

from operators.workspaces.models import Workspace
from operators.workspaces.states import Availability

Busy = Callable[[Collection[UUID]], set[UUID]]
_busy: list[Busy] = []


def register_busy(read: Busy) -> None:
    """The app that knows sessions registers in its `ready()`: `read(ids)` → those of these workspaces that serve all they can, in one query."""
    _busy.append(read)


def unregister_busy(read: Busy) -> None:
    _busy.remove(read)


def availability_of(workspaces: Collection[Workspace]) -> dict[UUID, Availability]:
    """By workspace id; declared OFFLINE beats BUSY."""
    ids = [workspace.pk for workspace in workspaces if not workspace.declared_offline]
    busy = set().union(*(read(ids) for read in _busy)) if ids else set()
    return {
        workspace.pk: Availability.OFFLINE if workspace.declared_offline else Availability.BUSY if workspace.pk in busy else Availability.ONLINE
        for workspace in workspaces
    }
