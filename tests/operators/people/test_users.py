"""Users through the API: made, looked at, given access, reset, disabled, deleted."""

import threading

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from audit.models import AuditEvent
from operators.access import holdings
from operators.identity.models import SignIn, User
from tests.cast import ApiClient, token_of
from tests.factories.nodes import make_node, make_site
from tests.factories.users import make_user

pytestmark = pytest.mark.django_db
NOWHERE = "01900000-0000-7000-8000-000000000000"
PASSWORD = "a long enough passphrase 7"


@pytest.fixture
def ann(db):
    """An admin: everything but system:admin."""
    return make_user("ann", roles=["admin"])


def new(**fields) -> dict:
    return {"email": "dora@example.org", "name": "Dora", "password": PASSWORD, "roles": ["viewer"], **fields}


def code(reply) -> tuple:
    return reply.status_code, reply.json().get("code")


def test_a_new_user_signs_in_and_has_what_was_given(api, alice):
    site, group = make_site(), Group.objects.create(name="Crew")
    body = new(email="Dora@Example.org", groupIds=[group.pk], resourceGrants=[{"resourceType": "site", "resourceId": str(site.pk)}])
    reply = api(alice).post("/auth/users", body)
    made = reply.json()["data"]
    assert reply.status_code == 201 and reply["Location"] == f"/api/v1/auth/users/{made['id']}"
    assert (made["email"], made["roles"], made["groupIds"], made["providers"]) == ("dora@example.org", ["viewer"], [group.pk], ["local"])
    assert made["resourceGrants"] == [{"resourceType": "site", "resourceId": str(site.pk)}]
    assert "node:read" in made["permissions"] and made["mustChangePassword"] is False
    signed_in = api().post("/auth/login", {"email": "dora@example.org", "password": PASSWORD}).json()["data"]
    assert signed_in["user"]["resourceGrants"] == made["resourceGrants"]
    row = AuditEvent.objects.get(verb="auth.user.created", subject_id=made["id"])
    assert row.after["roles"] == ["viewer"] and row.after["grants"] == [f"site:{site.pk}"] and PASSWORD not in str(row.after)
    assert code(api(alice).post("/auth/users", new())) == (409, "email_taken")


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"roles": []}, (400, "validation_failed")),
        ({"roles": ["king"]}, (400, "validation_failed")),
        ({"password": "short"}, (400, "validation_failed")),
        ({"password": "dora@example.org"}, (400, "validation_failed")),
        ({"email": "no e-mail"}, (400, "validation_failed")),
        ({"isStaff": True}, (400, "unknown_parameter")),
        ({"groupIds": [4711]}, (404, "reference_not_found")),
        ({"resourceGrants": [{"resourceType": "site", "resourceId": NOWHERE}]}, (404, "reference_not_found")),
        ({"resourceGrants": [{"resourceType": "site", "resourceId": "no id"}]}, (404, "reference_not_found")),
        ({"resourceGrants": [{"resourceType": "interface", "resourceId": NOWHERE}]}, (400, "validation_failed")),
    ],
)
def test_what_is_wrong_makes_nobody(api, alice, change, answer):
    reply = api(alice).post("/auth/users", new(**change))
    assert code(reply) == answer
    if answer[1] == "reference_not_found":
        assert reply.json()["data"]["path"] in {"groupIds[0]", "resourceGrants[0].resourceId"}
    assert not User.objects.filter(email="dora@example.org").exists()


