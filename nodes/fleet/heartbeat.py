"""The heartbeat: the only writer of `NodeState` and of an interface's reported columns.

Cheap by design: the credential's query brought the node; one lock, one update, and hints. Inventory costs one read more when it is sent, and
nothing is published unless something that people see has changed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from config.kernel import clock
from config.kernel.access import Actor, Perm, ports
from config.kernel.clock import DbNow
from config.kernel.errors import ApiError
from config.kernel.names import camelized
from nodes.fleet import inventory, live
from nodes.fleet.config import held, raise_revision
from nodes.fleet.models import Channel, Interface, Node, NodeState
from nodes.fleet.signals import heartbeat_received
from nodes.fleet.states import InterfaceState, ReportedStatus
from nodes.health.services import raise_event

_LATE = timedelta(seconds=10)
_SUPERSEDED_KEPT = 8
_REPORTED = ("system_name", "system_ref", "backend", "hardware_path", "serial_number", "sample_rates", "channel_count", "state", "error", "xruns")
# A change of these reaches the node's own configuration (how it finds the interface, how many channels it has).
_CONFIGURED = {"system_ref", "backend", "hardware_path", "serial_number", "channel_count"}
# A change of these is worth telling the console.
_SHOWN = {"hostname", "agent_version", "ip_addresses", "reported_status", "capturing_count", "process_id"}


@dataclass(frozen=True)
class Conflict:
    """Two programs speak for one node: a superseded process was heard long after another took its place."""

    process_id: str
    superseded_at: datetime


def receive(*, actor: Actor, node: Node, said: dict) -> None:
    """Take in one validated heartbeat. ApiError agent_instance_conflict, after the critical event has been committed."""
    conflict = _take(actor=actor, node=node, said=said)
    if conflict is not None:
        report_duplicate(node, conflict.process_id)
        raise ApiError("agent_instance_conflict", data={"process_id": conflict.process_id, "superseded_at": conflict.superseded_at})


@transaction.atomic
def _take(*, actor: Actor, node: Node, said: dict) -> Conflict | None:
    if said.get("interfaces") is not None:
        held(node.pk)
    state = NodeState.objects.select_for_update().get(pk=node.pk)
    if conflict := _conflict(state, said["process_id"]):
        return conflict
    if _is_old(state, said):
        NodeState.objects.filter(pk=node.pk).update(last_seen_at=DbNow())
        return None
    new_instance = bool(state.agent_instance_id) and state.agent_instance_id != said["agent_instance_id"]
    changes = {**_changes(said), **_process(state, said)}
    was_quiet = state.last_seen_at is None or clock.now() - state.last_seen_at > timedelta(seconds=settings.NODE_DEGRADED_AFTER_SECONDS)
    shown = was_quiet or any(getattr(state, name) != changes[name] for name in _SHOWN & changes.keys())
    NodeState.objects.filter(pk=node.pk).update(**changes, last_seen_at=DbNow())
    if said.get("interfaces") is not None:
        shown |= _take_inventory(node, said["interfaces"])
    if new_instance or not state.agent_instance_id:
        details = {"agentInstanceId": said["agent_instance_id"], "before": state.agent_instance_id or None}
        ports.record(
            "node.instance.changed",
            actor=actor,
            subject=("node", node.pk, node.alias),
            outcome="succeeded",
            permission=Perm.NODE_CONTROL,
            details=details,
        )
    heartbeat_received.send(
        sender=Node,
        node_id=node.pk,
        agent_instance_id=said["agent_instance_id"],
        process_id=said["process_id"],
        new_instance=new_instance,
        active_jobs=changes.get("active_jobs"),
    )
    if shown:
        live.node_changed(node.pk)
    return None


def _conflict(state: NodeState, process_id: str) -> Conflict | None:
    for entry in state.superseded:
        at = datetime.fromisoformat(entry["at"])
        if entry["processId"] == process_id and clock.now() - at > _LATE:
            return Conflict(process_id, at)
    return None


def _is_old(state: NodeState, said: dict) -> bool:
    """A late message of the process before, or of the same one out of order: proof of life, but no news. A repeated one says the same again."""
    if said["process_id"] == state.process_id:
        return said["seq"] < state.seq
    return any(entry["processId"] == said["process_id"] for entry in state.superseded)


def demand_current_process(*, node_id, process_id: str) -> None:
    """For other agent routes: ApiError agent_instance_conflict if this process was superseded more than 10 s ago."""
    state = NodeState.objects.only("superseded", "process_id").get(pk=node_id)
    if conflict := _conflict(state, process_id):
        raise ApiError("agent_instance_conflict", data={"process_id": process_id, "superseded_at": conflict.superseded_at})


@transaction.atomic
def report_duplicate(node: Node, process_id: str) -> None:
    """The critical event, and when the wrong one was heard last (`health.liveness` clears it after 5 min of silence)."""
    NodeState.objects.filter(pk=node.pk).update(duplicate_seen_at=DbNow())
    message = "Two recorder agents use this node's credential; both go on capturing. Stop one of them, or rotate the credential."
    raise_event(type="controller.node.duplicate_agent", severity="critical", message=message, node=node, details={"processId": process_id})


def _changes(said: dict) -> dict:
    """Columns from what was said; a key that was left out is unchanged."""
    direct = {
        "agent_version": "agent_version",
        "hostname": "hostname",
        "free_slots": "free_slots",
        "outbox_depth": "outbox_depth",
        "rule_states": "rule_states",
        "extra": "extra",
    }
    changes = {column: said[key] for key, column in direct.items() if key in said}
    changes["reported_status"] = ReportedStatus(said["status"]).value
    if "ip_addresses" in said:
        changes["ip_addresses"] = list(dict.fromkeys(said["ip_addresses"]))
    if said.get("config_version") is not None:
        changes["reported_config_version"] = said["config_version"]
    for key in ("runtime", "clock", "disk"):
        if key in said:
            changes[key] = _camel(said[key])
    if "active_jobs" in said:
        changes["active_jobs"] = [_camel({**job, "job_id": str(job["job_id"])}) for job in said["active_jobs"]]
        changes["capturing_count"] = sum(job["phase"] == "capturing" for job in said["active_jobs"])
    if "quarantine" in said:
        changes["quarantine"] = [_camel({**item, "job_id": str(item["job_id"])}) for item in said["quarantine"]]
    return changes


def _camel(values: dict) -> dict:
    return camelized(dict(values))


def _process(state: NodeState, said: dict) -> dict:
    """The process that speaks; the one before it is remembered as superseded."""
    changes = {"agent_instance_id": said["agent_instance_id"], "process_id": said["process_id"], "seq": said["seq"]}
    if state.process_id and state.process_id != said["process_id"]:
        entry = {"processId": state.process_id, "at": clock.now().isoformat()}
        changes["superseded"] = [*state.superseded, entry][-_SUPERSEDED_KEPT:]
    return changes


def _take_inventory(node: Node, reported: list[dict]) -> bool:
    """Match, update, add, mark lost; True if people see a difference."""
    known = list(Interface.objects.filter(node=node).order_by("id"))
    rows = [
        {**item, "hardware_path": item["hardware_path"] or "", "serial_number": item["serial_number"] or "", "error": item["error"] or ""}
        for item in reported
    ]
    matched = inventory.match([_identity(vars(row)) for row in known], [_identity(row) for row in rows])
    configured = shown = False
    for row, index in zip(rows, matched, strict=True):
        if index is None:
            _add(node, row)
            configured = shown = True
            continue
        changed = _update(known[index], row)
        configured |= bool(changed & _CONFIGURED)
        shown |= bool(changed - {"xruns"})
    missing = [row for index, row in enumerate(known) if index not in matched and row.state != InterfaceState.LOST]
    if missing:
        Interface.objects.filter(pk__in=[row.pk for row in missing]).update(state=InterfaceState.LOST, reported_at=DbNow())
        shown = True
    if configured:
        raise_revision(node)
    return shown


def _identity(values: dict) -> inventory.Identity:
    return inventory.Identity(values["serial_number"], values["hardware_path"], values["system_ref"], values["system_name"])


def _add(node: Node, row: dict) -> None:
    interface = Interface.objects.create(node=node, room_id=node.room_id, reported_at=clock.now(), **{name: row[name] for name in _REPORTED})
    _add_channels(interface, 1, row["channel_count"])


def _add_channels(interface: Interface, first: int, last: int) -> None:
    Channel.objects.bulk_create([Channel(interface=interface, index=index) for index in range(first, last + 1)], ignore_conflicts=True)


def _update(interface: Interface, row: dict) -> set[str]:
    """Write the reported columns that differ; their names."""
    changed = {name for name in _REPORTED if getattr(interface, name) != row[name]}
    if not changed:
        return changed
    Interface.objects.filter(pk=interface.pk).update(**{name: row[name] for name in changed}, reported_at=DbNow())
    if row["channel_count"] > interface.channel_count:
        _add_channels(interface, interface.channel_count + 1, row["channel_count"])
    return changed
