"""Status and liveness: from `last_seen_at` and the database's clock, the first that applies; never stored."""

from datetime import timedelta

import pytest

from config.kernel import clock
from config.kernel.models import TopicEvent
from nodes.fleet import selectors
from nodes.fleet.models import NodeState
from nodes.health.services import raise_event
from nodes.health.tasks import liveness
from tests.factories.nodes import make_node

pytestmark = pytest.mark.django_db
NOW = clock.now()


def computed(node):
    row = selectors.nodes().get(pk=node.pk)
    return row.liveness, row.status


@pytest.mark.parametrize(
    ("age_seconds", "expected"),
    [
        (0, ("online", "online")),
        (20, ("online", "online")),
        (20.5, ("degraded", "degraded")),
        (120, ("degraded", "degraded")),
        (120.5, ("offline", "offline")),
        (None, ("offline", "offline")),
    ],
)
def test_by_time_alone(age_seconds, expected):
    node = make_node()
    NodeState.objects.filter(pk=node.pk).update(last_seen_at=None if age_seconds is None else NOW - timedelta(seconds=age_seconds))
    with clock.frozen(NOW):
        assert computed(node) == expected


@pytest.mark.parametrize(
    ("reported", "capturing", "severity", "expected"),
    [
        ("ok", 0, None, "online"),
        ("ok", 1, None, "recording"),
        ("ok", 0, "info", "online"),
        ("ok", 1, "warning", "degraded"),
        ("ok", 1, "critical", "alerting"),
        ("error", 1, None, "degraded"),
        ("error", 1, "critical", "alerting"),
        ("starting", 0, None, "online"),
    ],
)
def test_a_node_in_error_is_never_shown_as_recording(reported, capturing, severity, expected):
    node = make_node()
    NodeState.objects.filter(pk=node.pk).update(reported_status=reported, capturing_count=capturing)
    if severity:
        raise_event(type="controller.disk.low", severity=severity, message="…", node=node)
    assert computed(node)[1] == expected


def test_without_the_frozen_clock_the_database_says_what_time_it_is():
    node = make_node()
    NodeState.objects.filter(pk=node.pk).update(last_seen_at=clock.now() - timedelta(seconds=60))
    assert computed(node) == ("degraded", "degraded")


def test_a_status_that_only_time_changed_is_published_by_the_reconciler_once(commits):
    node = make_node()
    with commits():
        liveness.run_once()
    published = TopicEvent.objects.filter(topic="nodes", subject_id=node.pk).count()
    NodeState.objects.filter(pk=node.pk).update(last_seen_at=clock.now() - timedelta(seconds=60), published_at=None)
    for _ in range(2):
        with commits():
            liveness.run_once()
    events = TopicEvent.objects.filter(topic="nodes", subject_id=node.pk)
    assert events.count() == published + 1
    last = events.order_by("seq").last()
    assert (last.data["id"], last.data["status"]) == (str(node.pk), "degraded")
