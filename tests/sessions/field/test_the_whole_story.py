"""From the request to the money, through the API: what is asked, assigned, started, live, ended and paid (05 §14: 1, 3, 7, 10, 11)."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from config.kernel import clock
from config.kernel.models import TopicEvent
from sessions.field import services
from sessions.field.models import FieldSession
from sessions.media.models import MediaInput, MediaTeardown
from tests.sessions.settlement.helpers import balances, fund, system_balance

pytestmark = pytest.mark.django_db
START = clock.now().replace(microsecond=0)


def code(reply):
    return reply.status_code, reply.json().get("code")


def data(reply):
    assert reply.status_code < 300, reply.content
    return reply.json()["data"]


@pytest.fixture
def poor(consumer):
    """The consumer with exactly 600000 µUSDC."""
    fund(consumer.workspace, 600_000 - balances(consumer.workspace)[0])
    return consumer


def test_sixty_seconds_cost_sixty_thousand(poor, supplier, wish, media):
    fees = system_balance("fees")
    with clock.frozen(START):
        pk = data(poor.client.post("/sessions", wish))["id"]
        assert balances(poor.workspace) == (0, 600_000)
        second = poor.client.post("/sessions", wish)
        assert code(second) == (409, "insufficient_pool")
        assert second.json()["data"] == {"requiredMicroUsdc": "600000", "availableMicroUsdc": "0"}
        data(supplier.client.post(f"/sessions/{pk}/accept"))
        opened = data(supplier.client.post(f"/sessions/{pk}/start"))
        assert opened["session"]["state"] == "ASSIGNED" and opened["session"]["videoBackendRef"] == opened["videoBackendRef"]
        media.flows(pk, START)
    with clock.frozen(START + timedelta(seconds=30)):
        now = data(poor.client.get(f"/sessions/{pk}"))
        assert (now["state"], now["meterFinal"], now["cleanSeconds"], now["chargedMicroUsdc"]) == ("LIVE", False, 30, "30000")
    with clock.frozen(START + timedelta(seconds=60)):
        bill = data(poor.client.post(f"/sessions/{pk}/end"))
    assert (bill["state"], bill["endReason"], bill["meterFinal"]) == ("ENDED", "consumer", True)
    assert (bill["meteredSeconds"], bill["cleanSeconds"], bill["failedSeconds"]) == (60, 60, 0)
    assert (bill["chargedMicroUsdc"], bill["operatorEarnedMicroUsdc"], bill["feeMicroUsdc"]) == ("60000", "51000", "9000")
    assert bill["settlement"]["state"] == "CONFIRMED"
    assert balances(poor.workspace) == (540_000, 0) and balances(supplier.workspace)[0] == 51_000
    assert system_balance("fees") - fees == 9000
    assert [event.type for event in FieldSession.objects.get(pk=pk).events.all()][:4] == [
        "session.requested", "session.assigned", "session.live", "session.ended",
    ]  # fmt: skip
    assert MediaTeardown.objects.filter(input__session_id=pk).exists()


def test_one_micro_too_little_is_too_little(poor, wish):
    fund(poor.workspace, -1)
    assert code(poor.client.post("/sessions", wish)) == (409, "insufficient_pool")
    assert not FieldSession.objects.exists() and balances(poor.workspace) == (599_999, 0)


def test_a_test_session_is_metered_and_moves_no_money(poor, supplier, wish, media):
    asking = poor.key("sessions:read", "sessions:create", environment="TEST")
    serving = supplier.key("sessions:read", "sessions:operate", environment="TEST")
    with clock.frozen(START):
        session = data(asking.post("/sessions", wish))
        assert (session["environment"], session["holdMicroUsdc"]) == ("TEST", "0") and balances(poor.workspace) == (600_000, 0)
        path = f"/sessions/{session['id']}"
        assert poor.client.get(path).status_code == supplier.client.post(f"{path}/accept").status_code == 404, "a LIVE key sees nothing of TEST"
        data(serving.post(f"{path}/accept"))
        data(serving.post(f"{path}/start"))
        media.flows(session["id"], START)
    with clock.frozen(START + timedelta(seconds=60)):
        bill = data(serving.post(f"{path}/end"))
    assert (bill["cleanSeconds"], bill["chargedMicroUsdc"], bill["endReason"], bill["settlement"]["state"]) == (60, "60000", "operator", "NONE")
    assert balances(poor.workspace) == (600_000, 0) and balances(supplier.workspace)[0] == 0


def test_start_twice_is_one_input_and_the_same_urls(supplier, started, media):
    pk = started()
    first, again = (data(supplier.client.post(f"/sessions/{pk}/start")) for _ in range(2))
    assert (first["whipUrl"], first["edge"]["publishToken"]) == (again["whipUrl"], again["edge"]["publishToken"])
    assert len(media.provider.made) == 1 and MediaInput.objects.count() == 1
    token = supplier.client.get(f"/sessions/{pk}/producer-token")
    assert data(token)["whipUrl"] == first["whipUrl"] and token["Cache-Control"] == "no-store"
    assert set(data(token)) == {"videoBackendRef", "whipUrl", "edge"}


def test_whoever_was_shown_how_to_publish_or_watch_is_in_the_audit(consumer, supplier, started):
    pk = started()
    shown = AuditEvent.objects.filter(subject_id=pk, outcome="allowed").order_by("id")
    assert not shown.exists(), "the first start says so itself"
    data(supplier.client.post(f"/sessions/{pk}/start"))
    data(supplier.client.get(f"/sessions/{pk}/producer-token"))
    data(consumer.client.get(f"/sessions/{pk}/viewer-token"))
    ours, theirs = ("workspace", str(supplier.workspace.pk)), ("workspace", str(consumer.workspace.pk))
    assert [(row.verb, row.permission, (row.on_behalf_of_kind, row.on_behalf_of_id)) for row in shown] == [
        ("session.publish_url.shown", "sessions:operate", ours),
        ("session.publish_url.shown", "sessions:operate", ours),
        ("session.viewer_url.shown", "sessions:read", theirs),
    ]
    assert not any("whip" in str((row.details, row.after)) for row in shown)


def test_a_start_whose_provider_is_down_can_be_repeated(supplier, request_session, media):
    pk = request_session()
    data(supplier.client.post(f"/sessions/{pk}/accept"))
    media.provider.down = True
    assert code(supplier.client.post(f"/sessions/{pk}/start")) == (503, "provider_unavailable")
    assert code(supplier.client.get(f"/sessions/{pk}/producer-token")) == (409, "not_started")
    media.provider.down = False
    assert data(supplier.client.post(f"/sessions/{pk}/start"))["whipUrl"]


def test_a_session_that_is_called_off_while_it_starts_leaves_no_input(supplier, request_session, media):
    pk = request_session()
    data(supplier.client.post(f"/sessions/{pk}/accept"))
    media.provider.during_create = lambda: data(supplier.client.delete(f"/sessions/{pk}"))
    assert code(supplier.client.post(f"/sessions/{pk}/start")) == (409, "invalid_state")
    from sessions.media import teardown

    teardown.run_due()
    assert media.provider.made == {} and FieldSession.objects.get(pk=pk).state == "CANCELLED"


def test_only_the_operator_hears_how_to_publish(api, alice, consumer, supplier, live, request_session):
    pk = live()
    published = data(supplier.client.get(f"/sessions/{pk}/producer-token"))
    assert code(consumer.client.get(f"/sessions/{pk}/producer-token")) == (403, "permission_denied"), "its key can't even ask"
    for stranger in (api(consumer.owner), api(alice)):
        assert code(stranger.get(f"/sessions/{pk}/producer-token")) == (403, "operator_side_required")
        assert code(stranger.post(f"/sessions/{pk}/start")) == (403, "operator_side_required")
    seen = consumer.client.get(f"/sessions/{pk}/viewer-token")
    assert data(seen)["whepUrl"] and seen["Cache-Control"] == "no-store" and "whip" not in seen.content.decode()
    assert data(api(alice).get(f"/sessions/{pk}/viewer-token"))["whepUrl"]
    secrets = [published["whipUrl"], published["edge"]["publishToken"], published["edge"]["viewToken"], data(seen)["whepUrl"]]
    told = " ".join(str(event.data) for event in TopicEvent.objects.all())
    told += consumer.client.get("/sessions").content.decode() + supplier.client.get(f"/sessions/{pk}").content.decode()
    told += consumer.client.get("/sessions/export").getvalue().decode()
    from audit.models import AuditEvent

    told += " ".join(f"{row.before} {row.after} {row.details}" for row in AuditEvent.objects.all())
    assert not [secret for secret in secrets if secret in told or secret.rsplit("/", 1)[-1] in told]


def test_cancel_all_frees_everybody_at_once(supplier, other_supplier, request_session, media, settings):
    from tests.factories.sessions import make_operator

    start = clock.now()
    for number in range(3):
        make_operator(supplier.workspace, f"More {number}")
    ids = []
    for number in range(4):
        with clock.frozen(start + timedelta(seconds=number)):
            ids.append(request_session())
            data(supplier.client.post(f"/sessions/{ids[-1]}/accept"))
    foreign = request_session()
    data(other_supplier.client.post(f"/sessions/{foreign}/accept"))
    data(supplier.client.post(f"/sessions/{ids[1]}/start"))
    data(supplier.client.post(f"/sessions/{ids[3]}/start"))
    media.flows(ids[3], clock.now())
    people = supplier.key("workspace:read", "sessions:operate")
    workspace = f"/workspaces/{supplier.workspace.pk}"
    assert data(people.get(workspace))["availabilityState"] == "BUSY"
    media.provider.down = True
    gone = data(supplier.client.post("/sessions/cancel-all-assignments"))
    assert gone["count"] == 3 and [row["id"] for row in gone["cancelled"]] == ids[:3]
    assert data(people.get(workspace))["availabilityState"] == "ONLINE"
    assert data(supplier.client.post("/sessions/cancel-all-assignments")) == {"count": 0, "cancelled": []}
    states = dict(FieldSession.objects.values_list("pk", "state"))
    assert sorted(map(str, states.values())) == ["ASSIGNED", "CANCELLED", "CANCELLED", "CANCELLED", "LIVE"]
    from sessions.media import teardown

    teardown.run_due()
    assert len(media.provider.made) == 2
    media.provider.down = False
    with clock.frozen(clock.now() + timedelta(seconds=61)):
        teardown.run_due()
    assert len(media.provider.made) == 1, "the input of the called-off session went; the LIVE one stays"


def test_cancel_all_does_not_raise_a_supplier_who_went_offline(supplier, request_session):
    data(supplier.client.post(f"/sessions/{request_session()}/accept"))
    supplier.workspace.declared_offline = True
    supplier.workspace.save()
    assert data(supplier.client.post("/sessions/cancel-all-assignments"))["count"] == 1
    people = supplier.key("workspace:read")
    assert data(people.get(f"/workspaces/{supplier.workspace.pk}"))["availabilityState"] == "OFFLINE"


def test_the_tally_is_off_when_it_is_over(consumer, live):
    pk = live()
    assert data(consumer.client.get(f"/sessions/{pk}/tally")) == {"tally": "off", "since": None}
    services.set_tally(pk, "program")
    assert data(consumer.client.get(f"/sessions/{pk}/tally"))["tally"] == "program"
    data(consumer.client.post(f"/sessions/{pk}/end"))
    assert data(consumer.client.get(f"/sessions/{pk}/tally"))["tally"] == "off"
