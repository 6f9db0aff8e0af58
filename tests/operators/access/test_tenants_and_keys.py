"""The tenant and key paths of the decision: `decide` is `scoped` over random memberships, keys, worlds and policies, and paths never mix."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.kernel.access import Actor, Kind, Perm, Reach, ports
from operators.access.decision import Standing, judge
from operators.access.models import AccessPolicy, Effect, Role, SubjectType, policy_id
from operators.access.scopes import Link
from operators.access.selectors import decide, scoped
from operators.workspaces.models import ApiKey, Member, Workspace
from tests.factories.users import make_user
from tests.soak import amount

ROLES, WORLDS = ("OWNER", "ADMIN", "VIEWER"), ("LIVE", "TEST")
PERMISSIONS = (Perm.WORKSPACE_READ, Perm.WORKSPACE_MANAGE, Perm.KEY_MANAGE, Perm.WALLET_READ)
MODELS = (Workspace, Member, ApiKey)
small = st.integers(0, 2)
worlds = st.fixed_dictionaries(
    {
        "roles": st.sets(st.sampled_from([Role.OWNER, Role.ADMIN, Role.AUDITOR, Role.VIEWER]), max_size=1),
        "memberships": st.dictionaries(small, st.sampled_from(ROLES)),
        "rules": st.lists(
            st.tuples(
                st.sampled_from(list(Effect)),
                st.sampled_from([SubjectType.USER, SubjectType.EVERYONE]),
                st.sampled_from([["*"], ["workspace:read"]]),
                st.sampled_from(["workspace", "member", "api_key"]),
                st.just("*") | small,
            ),
            max_size=3,
        ),
        "key": st.tuples(small, st.sampled_from(WORLDS), st.sets(st.sampled_from(["workspace:read", "wallet:read"]), min_size=1)),
    }
)


def a_key(workspace, environment, scopes, digest: bytes) -> ApiKey:
    return ApiKey.objects.create(
        workspace=workspace,
        label="k",
        environment=environment,
        scopes=sorted(scopes),
        digest=digest,
        prefix="tr_key_live_",
        last_four="0000",
        version="2026-11-23",
    )


def build(world):
    AccessPolicy.objects.all().delete()
    workspaces = [Workspace.objects.create(slug=f"w-{number}", name="w", wallet_address="0x", roles=["SUPPLIER"]) for number in range(3)]
    user, other = make_user(roles=world["roles"]), make_user()
    for at, role in world["memberships"].items():
        Member.objects.create(workspace=workspaces[at], user=user, role=role)
    for workspace in workspaces:
        Member.objects.create(workspace=workspace, user=other, role="OWNER")
    rows = [
        a_key(workspace, environment, ["workspace:read"], f"{workspace.slug}{environment}".encode())
        for workspace in workspaces
        for environment in WORLDS
    ]
    targets = {"workspace": workspaces, "member": list(Member.objects.order_by("pk")), "api_key": rows}
    for effect, subject, permissions, kind, which in world["rules"]:
        rule = {
            "effect": effect,
            "subject_type": subject,
            "subject_id": str(user.pk) if subject == SubjectType.USER else "",
            "permissions": permissions,
        }
        rule |= {"resource_type": kind, "resource_id": which if which == "*" else str(targets[kind][which].pk)}
        AccessPolicy.objects.get_or_create(pk=policy_id(**rule), defaults=rule)
    at, environment, scopes = world["key"]
    key = a_key(workspaces[at], environment, scopes, b"the one")
    return Actor(kind=Kind.USER, id=str(user.pk), subject=user), Actor(kind=Kind.API_KEY, id=str(key.pk), subject=key)


@pytest.mark.django_db
@settings(max_examples=amount(40, 600), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds)
def test_what_decide_allows_is_what_scoped_finds(world):
    with transaction.atomic():
        person, key = build(world)
        for actor in (person, key):
            for permission in PERMISSIONS:
                for model in MODELS:
                    allowed = {row.pk for row in model.objects.all() if decide(actor, permission, row).allowed}
                    assert allowed == set(scoped(model.objects.all(), actor, permission).values_list("pk", flat=True)), (
                        actor.kind,
                        permission,
                        model,
                    )
        seen = scoped(ApiKey.objects.all(), key, Perm.WORKSPACE_READ)
        assert {(row.workspace_id, row.environment) for row in seen} <= {(key.subject.workspace_id, key.subject.environment)}
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_member_is_resolved_in_one_statement_and_scoped_in_one_more():
    user = make_user(roles=[Role.VIEWER])
    for number in range(3):
        workspace = Workspace.objects.create(slug=f"w-{number}", name="w", wallet_address="0x", roles=["SUPPLIER"])
        Member.objects.create(workspace=workspace, user=user, role="VIEWER")
    with CaptureQueriesContext(connection) as queries:
        assert scoped(Workspace.objects.all(), Actor(kind=Kind.USER, id=str(user.pk), subject=user), Perm.WORKSPACE_READ).count() == 3
    assert len(queries) == 2


READ = frozenset({Perm.WORKSPACE_READ})
WORKSPACE = Link("workspace", "w1")
SESSION = Link("session", "s1", (WORKSPACE, Link("workspace", "w2")), environment="TEST")
RECORDING = Link("recording", "r1", (SESSION,))


def member(**facts) -> Standing:
    return Standing(user_id="u", tenant={"w1": READ}, **facts)


def key(environment: str) -> Standing:
    return Standing(user_id="", tenant={"w1": READ}, tenant_rule="key", environment=environment)


@pytest.mark.parametrize(
    "who, link, expected",
    [
        (member(), None, ("tenant", True)),
        (member(), WORKSPACE, ("tenant", True)),
        (member(), RECORDING, ("tenant", True)),
        (member(), Link("workspace", "w2"), ("out_of_scope", False)),
        (member(), Link("node", "n1"), ("out_of_scope", False)),
        (key("TEST"), RECORDING, ("key", True)),
        (key("LIVE"), RECORDING, ("out_of_scope", False)),
        (key("LIVE"), WORKSPACE, ("key", True)),
        (member(), Link("event", "e1", (WORKSPACE, Link("workspace", "w2")), all_of=True), ("out_of_scope", False)),
        (member(), Link("event", "e1", (WORKSPACE, SESSION), all_of=True), ("tenant", True)),
        # A role that holds it elsewhere does not reach here, and a grant of that role's world adds nothing to the tenant's.
        (member(permissions=READ, roles=frozenset({Role.AUDITOR})), WORKSPACE, ("tenant", True)),
        (member(permissions=READ, roles=frozenset({Role.AUDITOR})), Link("workspace", "w2"), ("out_of_scope", False)),
        (member(permissions=READ, roles=frozenset({Role.ADMIN})), Link("workspace", "w2"), ("user", True)),
        (Standing(user_id="u"), WORKSPACE, ("permission_denied", False)),
    ],
)
def test_the_two_paths(who, link, expected):
    decision = judge(who, Perm.WORKSPACE_READ, link)
    assert (decision.rule, decision.allowed) == expected


def test_a_grant_on_another_tenants_thing_adds_nothing_to_a_membership():
    assert not judge(member(), Perm.WORKSPACE_READ, Link("session", "s2"), granted={("session", "s2")}).allowed


@pytest.mark.django_db
def test_the_audit_hears_in_which_workspaces_a_member_reads():
    user = make_user()
    workspace = Workspace.objects.create(slug="w-1", name="w", wallet_address="0x", roles=["SUPPLIER"])
    Member.objects.create(workspace=workspace, user=user, role="ADMIN")
    actor = Actor(kind=Kind.USER, id=str(user.pk), subject=user)
    assert ports.reach(actor, Perm.AUDIT_READ) == Reach(workspaces=(str(workspace.pk),))
    assert ports.reach(actor, Perm.NODE_READ) == Reach()
    member_row = Member.objects.get()
    assert ports.ancestors("member", member_row.pk) == [f"workspace:{workspace.pk}"]
