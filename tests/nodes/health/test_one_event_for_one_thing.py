"""Raised any number of times by anybody it is one row; it clears, comes back, and is seen only by those who see its subjects."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from config.kernel import broker, clock
from config.kernel.models import TopicEvent
from nodes.fleet.models import NodeState
from nodes.fleet.ports import CaptureState, ports
from nodes.health import tasks
from nodes.health.models import HealthEvent
from nodes.health.services import OVERFLOW, clear_event, raise_event
from nodes.health.signals import health_event_changed
from tests.factories.nodes import health_report, make_interface, make_node

WHEN = clock.now()


def at(seconds: float):
    return clock.frozen(WHEN + timedelta(seconds=seconds))


def fire(node, severity="warning", **about):
    return raise_event(type="controller.disk.low", severity=severity, message="Nearly full.", node=node, **about)


def settle():
    tasks._each(tasks._due(), lambda pk: tasks.services.settle(pk, tasks.ACTOR))


@pytest.mark.django_db(transaction=True)
def test_twenty_four_threads_raise_one_row_and_every_call_is_counted():
    node = make_node()

    def one(number: int):
        try:
            fire(node, severity="critical" if number == 7 else "warning")
        finally:
            connection.close()

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(one, range(48)))
    event = HealthEvent.objects.get()
    assert (event.count, event.severity, event.status) == (48, "critical", "open")


@pytest.mark.django_db
class TestOneNode:
    @pytest.fixture
    def node(self):
        return make_node()

    def test_severity_never_falls_and_a_rise_brings_it_back_to_people(self, node):
        fire(node, "warning")
        HealthEvent.objects.update(status="acknowledged")
        fire(node, "info")
        assert (HealthEvent.objects.get().severity, HealthEvent.objects.get().status) == ("warning", "acknowledged")
        fire(node, "critical")
        fire(node, "warning")
        event = HealthEvent.objects.get()
        assert (event.severity, event.status, event.count) == ("critical", "open", 4)

    def test_what_differs_in_any_part_is_another_event(self, node):
        interface, other = node.interfaces.get(), make_node()
        about = [
            {},
            {"interface": interface},
            {"interface": interface, "channel_index": 1},
            {"recording": (node.pk, "r")},
            {"subject": ("target", "1", "t")},
        ]
        for parts in about:
            fire(node, **parts)
        fire(other)
        assert HealthEvent.objects.count() == len(about) + 1

    def test_it_resolves_a_minute_after_it_cleared_unless_it_fires_again(self, node):
        with at(0):
            fire(node)
            clear_event(type="controller.disk.low", node=node)
        with at(59):
            settle()
            assert HealthEvent.objects.get().status == "open"
            fire(node)
        with at(200):
            settle()
            assert (HealthEvent.objects.get().status, HealthEvent.objects.get().condition) == ("open", "firing")
            clear_event(type="controller.disk.low", node=node)
        with at(261):
            settle()
        event = HealthEvent.objects.get()
        assert (event.status, event.condition) == ("resolved", "cleared")
        assert [note["action"] for note in event.notes] == ["opened", "cleared", "fired", "cleared", "resolved"]

    def test_within_ten_minutes_it_is_the_same_row_later_another(self, node):
        with at(0):
            first = fire(node)
            clear_event(type="controller.disk.low", node=node, at_once=True)
        with at(599):
            assert fire(node).pk == first.pk
            clear_event(type="controller.disk.low", node=node, at_once=True)
        with at(1300):
            assert fire(node).pk != first.pk
        assert HealthEvent.objects.get(pk=first.pk).flap_count == 1

    def test_four_times_in_half_an_hour_it_flaps_and_is_held(self, node):
        for cycle in range(5):
            with at(cycle * 300):
                event = fire(node)
            with at(cycle * 300 + 100):
                clear_event(type="controller.disk.low", node=node)
            with at(cycle * 300 + 200):
                settle()
        event.refresh_from_db()
        assert (event.flap_count, event.flapping, event.status) == (4, True, "open")
        with at(5 * 300 + 1801):
            settle()
        event.refresh_from_db()
        assert (event.flapping, event.status) == (False, "resolved")

    def test_beyond_two_hundred_one_overflow_counts_the_rest(self, node):
        for number in range(205):
            fire(node, subject=("thing", str(number), ""))
        assert HealthEvent.objects.filter(node=node).exclude(type=OVERFLOW).count() == 200
        assert HealthEvent.objects.get(type=OVERFLOW).count == 5

    def test_a_repetition_is_signalled_but_not_published(self, node):
        changes = []
        listen = lambda change, **_: changes.append(change)  # noqa: E731
        health_event_changed.connect(listen)
        fire(node)
        fire(node)
        clear_event(type="controller.disk.low", node=node, at_once=True)
        health_event_changed.disconnect(listen)
        assert changes == ["opened", "repeated", "resolved"]
        assert TopicEvent.objects.filter(topic="health").count() == 2


@pytest.mark.django_db
class TestAgentsReport:
    @pytest.fixture
    def node(self):
        return make_node()

    @pytest.fixture
    def report(self, node, node_client):
        return lambda **values: node_client(node).post(f"/nodes/{node.pk}/health-events", health_report(**values))

    def test_a_report_makes_an_event_once_and_a_cleared_one_ends_it(self, report, api, carol, node):
        body = health_report(details={"freeBytes": 1})
        first, again = report(**body), report(**body)
        assert (first.status_code, again.status_code) == (201, 200), first.content
        event = first.json()["data"]["event"]
        assert again.json()["data"]["event"]["id"] == event["id"] and again.json()["data"]["event"]["count"] == 1
        assert (event["source"], event["severity"], event["nodeId"]) == ("node", "critical", str(node.pk))
        assert api(carol).get("/nodes").json()["data"][0]["status"] == "alerting"
        assert report(state="cleared").json()["data"]["event"]["condition"] == "cleared"
        listed = api(carol).get(f"/health-events?nodeId={node.pk}&status=open&severity=critical&limit=50").json()["data"]
        assert [row["id"] for row in listed] == [event["id"]]
        assert api(carol).get(f"/health-events/{event['id']}").json()["data"]["details"] == {"freeBytes": 1}
        assert api(carol).get("/health-events/facets").json()["data"]["type"] == [{"value": "agent.disk.low", "count": 1}]
        assert report(type="agent.clock.skew", state="cleared").json()["data"] == {"event": None}

    @pytest.mark.parametrize("reserved", ["watchdog.silence", "controller.x", "manual.note"])
    def test_only_its_own_words(self, report, reserved):
        reply = report(type=reserved)
        assert (reply.status_code, reply.json()["code"]) == (403, "event_type_reserved")
        assert not HealthEvent.objects.exists()

    def test_nothing_of_another_nodes(self, report, monkeypatch):
        other = make_node()
        assert report(interfaceId=str(other.interfaces.get().pk)).status_code == 404
        assert report(recordingId=str(other.pk)).status_code == 404
        monkeypatch.setattr(ports, "subject_belongs", lambda node_id, recording_id, schedule_id: True)
        taken = report(recordingId=str(other.pk))
        assert taken.status_code == 201 and taken.headers["Location"] == f"/api/v1/health-events/{taken.json()['data']['event']['id']}"


@pytest.mark.django_db
class TestReach:
    def test_an_event_on_a_sibling_interface_is_hidden_everywhere(self, api, carol):
        from tests.factories.nodes import make_room
        from tests.nodes.fleet.test_people_read_the_fleet import allow, narrowed

        node = make_node()
        hall = make_room(node.site)
        reached = make_interface(node, room=hall)
        sibling = node.interfaces.exclude(pk=reached.pk).get()
        hidden = fire(node, interface=sibling)
        fire(node)
        client = api(carol)
        narrowed()
        allow("room", hall.pk)
        assert client.get("/health-events").json()["data"] == []
        assert client.get(f"/health-events/{hidden.pk}").status_code == 404
        assert client.get("/health-events/facets").json()["data"]["type"] == []
        narrowed()
        allow("node", node.pk)
        assert len(client.get("/health-events").json()["data"]) == 2


@pytest.mark.django_db
class TestLiveness:
    @pytest.fixture
    def silent(self):
        node = make_node()
        NodeState.objects.filter(pk=node.pk).update(last_seen_at=clock.now() - timedelta(seconds=130))
        return node

    def passed(self, times: int = 1):
        """The beat has been running all along."""
        broker.client().set(tasks._LAST_PASS, f'{{"at": {clock.now().timestamp()}, "grace_until": 0}}')
        for _ in range(times):
            tasks.liveness.run_once()

    def test_after_a_boot_nothing_is_declared_offline_for_two_minutes(self, silent):
        tasks.liveness.run_once()
        assert not HealthEvent.objects.exists()
        with clock.frozen(clock.now() + timedelta(seconds=115)):
            broker.client().set(tasks._LAST_PASS, broker.client().get(tasks._LAST_PASS).replace(b'"at": ', b'"at": 9'))
            tasks.liveness.run_once()
            assert not HealthEvent.objects.exists()
        with clock.frozen(clock.now() + timedelta(seconds=125)):
            tasks.liveness.run_once()
            assert HealthEvent.objects.get().type == tasks.NODE_OFFLINE

    def test_offline_is_a_warning_critical_with_a_job_and_over_when_it_is_back(self, silent, monkeypatch):
        make_node(online=False)
        self.passed(2)
        event = HealthEvent.objects.get()
        assert (event.type, event.severity, event.node_id, event.count) == (tasks.NODE_OFFLINE, "warning", silent.pk, 1)
        monkeypatch.setattr(ports, "capture_state", lambda ids: {silent.pk: CaptureState(intent=1)})
        self.passed(2)
        event.refresh_from_db()
        assert (event.severity, event.count) == ("critical", 2)
        NodeState.objects.update(last_seen_at=clock.now())
        self.passed()
        event.refresh_from_db()
        assert event.condition == "cleared"

    def test_an_event_of_a_silent_node_is_stale_not_resolved(self, silent, node_client):
        event = raise_event(type="agent.disk.low", severity="critical", message="…", node=silent, source="node")
        NodeState.objects.filter(pk=silent.pk).update(last_seen_at=clock.now() - timedelta(minutes=6))
        self.passed()
        event.refresh_from_db()
        assert (event.condition, event.status) == ("stale", "open")
        NodeState.objects.filter(pk=silent.pk).update(last_seen_at=clock.now())
        self.passed()
        event.refresh_from_db()
        assert event.condition == "firing"
