"""What people change about a recording: names, folders, tags, notes, markers."""

from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from recordings import live, trail, verbs
from recordings.library import status, text
from recordings.library.markers import LIMIT
from recordings.library.models import Marker, Recording
from recordings.locks import patient

POLICIES = ("retention_policy_id", "upload_policy_id")


def edit(*, actor: Actor, recording: Recording, body: dict, check=None) -> Recording:
    """Set these columns. `check(row)` runs on the locked row (If-Match). ApiError not_found: it was removed meanwhile."""
    with patient():
        row = _locked(recording.pk)
        if check:
            check(row)
        _write(actor, row, body)
    return row


def bulk_edit(*, actor: Actor, recordings: list[Recording], body: dict) -> None:
    """The same folder, added and removed tags, or replaced tags, for all of these or none. ApiError not_found, limit_reached (32 tags)."""
    with patient():
        for pk in sorted(row.pk for row in recordings):
            row = _locked(pk)
            changes = {name: body[name] for name in ("folder", *POLICIES) if name in body}
            if "replace_tags" in body:
                changes["tags"] = body["replace_tags"]
            elif "add_tags" in body or "remove_tags" in body:
                changes["tags"] = merged(row.tags, body.get("add_tags", []), body.get("remove_tags", []))
            _write(actor, row, changes)


def _locked(recording_id) -> Recording:
    row = Recording.objects.select_for_update(of=("self",)).select_related("primary_file").filter(pk=recording_id).first()
    if row is None:
        raise ApiError("not_found")
    return row


def merged(tags: list[str], added: list[str], removed: list[str]) -> list[str]:
    """`tags` without the removed and with the added ones, ignoring case; ApiError limit_reached beyond 32."""
    gone = {text.tag_key(tag) for tag in removed}
    kept = text.unique_tags([*(tag for tag in tags if text.tag_key(tag) not in gone), *added])
    if len(kept) > 32:
        raise ApiError("limit_reached", data={"limit": 32})
    return kept


def _write(actor: Actor, row: Recording, changes: dict) -> None:
    changes = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if not changes:
        return
    before = trail.snapshot(row)
    for name, value in changes.items():
        setattr(row, name, value)
    text.index(row)
    status.change(row, **changes, tag_keys=row.tag_keys, search_text=row.search_text)
    trail.of_recording(verbs.RECORDING_EDITED, row, actor=actor, permission=Perm.RECORDING_EDIT, before=before, after=trail.snapshot(row))
    live.changed(row)


def add_marker(*, actor: Actor, recording: Recording, at_seconds: float, label: str) -> Marker:
    """ApiError not_found, limit_reached (500)."""
    with patient():
        row = _locked(recording.pk)
        if row.markers.count() >= LIMIT:
            raise ApiError("limit_reached", data={"limit": LIMIT})
        marker = Marker.objects.create(recording=row, at_seconds=at_seconds, label=label, created_by=actor.label)
        details = {"at_seconds": at_seconds, "marker_id": str(marker.pk)}
        trail.of_recording(verbs.MARKER_CREATED, row, actor=actor, permission=Perm.RECORDING_EDIT, details=details)
        live.changed(row)
    return marker


def delete_marker(*, actor: Actor, recording: Recording, marker: Marker) -> None:
    """ApiError not_found."""
    with patient():
        row = _locked(recording.pk)
        details = {"at_seconds": marker.at_seconds, "marker_id": str(marker.pk)}
        trail.of_recording(verbs.MARKER_DELETED, row, actor=actor, permission=Perm.RECORDING_EDIT, details=details)
        marker.delete()
        live.changed(row)
