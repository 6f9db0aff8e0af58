"""Rotation: a lost reply costs nothing, and exactly one credential is the active one in the end."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from config.kernel import clock
from config.kernel.errors import ApiError
from nodes.fleet import credentials
from nodes.fleet.models import NodeCredential
from operators.access.backend import actor_of_user
from tests.cast import ApiClient
from tests.factories.nodes import heartbeat, issue_token, make_node

pytestmark = pytest.mark.django_db


@pytest.fixture
def node():
    return make_node()


@pytest.fixture
def agent(node):
    """The machine: holds its newest confirmed token; `beat` answers status and what was delivered."""

    class Agent:
        token = issue_token(node)
        seq = 0

        def beat(self, token: str | None = None):
            self.seq += 1
            reply = ApiClient(token or self.token).post(f"/nodes/{node.pk}/heartbeat", heartbeat(seq=self.seq))
            delivered = reply.json()["data"]["credential"] if reply.status_code == 202 else None
            return reply.status_code, delivered and delivered["token"]

    agent = Agent()
    assert agent.beat() == (202, None)
    return agent


def rotate(api, alice, node, **body):
    reply = api(alice).post(f"/nodes/{node.pk}/credentials/rotate", body)
    assert reply.status_code == 201, reply.content
    return reply.json()["data"]["credential"]


def states(node) -> list[str]:
    return sorted(NodeCredential.objects.filter(node=node).values_list("state", flat=True))


def test_delivered_to_the_node_with_the_reply_lost_twice(api, alice, node, agent):
    assert rotate(api, alice, node, deliver="node")["token"] is None
    lost = [agent.beat()[1], agent.beat()[1]]
    status, fresh = agent.beat()
    assert status == 202 and len({*lost, fresh}) == 3
    assert agent.beat(lost[0])[0] == 401 and agent.beat(lost[1])[0] == 401, "an unconfirmed one is void"
    assert agent.beat(fresh) == (202, None)
    assert agent.beat()[0] == 401, "the first use of the new one ends the old one"
    assert states(node) == ["active", "revoked"]
    verbs = set(AuditEvent.objects.filter(subject_id=node.pk).values_list("verb", flat=True))
    assert {"node.credential.rotated", "node.credential.delivered", "node.credential.confirmed"} <= verbs


def test_answered_to_the_person_the_old_one_works_for_fifteen_minutes(api, alice, node, agent):
    token = rotate(api, alice, node)["token"]
    assert agent.beat()[0] == 202
    with clock.frozen(clock.now() + timedelta(minutes=14, seconds=50)):
        assert agent.beat()[0] == 202
    with clock.frozen(clock.now() + timedelta(minutes=15, seconds=1)):
        assert agent.beat()[0] == 401
        assert agent.beat(token)[0] == 202


def test_rotating_again_before_the_new_one_was_used_voids_it_but_never_the_working_one(api, alice, node, agent):
    first, second = rotate(api, alice, node)["token"], rotate(api, alice, node)["token"]
    assert agent.beat(first)[0] == 401
    assert agent.beat()[0] == 202
    assert agent.beat(second)[0] == 202
    assert agent.beat()[0] == 401


def test_the_first_one_goes_on_though_it_was_never_used(api, alice):
    node = make_node(online=False)
    first = issue_token(node)
    second = rotate(api, alice, node)["token"]
    beat = lambda token, seq: ApiClient(token).post(f"/nodes/{node.pk}/heartbeat", heartbeat(seq=seq)).status_code  # noqa: E731
    assert beat(first, 1) == 202, "whoever has just pasted it is not locked out"
    assert beat(second, 2) == 202 and beat(first, 3) == 401


def test_revoke_now_ends_every_older_one_at_once(api, alice, node, agent):
    token = rotate(api, alice, node, revokeNow=True, reason="stolen")["token"]
    assert agent.beat()[0] == 401
    assert agent.beat(token)[0] == 202
    refused = api(alice).post(f"/nodes/{node.pk}/credentials/rotate", {"deliver": "node", "revokeNow": True})
    assert refused.status_code == 400 and refused.json()["data"]["errors"][0]["path"] == "revokeNow"


def test_a_retired_node_has_no_credential_and_gets_none(api, alice, node, agent):
    assert api(alice).patch(f"/nodes/{node.pk}", {"retired": True}).status_code == 200
    assert agent.beat()[0] == 401 and states(node) == ["revoked"]
    refused = api(alice).post(f"/nodes/{node.pk}/credentials/rotate", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "node_retired")
    actions = api(alice).get(f"/nodes/{node.pk}/actions").json()["data"]["actions"]
    assert actions["rotateCredential"]["code"] == "node_retired"


def test_what_ended_meanwhile_ends_once_and_delivers_nothing(alice):
    node, actor = make_node(), actor_of_user(alice)
    issue_token(node)
    row = NodeCredential.objects.get(node=node)
    credentials.rotate(actor=actor, node=node, deliver="node", revoke_now=False, reason="")
    old = NodeCredential.objects.get(pk=row.pk)
    for _ in range(2):
        credentials.revoke(actor=actor, credential=row)
    assert AuditEvent.objects.filter(verb="node.credential.revoked").count() == 1
    assert credentials.deliver_fresh(old) is None
    with pytest.raises(ApiError) as refused:
        credentials._confirm(row)
    assert refused.value.code == "credential_revoked"


def test_a_node_without_any_gets_one_for_a_person_and_none_over_the_wire(api, alice):
    node = make_node(online=False)
    refused = api(alice).post(f"/nodes/{node.pk}/credentials/rotate", {"deliver": "node"})
    assert refused.status_code == 400 and refused.json()["data"]["errors"][0]["path"] == "deliver"
    assert rotate(api, alice, node)["token"].startswith("tr_node_")


def test_no_token_is_ever_stored_or_replayed(api, alice, node):
    body, key = {"alias": "once", "location": {"siteId": str(node.site_id)}}, "enrol-once"
    first = api(alice).post("/nodes/enroll", body, Idempotency_Key=key)
    again = api(alice).post("/nodes/enroll", body, Idempotency_Key=key)
    token = first.json()["data"]["credential"]["token"]
    assert first.status_code == again.status_code == 201 and token.startswith("tr_node_")
    assert again.json()["data"]["credential"]["token"] is None and again.json()["data"]["node"]["id"] == first.json()["data"]["node"]["id"]
    row = NodeCredential.objects.get(pk=first.json()["data"]["credential"]["id"])
    assert token not in str(vars(row)) and row.last_four == token[-4:]
    assert not any(token in str(vars(event)) for event in AuditEvent.objects.all())