def test_lists_are_filtered_sorted_and_cost_the_same_for_many(api, alice, bob, carol, django_assert_max_num_queries):
    group = Group.objects.create(name="Crew")
    bob.groups.add(group)
    User.objects.filter(pk=carol.pk).update(must_change_password=True)
    listed = lambda query: [row["name"] for row in api(alice).get(f"/auth/users?{query}").json()["data"]]  # noqa: E731
    assert listed("sort=-name") == ["Carol", "Bob", "Alice"]
    assert listed("role=viewer&role=operator&sort=email") == ["Bob", "Carol"]
    assert listed(f"groupId={group.pk}") == ["Bob"]
    assert listed("search=CAROL") == ["Carol"] and listed("mustChangePassword=true") == ["Carol"]
    assert listed("disabled=true") == [] and listed("provider=wallet") == []
    assert code(api(alice).get("/auth/users?colour=red")) == (400, "unknown_parameter")
    page = api(alice).get("/auth/users?limit=2&sort=createdAt").json()
    rest = api(alice).get(f"/auth/users?limit=2&sort=createdAt&cursor={page['meta']['nextCursor']}").json()
    assert [row["name"] for row in [*page["data"], *rest["data"]]] == ["Alice", "Bob", "Carol"]
    for number in range(20):
        make_user(f"person{number:02}", roles=["viewer"]).groups.add(group)
    with django_assert_max_num_queries(24):
        assert len(listed("limit=200")) == 23


def test_only_who_manages_access_gets_anywhere(api, bob, carol):
    for path in (
        "/auth/users",
        f"/auth/users/{bob.pk}",
        f"/auth/users/{NOWHERE}",
        f"/auth/users/{bob.pk}/actions",
        "/auth/groups",
        "/auth/access-policies",
    ):
        reply = api(carol).get(path)
        assert code(reply) == (403, "permission_denied") and reply.json()["data"]["permission"] == "auth:manage"
    assert code(api(carol).patch(f"/auth/users/{carol.pk}/access", {"roles": ["owner"]})) == (403, "permission_denied")
    assert code(api().get("/auth/users")) == (401, "not_authenticated")


def test_a_detail_says_what_can_be_done_and_the_writes_agree(api, alice, ann, carol):
    detail = api(ann).get(f"/auth/users/{carol.pk}").json()["data"]
    assert set(detail) == {"user", "actions", "links"} and set(detail["actions"]) == {"updateAccess", "resetPassword", "disable", "enable", "delete"}
    assert detail["actions"] == api(ann).get(f"/auth/users/{carol.pk}/actions").json()["data"]["actions"]
    assert detail["actions"]["resetPassword"]["code"] == "password_unavailable"
    assert code(api(ann).patch(f"/auth/users/{carol.pk}/password", {"generate": True})) == (409, "password_unavailable")
    of_owner = api(ann).get(f"/auth/users/{alice.pk}/actions").json()["data"]["actions"]
    assert {(state["code"], state["permission"]) for state in of_owner.values()} == {("permission_denied", "system:admin")}
    for method, path, body in (("PATCH", "access", {"roles": ["viewer"]}), ("PATCH", "status", {"disabled": True}), ("DELETE", "", None)):
        reply = api(ann).request(method, f"/auth/users/{alice.pk}/{path}".rstrip("/"), body)
        assert code(reply) == (403, "permission_denied") and reply.json()["data"]["permission"] == "system:admin"
    own = api(ann).get(f"/auth/users/{ann.pk}/actions").json()["data"]["actions"]
    assert (own["disable"]["code"], own["delete"]["code"]) == ("self_lockout", "self_lockout")


def test_nobody_gives_or_takes_what_they_do_not_hold(api, alice, ann, bob):
    owners = Group.objects.create(name="Owners")
    holdings.set_roles(owners, ["owner"])
    assert code(api(ann).post("/auth/users", new(roles=["owner"]))) == (403, "permission_denied")
    assert code(api(ann).patch(f"/auth/users/{bob.pk}/access", {"roles": ["operator", "owner"]})) == (403, "permission_denied")
    assert code(api(ann).patch(f"/auth/users/{bob.pk}/access", {"groupIds": [owners.pk]})) == (403, "permission_denied")
    assert code(api(ann).patch(f"/auth/groups/{owners.pk}", {"memberIds": [str(bob.pk)]})) == (403, "permission_denied")
    assert code(api(ann).delete(f"/auth/groups/{owners.pk}")) == (403, "permission_denied")
    assert api(alice).patch(f"/auth/users/{bob.pk}/access", {"groupIds": [owners.pk]}).status_code == 200
    assert code(api(ann).patch(f"/auth/users/{bob.pk}/access", {"roles": []})) == (403, "permission_denied"), "bob is an owner now, by the group"


