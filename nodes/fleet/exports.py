"""Columns of the nodes' CSV (06 §13)."""

from collections.abc import Iterable

from django.db.models import Prefetch, prefetch_related_objects

from config.kernel.access import Actor
from nodes.fleet import selectors
from nodes.fleet.models import Node


def _interfaces(node: Node) -> list[str]:
    return [f"{row.label} ({row.channel_count} ch)" for row in node.interfaces.all()]


COLUMNS = [
    ("id", lambda node: str(node.pk)),
    ("alias", lambda node: node.alias),
    ("status", lambda node: node.status),
    ("site", lambda node: node.shown_site),
    ("building", lambda node: node.building),
    ("floor", lambda node: node.floor),
    ("room", lambda node: node.room.name if node.room else None),
    ("hostname", lambda node: node.state.hostname),
    ("ip_addresses", lambda node: node.state.ip_addresses),
    ("agent_version", lambda node: node.state.agent_version),
    ("last_seen_at", lambda node: node.state.last_seen_at),
    ("os_name", lambda node: node.state.runtime.get("osName")),
    ("kernel_release", lambda node: node.state.runtime.get("kernelRelease")),
    ("architecture", lambda node: node.state.runtime.get("architecture")),
    ("audio_backends", lambda node: node.state.runtime.get("audioBackends")),
    ("max_concurrent_recordings", lambda node: node.max_concurrent_recordings),
    ("interface_count", lambda node: len(node.interfaces.all())),
    ("interfaces", _interfaces),
    ("tags", lambda node: node.tags),
    ("notes", lambda node: node.notes),
]


def named(nodes: Iterable[Node], actor: Actor):
    """Nodes with `shown_site`, the site's name where it is in scope, else its id; a list gets its interfaces here."""
    names = dict(selectors.visible_sites(actor).values_list("pk", "name"))
    if isinstance(nodes, list):
        prefetch_related_objects(nodes, Prefetch("interfaces", queryset=selectors.visible_interfaces(actor)))
    for node in nodes:
        node.shown_site = names.get(node.site_id, str(node.site_id))
        yield node
