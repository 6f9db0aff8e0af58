"""The pure decision, by table: deny beats everything, permission and scope are both needed, and the answer says why."""

import pytest

from config.kernel.access import Decision, Perm
from operators.access.catalogue import permissions_of
from operators.access.decision import Rule, Standing, judge
from operators.access.models import Effect, Role
from operators.access.scopes import Link

SITE = Link("site", "s1")
NODE = Link("node", "n1", (SITE,))
ORPHAN = Link("node", "n2")
SETTING = Link("recording_profile", "p1", open=True)
USER = Link("user", "u1", open=True, policies=False)
EVENT = Link("health_event", "h1", (NODE, Link("recording", "r1")), all_of=True)


def allow(kind, pk, permissions=("*",)):
    return Rule("a", Effect.ALLOW, frozenset(permissions), kind, pk)


def deny(kind, pk, permissions=("*",)):
    return Rule("d", Effect.DENY, frozenset(permissions), kind, pk)


def standing(*roles, rules=(), everywhere=()):
    return Standing("u", roles=frozenset(roles), permissions=permissions_of(roles), rules=tuple(rules), everywhere=frozenset(everywhere))


@pytest.mark.parametrize(
    "who, permission, link, granted, expected",
    [
        (standing(), Perm.NODE_READ, None, (), Decision(False, "permission_denied")),
        (standing(Role.VIEWER), Perm.NODE_READ, None, (), Decision(True, "user", "role")),
        (standing(Role.VIEWER), Perm.NODE_READ, NODE, (), Decision(False, "out_of_scope")),
        (standing(Role.VIEWER), Perm.NODE_CONTROL, NODE, [("node", "n1")], Decision(False, "permission_denied")),
        (standing(Role.VIEWER), Perm.NODE_READ, NODE, [("node", "n1")], Decision(True, "user", "grant:node")),
        (standing(Role.VIEWER), Perm.NODE_READ, NODE, [("site", "s1")], Decision(True, "user", "grant:site")),
        (standing(Role.VIEWER, everywhere=["site"]), Perm.NODE_READ, NODE, (), Decision(True, "user", "grant:site")),
        (standing(Role.VIEWER, everywhere=["site"]), Perm.NODE_READ, ORPHAN, (), Decision(False, "out_of_scope")),
        (standing(Role.VIEWER, rules=[allow("site", "*")]), Perm.NODE_READ, NODE, (), Decision(True, "user", "policy:a")),
        (standing(Role.VIEWER, rules=[allow("site", "*", ["health:read"])]), Perm.NODE_READ, NODE, (), Decision(False, "out_of_scope")),
        (standing(rules=[allow("site", "*")]), Perm.NODE_READ, NODE, (), Decision(False, "permission_denied")),
        (standing(Role.ADMIN), Perm.NODE_READ, NODE, (), Decision(True, "user", "role:admin")),
        (standing(Role.OWNER, rules=[deny("site", "s1")]), Perm.NODE_READ, NODE, (), Decision(False, "policy_denied", "policy:d")),
        (standing(Role.OWNER, rules=[deny("site", "s1", ["node:read"])]), Perm.NODE_CONTROL, NODE, (), Decision(True, "user", "role:owner")),
        (standing(Role.OWNER, rules=[deny("node", "n1")]), Perm.NODE_READ, SITE, (), Decision(True, "user", "role:owner")),
        (standing(Role.VIEWER, rules=[deny("node", "*")]), Perm.NODE_READ, NODE, [("node", "n1")], Decision(False, "policy_denied", "policy:d")),
        (standing(Role.VIEWER), Perm.SETTINGS_READ, SETTING, (), Decision(True, "user", "open:recording_profile")),
        (
            standing(Role.VIEWER, rules=[deny("recording_profile", "p1")]),
            Perm.SETTINGS_READ,
            SETTING,
            (),
            Decision(False, "policy_denied", "policy:d"),
        ),
        (standing(Role.OWNER, rules=[deny("user", "*")]), Perm.AUTH_MANAGE, USER, (), Decision(True, "user", "role:owner")),
        (standing(Role.AUDITOR), Perm.HEALTH_READ, EVENT, [("node", "n1")], Decision(False, "out_of_scope")),
        (standing(Role.AUDITOR), Perm.HEALTH_READ, EVENT, [("site", "s1"), ("recording", "r1")], Decision(True, "user", "grant:site")),
    ],
)
def test_the_decision(who, permission, link, granted, expected):
    assert judge(who, permission, link, granted) == expected


def test_a_role_adds_and_never_takes():
    for role in Role:
        assert permissions_of([role]) <= permissions_of([role, Role.VIEWER])
    assert permissions_of([Role.OWNER]) == set(Perm)
    assert permissions_of([Role.ADMIN]) == set(Perm) - {Perm.SYSTEM_ADMIN}
