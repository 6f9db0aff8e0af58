"""The kernel's ports before any app has filled them: nobody may, nothing is in reach, nothing is locked. And the first refusals of its door."""

import pytest
from django.test import RequestFactory

from config.kernel import authentication, guard
from config.kernel.access import ANONYMOUS, Actor, Kind, Perm, Ports, Reach, Route, ports, system
from config.kernel.errors import ApiError

EMPTY = Ports()
USER = Actor(kind=Kind.USER, id="1", label="One")


def code(act) -> str:
    with pytest.raises(ApiError) as refused:
        act()
    return refused.value.code


def test_nobody_may_and_nothing_is_in_reach():
    assert not EMPTY.decide(USER, Perm.NODE_READ).allowed
    assert [said.allowed for said in EMPTY.decide_each(USER, [Perm.NODE_READ], None).values()] == [False]
    assert (
        EMPTY.reach(USER, Perm.AUDIT_READ) == Reach() and EMPTY.ancestors("node", "1") == [] and EMPTY.rows_in_scope("node", ["1"], USER, None) == {}
    )
    assert EMPTY.record("node.updated") is EMPTY.cookie_actor(None) is EMPTY.model_of("node") is None
    assert EMPTY.access_epoch() == 0 and not EMPTY.key_scope(Perm.NODE_READ)


@pytest.mark.django_db
def test_no_row_is_in_scope():
    from nodes.fleet.models import Node

    assert not EMPTY.scoped(Node.objects.all(), USER, Perm.NODE_READ).exists()


def test_nothing_is_locked_and_a_permission_is_still_asked_for(monkeypatch):
    EMPTY.admit(USER, Route())
    monkeypatch.setattr(ports, "decide", EMPTY.decide)
    assert code(lambda: EMPTY.admit(USER, Route(Perm.NODE_MANAGE))) == "permission_denied"


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer  ", "tr_usr_abc"])
def test_what_is_no_bearer_credential_is_refused(header):
    assert code(lambda: authentication.bearer(header)) == "credential_invalid"


def test_no_header_is_nobody_and_no_prefix_is_no_credential():
    assert authentication.bearer("") is None
    for token in ("nonsense", "tr_xyz_" + "a" * 43):
        assert code(lambda token=token: authentication.actor_for_token(token)) == "credential_invalid"


def test_a_401_says_which_scheme():
    assert authentication.TallyAuthentication().authenticate_header(RequestFactory().get("/")) == 'Bearer realm="tallyroom"'


def test_what_is_public_is_for_anyone_whatever_they_bring():
    node = Actor(kind=Kind.NODE, id="1", label="n")
    for actor in (ANONYMOUS, node, USER):
        guard.check(actor, Route(public=True, kinds=frozenset()), "POST", {})


def test_a_node_is_for_its_own_routes():
    node, own = Actor(kind=Kind.NODE, id="1", label="n"), Route(kinds=frozenset({Kind.NODE}), node_kwarg="id")
    guard.check(node, own, "POST", {"id": "1"})
    assert code(lambda: guard.check(node, own, "POST", {"id": "2"})) == "credential_not_accepted"
    assert code(lambda: guard.check(USER, own, "POST", {"id": "1"})) == "credential_not_accepted"
    assert code(lambda: guard.check(ANONYMOUS, own, "POST", {"id": "1"})) == "not_authenticated"


def test_a_commands_door_is_the_lock_and_a_reads_the_permission(monkeypatch):
    asked = []
    monkeypatch.setattr(ports, "admit", lambda actor, route: asked.append(route.subsystem))
    guard.check(USER, Route(subsystem="switching"), "POST", {})
    guard.check(USER, Route(subsystem="switching"), "GET", {})
    assert asked == ["switching"]


def test_a_task_acts_for_the_house():
    assert (system("retention.run").kind, system("retention.run").id) == (Kind.SYSTEM, None)
