"""Whether a workspace is ONLINE, BUSY or OFFLINE: computed when asked, so that nothing can stay stuck (05 §1)."""

from collections.abc import Callable, Collection
from uuid import UUID

from operators.workspaces.models import Workspace
from operators.workspaces.states import Availability, Environment

Busy = Callable[[Collection[UUID], str], set[UUID]]
_busy: list[Busy] = []


def register_busy(read: Busy) -> None:
    """The app that knows sessions registers in its `ready()`: `read(ids, environment)` → those of these workspaces that serve all they can."""
    if read not in _busy:
        _busy.append(read)


def unregister_busy(read: Busy) -> None:
    _busy.remove(read)


def availability_of(workspaces: Collection[Workspace], environment: str = "") -> dict[UUID, Availability]:
    """By workspace id; declared OFFLINE beats BUSY. `environment`: whose sessions count, a key's own; people are told of LIVE."""
    ids = [workspace.pk for workspace in workspaces if not workspace.declared_offline]
    busy = set().union(*(read(ids, environment or Environment.LIVE) for read in _busy)) if ids else set()
    return {
        workspace.pk: Availability.OFFLINE if workspace.declared_offline else Availability.BUSY if workspace.pk in busy else Availability.ONLINE
        for workspace in workspaces
    }
