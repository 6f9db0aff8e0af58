"""05 §3's second table: every call in every state, by both sides, a third workspace, and keys that lack the scope (05 §14: 3)."""

import pytest

from config.kernel import clock
from sessions.field import actions
from sessions.field.models import FieldSession
from tests.factories.sessions import key_token, make_operator, make_session
from tests.sessions.settlement.helpers import fund

pytestmark = pytest.mark.django_db
STATES = ("REQUESTED", "ASSIGNED", "started", "LIVE", "ENDED", "CANCELLED", "EXPIRED")
INVALID = (409, "invalid_state")
OK = (200, None)
WRONG_FOR_CONSUMER, WRONG_FOR_OPERATOR = (403, "operator_side_required"), (403, "consumer_side_required")

# call → (method, tail, what the consumer hears in each state, what the operator's side hears)
ASKING = [OK, *[INVALID] * 6]
TABLE = {
    "candidates": ("get", "/candidates", ASKING, [WRONG_FOR_OPERATOR] * 7),
    # Nobody is sent away by this: an operator is there.
    "dispatch": ("post", "/dispatch", ASKING, [WRONG_FOR_OPERATOR] * 7),
    "accept": ("post", "/accept", [(403, "workspace_role_required")] * 7, [OK, *[INVALID] * 6]),
    "start": ("post", "/start", [WRONG_FOR_CONSUMER] * 7, [INVALID, OK, OK, *[INVALID] * 4]),
    "producer-token": ("get", "/producer-token", [WRONG_FOR_CONSUMER] * 7, [INVALID, (409, "not_started"), OK, OK, *[INVALID] * 3]),
    "viewer-token": ("get", "/viewer-token", [INVALID, (409, "not_started"), OK, OK, *[INVALID] * 3], None),
    "end": ("post", "/end", [*[INVALID] * 3, OK, *[INVALID] * 3], None),
    "cancel": ("delete", "", [OK, OK, OK, *[INVALID] * 4], [WRONG_FOR_OPERATOR, OK, OK, *[INVALID] * 4]),
    "retrieve": ("get", "", [OK] * 7, None),
    "tally": ("get", "/tally", [OK] * 7, None),
    "actions": ("get", "/actions", [OK] * 7, None),
}
CASES = [
    pytest.param(call, state, side, id=f"{call}-{state}-{side}")
    for call in TABLE
    for state in STATES
    for side in ("consumer", "operator")
]  # fmt: skip
# name in /actions → call
ACTIONS = {
    "candidates": "candidates", "dispatch": "dispatch", "accept": "accept", "start": "start", "producerToken": "producer-token", "viewerToken": "viewer-token", "end": "end",
    "cancel": "cancel",
}  # fmt: skip

# What `/actions` names beside: pictures and bills have tests of their own (`test_what_actions_tell`).
ELSEWHERE = {"frame", "dispute"}
WITH_A_BODY = {"telemetry": {"ASSIGNED", "started", "LIVE"}, "provenance": {"LIVE"}}


@pytest.fixture
def world(consumer, supplier, other_supplier, media):
    """`world(state)`: a session of the consumer in this state, served by the supplier's phone where it has somebody."""
    from sessions.media.services import open_input
    from sessions.settlement import provider

    def make(state: str) -> FieldSession:
        begun = state in {"started", "LIVE"}
        fields = {"geofence_radius_meters": 100}
        session = make_session(consumer.workspace, "ASSIGNED" if begun else state, operator=supplier.operator, **fields)
        if state in {"REQUESTED", "ASSIGNED", "started", "LIVE"}:
            provider.current().reserve(session)
        if begun:
            open_input(session)
        if state == "LIVE":
            media.flows(session.pk, clock.now())
        return FieldSession.objects.get(pk=session.pk)

    return make


def person(api, side, consumer, supplier):
    """The workspace's owner: every permission of its role, so that only side and state decide."""
    return api({"consumer": consumer, "operator": supplier}[side].owner)


