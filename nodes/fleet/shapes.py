"""Wire shapes of nodes and interfaces, as snake_case dictionaries (the renderer and the topics make them camelCase).

A node of which only an interface is in reach is shown reduced: id, alias, status and the reached interfaces.
"""

from config.kernel import clock
from config.kernel.names import FreeForm
from nodes.fleet import sources
from nodes.fleet.models import Channel, Interface, Node, NodeCredential
from nodes.fleet.ports import IDLE, CaptureState, capture_of, ports
from nodes.fleet.states import ChannelRole, default_monitor
from nodes.health.states import Severity

_SEVERITIES = list(Severity)
DEFAULT_AUDIO = {"source": None, "sampleRate": 48000, "sampleFormat": "s24", "channels": 2}


def location(node: Node, site_name: str | None) -> dict:
    return {
        "site_id": str(node.site_id),
        "site_name": site_name,
        "building": node.building or None,
        "floor": node.floor or None,
        "room": node.room.name if node.room else None,
        "room_id": str(node.room_id) if node.room_id else None,
        "timezone": node.site.timezone,
    }


def effective_role(channel: Channel) -> str:
    """Unset: expected, because without an assignment the channel map is the identity, which includes every channel."""
    return channel.role or ChannelRole.EXPECTED.value


def channels(interface: Interface) -> list[dict]:
    """Channels 1…channel_count; rows of channels that the device no longer has are kept, but not shown."""
    return [
        {
            "id": str(channel.pk),
            "index": channel.index,
            "alias": channel.alias or None,
            "role": channel.role or None,
            "effective_role": effective_role(channel),
        }
        for channel in interface.channels.all()
        if channel.index <= interface.channel_count
    ]


def interface(row: Interface) -> dict:
    """The whole interface for people."""
    return {
        "id": str(row.pk),
        "node_id": str(row.node_id),
        "alias": row.alias or None,
        "label": row.label,
        "enabled": row.enabled,
        "system_name": row.system_name,
        "system_ref": sources.masked(row.system_ref),
        "hardware_path": row.hardware_path or None,
        "serial_number": row.serial_number or None,
        "backend": row.backend,
        "sample_rates": row.sample_rates,
        "channel_count": row.channel_count,
        "state": row.state,
        "error": row.error or None,
        "xruns": row.xruns,
        "reported_at": row.reported_at,
        "source": sources.shown(row),
        "sample_rate": row.sample_rate,
        "sample_format": row.sample_format or None,
        "room": row.room.name if row.room else None,
        "monitor": row.monitor or default_monitor(row.backend).value,
        "channels": channels(row),
        "revision": row.revision,
    }


def _brief(row: Interface) -> dict:
    """The interface as it stands in a list row."""
    names = ("id", "alias", "label", "enabled", "system_name", "system_ref", "backend", "channel_count", "state", "monitor")
    whole = interface(row)
    brief_channels = [{"index": item["index"], "alias": item["alias"], "role": item["effective_role"]} for item in whole["channels"]]
    return {**{name: whole[name] for name in names}, "channels": brief_channels}


def severity(rank: int | None) -> str | None:
    return None if rank is None else _SEVERITIES[rank].value


def _reduced(node: Node, shape_interface) -> dict:
    shown = [shape_interface(row) for row in node.interfaces.all()]
    return {"id": str(node.pk), "alias": node.alias, "status": node.status, "partial": True, "interfaces": shown}


def row(node: Node, *, site_name: str | None, capture: CaptureState = IDLE) -> dict:
    """One row of the list; `node` from `selectors.nodes()` with its interfaces prefetched."""
    state = node.state
    return {
        "id": str(node.pk),
        "alias": node.alias,
        "partial": False,
        "location": location(node, site_name),
        "tags": node.tags,
        "notes": node.notes,
        "recording_capacity": {"max_concurrent_recordings": node.max_concurrent_recordings},
        "retired_at": node.retired_at,
        "hostname": state.hostname or None,
        "agent_version": state.agent_version or None,
        "last_seen_at": state.last_seen_at,
        "status": node.status,
        "liveness": node.liveness,
        "reported_status": state.reported_status,
        "worst_severity": severity(node.worst_rank),
        "active_job_count": capture.active_jobs,
        "intent": capture.intent,
        "fact": state.capturing_count,
        "listeners": [],
        "interface_count": len(node.interfaces.all()),
        "interfaces": [_brief(item) for item in node.interfaces.all()],
        "created_at": node.created_at,
        "updated_at": node.updated_at,
    }


def detail(node: Node, *, site_name: str | None, capture: CaptureState) -> dict:
    """The row and everything the heartbeat reported."""
    state = node.state
    return {
        **row(node, site_name=site_name, capture=capture),
        "audio_defaults": FreeForm({**DEFAULT_AUDIO, **node.audio_defaults}),
        "interfaces": [interface(item) for item in node.interfaces.all()],
        "agent_instance_id": state.agent_instance_id or None,
        "process_id": state.process_id or None,
        "ip_addresses": state.ip_addresses,
        "runtime": FreeForm(state.runtime),
        "clock": FreeForm(state.clock),
        "disk": FreeForm(state.disk),
        "free_slots": state.free_slots,
        "outbox_depth": state.outbox_depth,
        "quarantine": [FreeForm(item) for item in state.quarantine],
        "config_version": node.config_version,
        "reported_config_version": state.reported_config_version or None,
        "revision": node.revision,
    }


def rows(nodes: list[Node]) -> list[dict]:
    """Rows of `selectors.visible_nodes(actor)`; one port call more, for the capture states."""
    whole = [node.pk for node in nodes if not node.partial]
    captures = ports.capture_state(whole) if whole else {}
    return [_reduced(node, _brief) if node.partial else row(node, site_name=_site_name(node), capture=captures.get(node.pk, IDLE)) for node in nodes]


def _site_name(node: Node) -> str | None:
    return node.site.name if node.site_seen else None


def one(node: Node) -> dict:
    """The detail of a node of `selectors.visible_nodes(actor)`."""
    if node.partial:
        return _reduced(node, interface)
    return detail(node, site_name=_site_name(node), capture=capture_of(node.pk))


def public_row(node: Node, *, with_location: bool) -> dict:
    """The row for topic `nodes`, whose readers differ: never the site's name (they have it by its id), the rest of the place when it changed."""
    shown = row(node, site_name=None, capture=capture_of(node.pk))
    del shown["location"]["site_name"]
    if not with_location:
        del shown["location"]
    return shown


def credential(row: NodeCredential, token: str | None = None) -> dict:
    """`{id, token, tokenPrefix, …}`; the token only where it was just minted."""
    return {
        "id": str(row.pk),
        "token": token,
        "token_prefix": f"{row.prefix}…{row.last_four}",
        "state": row.state,
        "deliver": row.deliver or None,
        "created_at": row.created_at,
        "last_used_at": row.last_used_at,
        "expires_at": row.expires_at,
    }


def heartbeat_node(node: Node) -> dict:
    """What a node needs to know of itself in each reply; no query."""
    return {
        "id": str(node.pk),
        "alias": node.alias,
        "site_id": str(node.site_id),
        "timezone": node.site.timezone,
        "config_version": node.config_version,
        "recording_capacity": {"max_concurrent_recordings": node.max_concurrent_recordings},
        "retired_at": clock.wire(node.retired_at),
    }
