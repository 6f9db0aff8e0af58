"""What people do to nodes and their interfaces: enrol, edit, retire. (Sites: `sites.py`; credentials: `credentials.py`.)"""

from django.db import IntegrityError, transaction

from config.kernel import clock
from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError, FieldError
from config.kernel.names import camelized
from nodes.fleet import actions, credentials, live, references, sources
from nodes.fleet.config import held, raise_revision
from nodes.fleet.models import Channel, Interface, Node, NodeCredential, NodeState, Site
from nodes.fleet.ports import CaptureState, capture_of


def snapshot(row) -> dict:
    """The audited columns of a row, ids as text."""
    return {name: getattr(row, name) for name in row.AUDIT_FIELDS}


def unique(save):
    """`save()`, with a taken name as 409 duplicate_name."""
    try:
        with transaction.atomic():
            return save()
    except IntegrityError as error:
        if getattr(error.__cause__, "sqlstate", None) != "23505":
            raise
        raise ApiError("duplicate_name") from error


@transaction.atomic
def enrol(*, actor: Actor, body: dict) -> tuple[Node, NodeCredential, str]:
    """A new node at a site (`location.site`, looked up in scope), and its first credential. ApiError duplicate_name."""
    place = body["location"]
    site = place["site"]
    node = Node(alias=body["alias"], site=site, tags=body.get("tags", []), notes=body.get("notes", ""))
    _locate(node, site, place)
    _configure(node, body)
    unique(node.save)
    NodeState.objects.create(node=node, hostname=body.get("hostname", ""))
    credential, token = credentials.issue(node)
    _record("node.enrolled", actor, node, after=snapshot(node))
    live.node_changed(node.pk, edited=True)
    return node, credential, token


def _locate(node: Node, site: Site, place: dict) -> None:
    """Set site, building, floor and room; `null` clears, what is left out stays (unless the site changes)."""
    moved = node.site_id != site.pk
    node.site = site
    for name in ("building", "floor"):
        if name in place or moved:
            setattr(node, name, place.get(name) or "")
    kept = node.room.name if node.room_id and not moved else ""
    node.room = references.room_at(site, building=node.building, floor=node.floor, name=place["room"] or "" if "room" in place else kept)


def _configure(node: Node, body: dict) -> None:
    if "recording_capacity" in body:
        node.max_concurrent_recordings = body["recording_capacity"]["max_concurrent_recordings"]
    if "audio_defaults" in body:
        defaults = body["audio_defaults"]
        if defaults.get("source"):
            sources.check(defaults["source"], "audioDefaults.source")
            if sources.masked(defaults["source"]["ref"]) != defaults["source"]["ref"]:
                raise FieldError("audioDefaults.source.ref", "invalid", "A password belongs on the interface, where it is stored encrypted.")
        node.audio_defaults = camelized(dict(defaults))


@transaction.atomic
def edit(*, actor: Actor, node: Node, body: dict, check=lambda _row: None) -> Node:
    """Change a person's columns, or retire. `check(row)` sees the row under its lock (If-Match). ApiError duplicate_name, node_retired, node_recording."""
    node = Node.objects.select_for_update(of=("self",)).select_related("site", "room").get(pk=node.pk)
    check(node)
    before = snapshot(node)
    room_before = node.room_id
    if "location" in body:
        _locate(node, body["location"].get("site") or node.site, body["location"])
    for name in ("alias", "tags", "notes"):
        if name in body:
            setattr(node, name, body[name])
    _configure(node, body)
    if body.get("retired"):
        actions.retire(node).demand()
        node.retired_at = clock.now()
        credentials.revoke_all(node, node.retired_at)
    after = snapshot(node)
    if after == before:
        return node
    node.revision += 1
    unique(node.save)
    if node.room_id != room_before:
        # What stood in the node's room moves with it; an interface that was put elsewhere stays there, unless it is another site's.
        moved = Interface.objects.filter(node=node)
        moved = moved if after["site_id"] != before["site_id"] else moved.filter(room_id=room_before)
        moved.update(room_id=node.room_id)
    if {"alias", "site_id", "audio_defaults", "max_concurrent_recordings"} & {name for name in after if after[name] != before[name]}:
        raise_revision(node)
    _record("node.retired" if body.get("retired") else "node.updated", actor, node, before=before, after=after)
    live.node_changed(node.pk, edited=True)
    return node


def edit_interface(*, actor: Actor, interface: Interface, body: dict, check=lambda _row: None) -> Interface:
    """Change a person's columns of an interface and its channels. `check(row)` sees the row under its lock (If-Match).

    ApiError channel_out_of_range, interface_capturing.
    """
    # Asked before the row is locked: the port reads jobs, whose locks come later in the order.
    state = capture_of(interface.node_id)
    with transaction.atomic():
        held(interface.node_id)
        interface = Interface.objects.select_for_update(of=("self",)).select_related("node__site", "node__room", "room").get(pk=interface.pk)
        check(interface)
        return _edit_interface(actor=actor, interface=interface, body=body, state=state)


def _edit_interface(*, actor: Actor, interface: Interface, body: dict, state: CaptureState) -> Interface:
    before, source = _interface_snapshot(interface), sources.real(interface)
    out_of_range = [item["index"] for item in body.get("channels", []) if item["index"] > interface.channel_count]
    if out_of_range:
        raise ApiError("channel_out_of_range", data={"channel_count": interface.channel_count, "channels": out_of_range})
    if body.get("source"):
        sources.check(body["source"])
    _apply(interface, body)
    changed = {name for name in Interface.AUDIT_FIELDS if getattr(interface, name) != before[name]}
    if sources.real(interface) != source:
        # A password alone: what is shown, and so what is audited, stays as it was.
        changed.add("source")
    actions.edit_interface(interface, changed, state).demand()
    for item in body.get("channels", []):
        _edit_channel(interface, item)
    after = _interface_snapshot(interface)
    if after == before and not changed:
        return interface
    interface.revision += 1
    interface.save()
    raise_revision(interface.node)
    subject = ("interface", interface.pk, f"{interface.node.alias} / {interface.label}")
    ports.record("node.interface.updated", actor=actor, subject=subject, outcome="succeeded", permission=Perm.NODE_MANAGE, before=before, after=after)
    live.node_changed(interface.node_id)
    return interface


def _interface_snapshot(interface: Interface) -> dict:
    rows = Channel.objects.filter(interface=interface, index__lte=interface.channel_count).exclude(alias="", role="")
    return {**snapshot(interface), "channels": [f"{row.index}: {row.alias} {row.role}".rstrip() for row in rows]}


def _apply(interface: Interface, body: dict) -> None:
    for name in ("alias", "sample_format", "monitor"):
        if name in body:
            setattr(interface, name, body[name] or "")
    for name in ("enabled", "sample_rate"):
        if name in body:
            setattr(interface, name, body[name])
    if "source" in body:
        sources.store(interface, body["source"])
    if "room" in body:
        node = interface.node
        interface.room = references.room_at(node.site, building=node.building, floor=node.floor, name=body["room"]) if body["room"] else node.room


def _edit_channel(interface: Interface, item: dict) -> None:
    values = {name: item[name] or "" for name in ("alias", "role") if name in item}
    Channel.objects.update_or_create(interface=interface, index=item["index"], defaults=values)


def _record(verb: str, actor: Actor, node: Node, **facts) -> None:
    ports.record(verb, actor=actor, subject=("node", node.pk, node.alias), outcome="succeeded", permission=Perm.NODE_MANAGE, **facts)