def call_of(client, call, session):
    method, tail, _, _ = TABLE[call]
    return getattr(client, method)(f"/sessions/{session.pk}{tail}")


def heard(reply):
    return (reply.status_code, None) if reply.status_code < 300 else (reply.status_code, reply.json()["code"])


@pytest.mark.parametrize("call, state, side", CASES)
def test_a_call(api, consumer, supplier, world, call, state, side):
    session = world(state)
    client = person(api, side, consumer, supplier)
    _, _, of_consumer, of_operator = TABLE[call]
    expected = (of_consumer if side == "consumer" or of_operator is None else of_operator)[STATES.index(state)]
    named = {named for named, of in ACTIONS.items() if of == call}
    told = client.get(f"/sessions/{session.pk}/actions").json()["data"]["actions"] if named else {}
    reply = call_of(client, call, session)
    assert heard(reply) == expected
    if reply.status_code == 409 and expected == INVALID:
        assert reply.json()["data"]["state"] == session.state
    for name in named:
        assert (told[name]["enabled"], told[name].get("code")) == (expected == OK, expected[1]), "what /actions says is what the call answers"


@pytest.mark.parametrize("state", STATES)
def test_a_third_workspace_sees_the_same_nothing_as_for_no_session(api, consumer, world, state, alice):
    from tests.factories.sessions import owned_workspace

    session = world(state)
    stranger = api(owned_workspace(roles=["CONSUMER"]).owner)
    fund(consumer.workspace, 1)
    for call in TABLE:
        hidden = call_of(stranger, call, session)
        absent = getattr(stranger, TABLE[call][0])(f"/sessions/{consumer.workspace.pk}{TABLE[call][1]}")
        assert hidden.status_code == 404 and hidden.content == absent.content, call


@pytest.mark.parametrize("state", ("ASSIGNED", "started", "LIVE", "ENDED"))
def test_another_supplier_only_hears_that_it_lost_the_race(other_supplier, world, state):
    session = world(state)
    for call in TABLE:
        if call in {"candidates", "dispatch"}:
            continue
        reply = call_of(other_supplier.client, call, session)
        assert heard(reply) == (INVALID if call == "accept" else (404, "not_found")), call


NEEDS = {
    "candidates": "sessions:create", "dispatch": "sessions:create", "accept": "sessions:operate", "start": "sessions:operate",
    "producer-token": "sessions:operate", "viewer-token": "sessions:read", "end": "sessions:create", "cancel": "sessions:create",
    "retrieve": "sessions:read", "tally": "sessions:read", "actions": "sessions:read",
}  # fmt: skip


def test_a_key_without_the_scope_is_told_which(consumer, supplier, world):
    from tests.cast import ApiClient

    session = world("ASSIGNED")
    poor = ApiClient(key_token(consumer.workspace, "workspace:read"))
    for call, permission in NEEDS.items():
        reply = call_of(poor, call, session)
        assert heard(reply) == (403, "permission_denied") and reply.json()["data"]["permission"] == permission, call
    reply = call_of(ApiClient(key_token(supplier.workspace, "workspace:read")), "end", session)
    assert reply.json()["data"]["permission"] == "sessions:operate"


def test_a_key_of_the_other_environment_sees_nothing(consumer, supplier, world):
    session = world("LIVE")
    for party, scopes in ((consumer, ["sessions:create"]), (supplier, ["sessions:operate"])):
        foreign = party.key("sessions:read", *scopes, environment="TEST")
        for call in ("retrieve", "viewer-token", "end", "cancel"):
            assert call_of(foreign, call, session).status_code == 404


