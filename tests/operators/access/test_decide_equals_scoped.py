"""`decide` and `scoped` are one rule: over random worlds, what the one allows is exactly what the other finds."""

from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.kernel import clock
from config.kernel.access import Actor, Kind, Perm, system
from nodes.fleet.models import Interface, Node, NodeGroupGrant, NodeUserGrant, Room, Site, SiteGroupGrant, SiteUserGrant
from nodes.health.models import HealthEvent
from operators.access import scopes
from operators.access.holdings import scope_permission
from operators.access.models import AccessPolicy, Effect, GroupRole, Role, SubjectType, policy_id
from operators.access.selectors import decide, scoped
from operators.access.services import set_grants, set_roles
from tests.factories.users import make_user
from tests.soak import amount

RECORDINGS = [UUID(int=number) for number in (1, 2)]
KINDS = {"site": Site, "room": Room, "node": Node, "interface": Interface, "health_event": HealthEvent}
PERMISSIONS = (Perm.NODE_READ, Perm.NODE_CONTROL, Perm.HEALTH_READ)


@pytest.fixture(autouse=True)
def kinds(monkeypatch):
    """The spec's ancestors, whatever the apps have registered; `recording` is a kind that nobody registered, `room` an open one."""
    monkeypatch.setattr(scopes, "_by_name", {})
    monkeypatch.setattr(scopes, "_by_model", {})
    scopes.register_kind("site", Site, grant_models=(SiteUserGrant, SiteGroupGrant))
    scopes.register_kind("node", Node, ancestors={"site": "site_id"}, grant_models=(NodeUserGrant, NodeGroupGrant))
    scopes.register_kind("room", Room, ancestors={"site": "site_id"}, open=True)
    scopes.register_kind("interface", Interface, ancestors={"node": "node_id", "room": "room_id"})
    scopes.register_kind("health_event", HealthEvent, ancestors={"node": "node_id", "recording": "recording_id"}, all_of=True)


small = st.integers(0, 3)
rules = st.tuples(
    st.sampled_from(list(Effect)),
    st.sampled_from(list(SubjectType)),
    st.sampled_from([["*"], ["node:read"], ["node:read", "health:read"]]),
    st.sampled_from([*KINDS, "recording"]),
    st.one_of(st.just("*"), small),
)
worlds = st.fixed_dictionaries(
    {
        "roles": st.sets(st.sampled_from(list(Role)), max_size=2),
        "group_roles": st.sets(st.sampled_from([Role.VIEWER, Role.OPERATOR, Role.ADMIN]), max_size=1),
        "in_group": st.booleans(),
        "node_sites": st.lists(small, min_size=4, max_size=4),
        "interfaces": st.lists(st.tuples(small, st.none() | small), min_size=4, max_size=4),
        "events": st.lists(st.tuples(st.none() | small, st.none() | st.sampled_from([0, 1])), min_size=4, max_size=4),
        "rules": st.lists(rules, max_size=4),
        "grants": st.lists(st.tuples(st.sampled_from(["site", "node"]), st.sampled_from(["user", "group"]), small), max_size=3),
        "everywhere": st.sets(st.sampled_from(["site", "node"]), max_size=1),
    }
)


def things(world) -> dict:
    """Four sites, rooms, nodes, interfaces and events, related as the world says."""
    sites = [Site.objects.create(name=f"s{n}", slug=f"s{n}") for n in range(4)]
    rooms = [Room.objects.create(site=site, name="r") for site in sites]
    nodes = [Node.objects.create(alias=f"n{n}", site=sites[at]) for n, at in enumerate(world["node_sites"])]
    interfaces = [Interface.objects.create(node=nodes[node], room=None if room is None else rooms[room]) for node, room in world["interfaces"]]
    now = clock.now()
    events = [
        HealthEvent.objects.create(
            type="t", severity="info", severity_rank=0, source="node", message="m", fingerprint=str(n), opened_at=now, last_seen_at=now,
            node=None if node is None else nodes[node], recording_id=None if recording is None else RECORDINGS[recording],
        )
        for n, (node, recording) in enumerate(world["events"])
    ]  # fmt: skip
    return {"site": sites, "room": rooms, "node": nodes, "interface": interfaces, "health_event": events}