def test_access_is_replaced_part_by_part_with_one_audit_row(api, alice, bob):
    site, node = make_site(), make_node()
    grants = [{"resourceType": "site", "resourceId": str(site.pk)}, {"resourceType": "node", "resourceId": "*"}]
    client = api(alice)
    seen = client.get(f"/auth/users/{bob.pk}")["ETag"]
    reply = client.patch(f"/auth/users/{bob.pk}/access", {"resourceGrants": grants}, if_match=seen)
    assert reply.status_code == 200 and reply.json()["data"]["roles"] == ["operator"]
    assert {(g["resourceType"], g["resourceId"]) for g in reply.json()["data"]["resourceGrants"]} == {("site", str(site.pk)), ("node", "*")}
    assert code(client.patch(f"/auth/users/{bob.pk}/access", {"roles": ["viewer"]}, if_match=seen)) == (412, "edit_conflict")
    assert (
        client.patch(f"/auth/users/{bob.pk}/access", {"roles": ["viewer"]}).json()["data"]["resourceGrants"] == reply.json()["data"]["resourceGrants"]
    )
    rows = AuditEvent.objects.filter(subject_id=bob.pk, verb="auth.user.access_changed").order_by("id")
    assert [(row.before, row.after) for row in rows] == [
        ({"grants": []}, {"grants": ["node:*", f"site:{site.pk}"]}),
        ({"roles": ["operator"]}, {"roles": ["viewer"]}),
    ]
    client.patch(f"/auth/users/{bob.pk}/access", {"roles": ["viewer"], "resourceGrants": [{"resourceType": "node", "resourceId": str(node.pk)}]})
    assert holdings.grants(bob) == {("node", str(node.pk))}


def test_a_generated_password_is_shown_once_and_must_be_changed(api, alice):
    dora = make_user("dora", roles=["viewer"], password=PASSWORD)
    old = token_of(dora)
    reply = api(alice).patch(f"/auth/users/{dora.pk}/password", {"generate": True}, idempotency_key="reset-1")
    made = reply.json()["data"]["password"]
    assert len(made) == 20 and reply.json()["data"]["user"]["mustChangePassword"] is True
    replayed = api(alice).patch(f"/auth/users/{dora.pk}/password", {"generate": True}, idempotency_key="reset-1")
    assert replayed["Idempotent-Replayed"] == "true" and "password" not in replayed.json()["data"]
    assert ApiClient(old).get("/auth/me").json()["code"] == "credential_revoked"
    token = api().post("/auth/login", {"email": "dora@example.org", "password": made}).json()["data"]["token"]
    client = ApiClient(token)
    assert code(client.get("/sites")) == (403, "password_change_required")
    assert client.get("/auth/me").status_code == 200
    assert client.patch("/auth/me/password", {"currentPassword": made, "newPassword": "quite another passphrase 8"}).status_code == 204
    assert client.get("/sites").status_code == 200
    assert AuditEvent.objects.filter(verb="auth.password.reset", subject_id=dora.pk).count() == 1
    assert made not in str(list(AuditEvent.objects.values_list("details", "after", "before")))
    for body in ({}, {"generate": False}, {"generate": True, "password": PASSWORD}):
        assert code(api(alice).patch(f"/auth/users/{dora.pk}/password", body)) == (400, "validation_failed")
    weak = api(alice).patch(f"/auth/users/{dora.pk}/password", {"password": "123456789012"}).json()
    assert weak["data"]["errors"][0]["path"] == "password"