def test_viewers_of_a_side_may_look_but_not_act(api, consumer, supplier, world):
    from operators.access.services import access_changed
    from operators.workspaces.models import Member
    from tests.factories.users import make_user

    people = {party: make_user() for party in ("consumer", "operator")}
    for side, party in (("consumer", consumer), ("operator", supplier)):
        Member.objects.create(workspace=party.workspace, user=people[side], role="VIEWER")
    access_changed()
    session = world("LIVE")
    for user in people.values():
        assert api(user).get(f"/sessions/{session.pk}").status_code == 200
        assert api(user).get(f"/sessions/{session.pk}/viewer-token").status_code == 200
        for call in ("dispatch", "start", "end", "cancel", "producer-token"):
            assert heard(call_of(api(user), call, session)) == (403, "permission_denied")


FOR_THE_PARTIES = {
    "candidates": "consumer_side_required", "dispatch": "consumer_side_required", "accept": "operator_side_required",
    "start": "operator_side_required", "producer-token": "operator_side_required",
}  # fmt: skip


def test_roles_of_the_installation_may_look_call_off_and_end(api, alice, bob, carol, supplier, world):
    for state, call in (("REQUESTED", "cancel"), ("ASSIGNED", "cancel"), ("LIVE", "end")):
        session = world(state)
        assert api(carol).get(f"/sessions/{session.pk}").status_code == 404, "a tenant is closed to a viewer until somebody opens it"
        assert api(alice).get(f"/sessions/{session.pk}").json()["data"]["consumerWorkspaceId"]
        for other, refusal in FOR_THE_PARTIES.items():
            assert heard(call_of(api(alice), other, session)) == (403, refusal), other
            if other in ACTIONS.values():
                named = next(name for name, of in ACTIONS.items() if of == other)
                assert api(alice).get(f"/sessions/{session.pk}/actions").json()["data"]["actions"][named]["code"] == refusal
        theirs = api(alice).post(f"/sessions/{session.pk}/accept", {"operatorId": str(supplier.operator.pk)})
        assert heard(theirs) == (403, "operator_side_required"), "an operator of another's workspace is not theirs to send"
        over = call_of(api(alice), call, session)
        assert over.status_code == 200 and over.json()["data"]["endReason"] == "installation"


def test_a_suspended_side_may_not_act_and_the_other_may(api, alice, consumer, supplier, world):
    from operators.access.backend import actor_of_user
    from operators.workspaces.services import suspend

    session = world("LIVE")
    suspend(actor=actor_of_user(alice), workspace=supplier.workspace, suspended=True)
    assert heard(call_of(api(supplier.owner), "end", session)) == (403, "workspace_suspended")
    assert heard(call_of(supplier.client, "end", session)) == (403, "workspace_suspended")
    assert heard(call_of(consumer.client, "end", session)) == OK


def test_a_workspace_may_serve_itself(wish, media):
    from tests.sessions.field.conftest import party

    both = party(["CONSUMER", "SUPPLIER"])
    fund(both.workspace, 1_000_000)
    make_operator(both.workspace, "Own")
    pk = both.client.post("/sessions", wish).json()["data"]["id"]
    assert both.client.get(f"/sessions/{pk}").json()["data"]["consumerWorkspaceId"]
    assert both.client.post(f"/sessions/{pk}/dispatch").status_code == 200
    assert both.client.post(f"/sessions/{pk}/start").status_code == 200
    media.flows(pk, clock.now())
    assert both.client.post(f"/sessions/{pk}/end").json()["data"]["endReason"] == "consumer"


def test_the_table_names_what_actions_name():
    assert set(ACTIONS) | set(WITH_A_BODY) | ELSEWHERE == set(actions._CALLS)


@pytest.mark.parametrize("state", STATES)
def test_calls_that_need_a_body_say_when_they_are_possible(api, consumer, supplier, world, state):
    session = world(state)
    for name, states in WITH_A_BODY.items():
        told = person(api, "operator", consumer, supplier).get(f"/sessions/{session.pk}/actions").json()["data"]["actions"][name]
        if state != "REQUESTED":
            assert (told["enabled"], told.get("code")) == ((True, None) if state in states else (False, "invalid_state")), name
