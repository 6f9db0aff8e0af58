"""Publishing to topics: numbered without gaps, stored with the change itself, announced after commit.

`publish` runs in the transaction that made the change: it takes the topic's next number (a row lock held to the end of the transaction, so
numbers become visible in order), stores the event and, on commit, nudges the live processes, which read what is new from the database,
ask for each subscriber whether they may see it, and push it. A lost nudge costs a second, never an event.

Apps register topics in `ready()`: `register_topic(Topic("nodes", Perm.NODE_READ, snapshot=…, visible=…))`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction

from config.kernel import broker, clock, wire
from config.kernel.access import Actor, Perm
from config.kernel.models import TopicCounter, TopicEvent
from config.kernel.names import camelized

CHANNEL = broker.PREFIX + "topics"
KEEP_SECONDS = 15 * 60


def _latest(names: list[str]) -> dict[str, int]:
    return dict(TopicCounter.objects.filter(topic__in=names).values_list("topic", "seq"))


def _events_after(name: str, after: int, limit: int) -> list[TopicEvent]:
    return list(TopicEvent.objects.filter(topic=name, seq__gt=after).order_by("seq")[:limit])


@dataclass(frozen=True)
class Log:
    """Where a topic's numbered changes are kept.

    latest(names) -> {name: last number} of those that have one, in one query · after(name, seq, limit) -> the next stored events, oldest first, each with `seq`, `event`, `data`, `created_at`,
    `subject_kind`, `subject_id`, and optionally `by` · replay: how many a reader may have missed before it gets a snapshot instead ·
    frame: the `type` of their messages
    """

    latest: Callable[[list[str]], dict[str, int]] = _latest
    after: Callable[[str, int, int], list] = _events_after
    replay: int = 500
    frame: str = "event"

    def last(self, name: str) -> int:
        """The last number of one topic."""
        return self.latest([name]).get(name, 0)


KERNEL_LOG = Log()


@dataclass(frozen=True)
class Topic:
    """What `/ws` needs to serve a topic.

    log         where its changes are numbered and kept, if not in the kernel's own table
    alive       (actor) -> None, called every 10 s while a socket follows the topic
    name        `nodes`, or a family `meters` served as `meters:<id>`
    permission  asked at subscribe and at every push
    snapshot    (actor, argument | None) -> JSON-ready dict of what this actor sees now (camelCase); ApiError not_found for a hidden id
    visible     (actor, [(subject_kind, subject_id)]) -> set of those pairs the actor may see now; one query, not one per pair
    numbered    False for meters: newest frame wins, no events, binary messages
    tick        (actor, argument) -> dict or None, asked each second for each reader of a numbered topic and sent as the event `tick`, which has no
                number of its own and is kept nowhere; None: nothing to tell
    attach      for unnumbered topics: async (actor, argument, sink) -> handle with `close()`; `sink` is a `config.kernel.live.sink.Sink`:
                `await sink.send(bytes)` and `sink.drained()`, False while the last message has not left this host
    """

    name: str
    permission: Perm
    snapshot: Callable[[Actor, str | None], dict]
    visible: Callable[[Actor, list], set]
    numbered: bool = True
    attach: Callable | None = None
    tick: Callable[[Actor, str | None], dict | None] | None = None
    log: Log = KERNEL_LOG
    alive: Callable[[Actor], None] | None = None


_topics: dict[str, Topic] = {}


def register_topic(topic: Topic) -> None:
    _topics[topic.name] = topic


def topic_for(name: str) -> tuple[Topic, str | None] | None:
    """(Topic, argument) for `nodes` or `session:<id>`; None if there is no such topic."""
    family, _, argument = name.partition(":")
    topic = _topics.get(family)
    return (topic, argument or None) if topic else None


def publish(topic: str, event: str, data: dict, *, subject: tuple[str, object] | None = None) -> int:
    """Append one change to `topic` inside the current transaction and return its number.

    `data` has snake_case keys (FreeForm parts keep theirs). `subject` (kind, id) is what a reader must be allowed to see.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("publish belongs into the transaction that made the change")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_topiccounter (topic, seq) VALUES (%s, 1) ON CONFLICT (topic) DO UPDATE SET seq = kernel_topiccounter.seq + 1 RETURNING seq",
            [topic],
        )
        seq = cursor.fetchone()[0]
    TopicEvent.objects.create(
        topic=topic,
        seq=seq,
        event=event,
        data=json.loads(wire.dumps(camelized(data))),
        subject_kind=subject[0] if subject else None,
        subject_id=subject[1] if subject else None,
        created_at=clock.now(),
    )
    transaction.on_commit(lambda: broker.attempt(lambda valkey: valkey.publish(CHANNEL, f"{topic} {seq}")))
    return seq