def test_disabling_ends_every_sign_in_and_enabling_opens_the_door_again(api, alice):
    dora = make_user("dora", roles=["viewer"], password=PASSWORD)
    tokens = [token_of(dora), token_of(dora)]
    reply = api(alice).patch(f"/auth/users/{dora.pk}/status", {"disabled": True, "reason": "left the house"})
    assert reply.json()["data"]["disabledAt"]
    assert {ApiClient(token).get("/auth/me").json()["code"] for token in tokens} == {"credential_revoked"}
    assert code(api().post("/auth/login", {"email": "dora@example.org", "password": PASSWORD})) == (401, "sign_in_failed")
    assert AuditEvent.objects.get(verb="auth.user.disabled", subject_id=dora.pk).reason == "left the house"
    assert api(alice).patch(f"/auth/users/{dora.pk}/status", {"disabled": False}).json()["data"]["disabledAt"] is None
    assert api().post("/auth/login", {"email": "dora@example.org", "password": PASSWORD}).status_code == 200


def test_deleting_is_real_and_the_trail_keeps_the_label(api, alice, carol):
    token = token_of(carol)
    assert api(alice).delete(f"/auth/users/{carol.pk}").status_code == 204
    assert code(api(alice).get(f"/auth/users/{carol.pk}")) == (404, "not_found")
    assert not User.objects.filter(pk=carol.pk).exists() and not SignIn.objects.filter(user_id=carol.pk).exists()
    assert ApiClient(token).get("/auth/me").status_code == 401
    assert AuditEvent.objects.get(verb="auth.user.deleted", subject_id=carol.pk).subject_label == "carol@example.org"


def test_nobody_locks_themselves_or_everybody_out(api, alice, ann):
    for reply in (
        api(alice).patch(f"/auth/users/{alice.pk}/status", {"disabled": True}),
        api(alice).delete(f"/auth/users/{alice.pk}"),
        api(alice).patch(f"/auth/users/{alice.pk}/access", {"roles": ["viewer"]}),
        api(ann).patch(f"/auth/users/{ann.pk}/access", {"roles": []}),
    ):
        assert code(reply) == (409, "self_lockout")
    assert code(api(alice).patch(f"/auth/users/{alice.pk}/access", {"roles": ["admin"]})) == (409, "last_owner")
    assert holdings.roles(alice) == {"owner"}
    make_user("olga", roles=["owner"])
    assert api(alice).patch(f"/auth/users/{alice.pk}/access", {"roles": ["admin"]}).status_code == 200


def test_the_last_owner_of_a_workspace_is_not_deleted(api, alice, carol):
    from operators.workspaces.models import Member, Workspace

    workspace = Workspace.objects.create(slug="acme", name="Acme", wallet_address="0x" + "1" * 40, roles=["CONSUMER"])
    Member.objects.create(workspace=workspace, user=carol, role="OWNER")
    assert code(api(alice).delete(f"/auth/users/{carol.pk}")) == (409, "last_owner")
    assert api(alice).patch(f"/auth/users/{carol.pk}/status", {"disabled": True}).status_code == 200
    Member.objects.create(workspace=workspace, user=alice, role="OWNER")
    assert api(alice).delete(f"/auth/users/{carol.pk}").status_code == 204


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_disable_each_other_at_once_leave_one(api, alice):
    olga = make_user("olga", roles=["owner"])
    calls = [(api(alice), olga), (api(olga), alice)]
    barrier, answers = threading.Barrier(2), []

    def strike(client, other):
        barrier.wait()
        answers.append(client.patch(f"/auth/users/{other.pk}/status", {"disabled": True}).status_code)
        connection.close()

    threads = [threading.Thread(target=strike, args=call) for call in calls]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert User.objects.filter(pk__in=[alice.pk, olga.pk], disabled_at=None).count() == 1
    assert answers.count(200) == 1
