"""`hints`: the wanted state that every reply to a node carries, and the nudge that brings it to its socket at once."""

import time
from uuid import UUID

from django.db import transaction

from config.kernel import broker
from nodes.fleet.models import Node
from nodes.fleet.ports import ports

#: Channel on which live processes hear that a node's hints changed: the node's id, then a word (`hints`, `credential`, `socket <id>`).
CHANNEL = broker.PREFIX + "node-news"
FAST_PERIOD_MS, PERIOD_MS = 100, 1000
GRANT_SECONDS = 30
_CACHE_SECONDS = 1.0
_recent: dict[UUID, tuple[float, dict]] = {}


def grant_key(node_id) -> str:
    """While this key lives, somebody watches and the node sends levels each 100 ms."""
    return f"{broker.PREFIX}meters:grant:{node_id}"


def current(node: Node) -> dict:
    """`{configVersion, claim, jobs, meterPeriodMs, feeds}` for a node whose row is loaded."""
    hint = ports.claim_hint(node.pk)
    watched = broker.attempt(lambda valkey: valkey.exists(grant_key(node.pk)), 0)
    return {
        "configVersion": node.config_version,
        "claim": hint.claim,
        "jobs": list(hint.jobs),
        "meterPeriodMs": FAST_PERIOD_MS if watched else PERIOD_MS,
        "feeds": [],
    }


def recent(node: Node) -> dict:
    """`current`, at most a second old: meter frames come ten times a second and must not each ask the database."""
    now = time.monotonic()
    known = _recent.get(node.pk)
    if known is None or now - known[0] > _CACHE_SECONDS:
        if len(_recent) > 5000:
            _recent.clear()
        known = _recent[node.pk] = (now, current(node))
    return known[1]


def changed(node_id, word: str = "hints") -> None:
    """Tell the node's socket after commit; without one, its next request brings the news."""
    transaction.on_commit(lambda: announce(node_id, word))


def announce(node_id, word: str = "hints") -> None:
    """Tell the node's socket now."""
    broker.attempt(lambda valkey: valkey.publish(CHANNEL, f"{node_id} {word}"))