def build(world):
    AccessPolicy.objects.all().delete()
    made = things(world)
    user, group = make_user(roles=world["roles"]), Group.objects.create(name="g")
    GroupRole.objects.bulk_create([GroupRole(group=group, role=role) for role in world["group_roles"]])
    if world["in_group"]:
        user.groups.add(group)
    for effect, subject, permissions, kind, which in world["rules"]:
        target = "*" if which == "*" else str(RECORDINGS[which % 2]) if kind == "recording" else str(made[kind][which].pk)
        about = {SubjectType.USER: str(user.pk), SubjectType.GROUP: str(group.pk)}.get(subject, "")
        rule = {
            "effect": effect,
            "subject_type": subject,
            "subject_id": about,
            "permissions": permissions,
            "resource_type": kind,
            "resource_id": target,
        }
        AccessPolicy.objects.get_or_create(pk=policy_id(**rule), defaults=rule)
    for kind in {kind for kind, *_ in world["grants"]}:
        for holder in ("user", "group"):
            ids = {made[kind][which].pk for named, to, which in world["grants"] if (named, to) == (kind, holder)}
            set_grants(kind=kind, actor=system("test"), object_ids=ids, **{holder: user if holder == "user" else group})
    for kind in world["everywhere"]:
        user.user_permissions.add(scope_permission(scopes.named(kind)))
    return user, made


@pytest.mark.django_db
@settings(max_examples=amount(40, 600), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds)
def test_what_decide_allows_is_what_scoped_finds(world):
    with transaction.atomic():
        user, made = build(world)
        actor = Actor(kind=Kind.USER, id=str(user.pk), subject=user)
        for permission in PERMISSIONS:
            for kind, model in KINDS.items():
                allowed = {row.pk for row in made[kind] if decide(actor, permission, row).allowed}
                assert allowed == set(scoped(model.objects.all(), actor, permission).values_list("pk", flat=True)), (permission, kind)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_an_actor_is_resolved_in_one_statement_and_scoped_in_one_more():
    world = {"roles": [Role.VIEWER], "group_roles": [Role.OPERATOR], "in_group": True, "node_sites": [0, 1, 2, 3], "interfaces": [], "events": []}
    user, made = build(
        world
        | {"rules": [(Effect.DENY, SubjectType.EVERYONE, ["*"], "site", 1)], "grants": [("site", "user", 0), ("node", "group", 3)], "everywhere": ()}
    )
    actor = Actor(kind=Kind.USER, id=str(user.pk), subject=user)
    with CaptureQueriesContext(connection) as queries:
        rows = list(scoped(Node.objects.all(), actor, Perm.NODE_READ).order_by("alias"))
    assert rows == [made["node"][0], made["node"][3]]
    assert len(queries) == 2


@pytest.mark.django_db
def test_a_null_ancestor_does_not_drop_a_row_that_a_deny_policy_does_not_name():
    world = {"roles": [Role.OWNER], "group_roles": [], "in_group": False, "node_sites": [0, 0, 0, 0], "grants": [], "everywhere": ()}
    world |= {
        "interfaces": [(0, None), (1, 1)],
        "events": [(None, None), (0, None)],
        "rules": [(Effect.DENY, SubjectType.EVERYONE, ["*"], "room", 1)],
    }
    user, made = build(world)
    actor = Actor(kind=Kind.USER, id=str(user.pk), subject=user)
    assert list(scoped(Interface.objects.all(), actor, Perm.NODE_READ)) == [made["interface"][0]]
    assert scoped(HealthEvent.objects.all(), actor, Perm.HEALTH_READ).count() == 2


@pytest.mark.django_db
def test_only_users_keys_and_console_operators_have_a_standing(alice):
    set_roles(user=alice, roles=[Role.OWNER], actor=system("test"))
    site = Site.objects.create(name="s", slug="s")
    for kind in set(Kind) - {Kind.USER, Kind.API_KEY, Kind.CONSOLE_OPERATOR}:
        assert not decide(Actor(kind=kind, id=str(alice.pk), subject=alice), Perm.NODE_READ, site).allowed
        assert not scoped(Site.objects.all(), Actor(kind=kind, id=str(alice.pk), subject=alice), Perm.NODE_READ).exists()
