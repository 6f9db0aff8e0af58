"""`GET /nodes/:id/config`: everything that the agent is told, and the version that says whether it changed."""

import hashlib

from django.db.models import F

from config.kernel import wire
from config.kernel.names import FreeForm, camelized
from nodes.fleet import hints, shapes, sources
from nodes.fleet.models import Interface, Node
from nodes.fleet.ports import ports
from nodes.fleet.states import SampleFormat, default_monitor

LIMITS = {"part_bytes": 8 * 1024 * 1024, "max_file_bytes": 64 * 1024**3, "feeds": 4}
_DEFAULT_RATE = 48000


def held(node_id) -> None:
    """Hold the node's row to the end of the transaction. Whoever writes its interfaces does so first: a person's edit and the heartbeat would
    otherwise wait for each other, one with an interface in hand and one with the node's state."""
    Node.objects.select_for_update(no_key=True).only("pk").get(pk=node_id)


def raise_revision(node: Node) -> None:
    """Give the configuration a new version, within the change that it tells of, and say so to the node after commit.

    `node` keeps telling the new version for the rest of this request.
    """
    Node.objects.filter(pk=node.pk).update(config_revision=F("config_revision") + 1)
    node.config_revision = Node.objects.filter(pk=node.pk).values_list("config_revision", flat=True).get()
    hints.changed(node.pk)


def raise_revisions(node_ids) -> None:
    """The same for many nodes at once (a site's time zone, a cache policy)."""
    ids = list(node_ids)
    Node.objects.filter(pk__in=ids).update(config_revision=F("config_revision") + 1)
    for node_id in ids:
        hints.changed(node_id)


def body(node: Node) -> dict:
    """The configuration in wire names; three queries."""
    interfaces = list(Interface.objects.filter(node=node).select_related("room").prefetch_related("channels").order_by("id"))
    defaults = {**shapes.DEFAULT_AUDIO, **node.audio_defaults}
    return camelized(
        {
            "config_version": node.config_version,
            "node": {"id": str(node.pk), "alias": node.alias, "timezone": node.site.timezone},
            "audio_defaults": FreeForm(defaults),
            "interfaces": [_interface(row, defaults) for row in interfaces],
            "recording_capacity": {"max_concurrent_recordings": node.max_concurrent_recordings},
            "recorder_cache_policies": ports.recorder_cache_policies(node.pk),
            "meters": {"period_ms": hints.PERIOD_MS},
            "watchdog": [],
            "limits": LIMITS,
        }
    )


def _interface(row: Interface, defaults: dict) -> dict:
    channels = shapes.channels(row)
    return {
        "id": str(row.pk),
        "match": {"serial_number": row.serial_number or None, "hardware_path": row.hardware_path or None, "system_ref": row.system_ref or None},
        "enabled": row.enabled,
        "monitor": row.monitor or default_monitor(row.backend).value,
        "source": sources.real(row),
        "sample_rate": row.sample_rate or _rate(row, defaults),
        "sample_format": row.sample_format or defaults.get("sampleFormat") or SampleFormat.S24.value,
        "channels": [{"index": item["index"], "alias": item["alias"], "role": item["effective_role"]} for item in channels],
    }


def _rate(row: Interface, defaults: dict) -> int:
    """The node's default if the device has it, else the nearest rate that it has."""
    wanted = defaults.get("sampleRate") or _DEFAULT_RATE
    if not row.sample_rates or wanted in row.sample_rates:
        return wanted
    return min(row.sample_rates, key=lambda rate: (abs(rate - wanted), rate))


def fingerprint(config: dict) -> str:
    """What the ETag is made of: the whole body, so that it never says "unchanged" of anything else."""
    return hashlib.sha256(wire.dumps(config)).hexdigest()
