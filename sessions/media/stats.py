"""What the embedded server measures of each session, left in Valkey every second, for the console and `/metrics`."""

import json
import time

from prometheus_client.core import GaugeMetricFamily

from config.kernel import broker
from config.kernel.access import Actor, Perm, ports

# A hash: each server's name → {"at": Unix seconds, "rows": […]}.
KEY = broker.PREFIX + "media:stats"
KEEP_SECONDS = 10
# name of the gauge → (key of `Channel.stats`, factor, help)
_GAUGES = {
    "bitrate_bits_per_second": ("bitrateKbps", 1000, "Bitrate from the publisher"),
    "frames_per_second": ("fps", 1, "Pictures from the publisher"),
    "viewers": ("viewers", 1, "Connected viewers"),
    "packets_lost": ("packetsLost", 1, "Packets of the publisher that never came"),
    "nacks": ("nacks", 1, "Retransmissions asked for"),
    "plis": ("plis", 1, "Whole pictures asked for"),
}

_SHOWN = {
    "bitrate_kbps": "bitrateKbps", "frames_per_second": "fps", "width": "width", "height": "height", "packets_lost": "packetsLost", "nacks": "nacks",
    "plis": "plis", "viewers": "viewers",
}  # fmt: skip


def newest() -> dict[str, dict]:
    """Stats by the input's ref, of every embedded server that has written lately; empty without a broker."""

    kept = broker.attempt(lambda valkey: valkey.hvals(KEY), [])
    told = [one for raw in kept if (one := json.loads(raw))["at"] > time.time() - KEEP_SECONDS]
    return {row["ref"]: row for one in told for row in one["rows"]}


def shown(media_input) -> dict:
    """The newest stats of an input; zeros and the last poll's flow where nobody measured lately."""
    row = newest().get(media_input.ref)
    counts = {name: row[key] if row else 0 for name, key in _SHOWN.items()}
    return {"measured": row is not None, "flow": row["status"] if row else media_input.flow, "codec": row["codec"] if row else "", **counts}


def collect(actor: Actor):
    """Gauges of each session that this actor may see."""
    found = newest()
    if not found:
        return
    seen = {ref: row["session"] for ref, row in found.items()} if actor.is_anonymous else _visible(found, actor)
    flowing = GaugeMetricFamily("tallyroom_media_flowing", "Whether media flows", labels=["session"])
    families = {name: GaugeMetricFamily(f"tallyroom_media_{name}", text, labels=["session"]) for name, (_, _, text) in _GAUGES.items()}
    for ref, session in seen.items():
        row = found[ref]
        flowing.add_metric([session], row["status"] == "flowing")
        for name, (key, factor, _) in _GAUGES.items():
            families[name].add_metric([session], row[key] * factor)
    yield flowing
    yield from families.values()


def _visible(found: dict, actor: Actor) -> dict[str, str]:
    """ref → session id, of those in reach."""
    rows = ports.rows_in_scope("media_input", list(found), actor, Perm.SESSIONS_READ)
    return {ref: str(row.session_id) for ref, row in rows.items()}
