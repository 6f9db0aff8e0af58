"""Places that a name, not an id, refers to."""

from nodes.fleet.models import Room, Site


def room_at(site_row: Site, *, building: str, floor: str, name: str) -> Room | None:
    """The room of that name, made on first use; None without a name."""
    if not name:
        return None
    return Room.objects.get_or_create(site=site_row, building=building, floor=floor, name=name)[0]
