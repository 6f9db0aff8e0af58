"""Groups through the API: their roles, members and grants."""

import pytest
from django.contrib.auth.models import Group

from audit.models import AuditEvent
from operators.access import holdings
from tests.factories.nodes import make_node
from tests.factories.users import make_user

pytestmark = pytest.mark.django_db


def code(reply) -> tuple:
    return reply.status_code, reply.json().get("code")


def test_members_have_the_roles_and_grants_of_their_group(api, alice, mallory):
    node = make_node()
    body = {
        "name": "Watch",
        "roles": ["viewer"],
        "memberIds": [str(mallory.pk)],
        "resourceGrants": [{"resourceType": "node", "resourceId": str(node.pk)}],
    }
    assert code(api(mallory).get("/sites")) == (403, "permission_denied")
    reply = api(alice).post("/auth/groups", body)
    made = reply.json()["data"]
    assert reply.status_code == 201 and {name: made[name] for name in body} == body
    assert reply["Location"] == f"/api/v1/auth/groups/{made['id']}"
    assert api(mallory).get(f"/nodes/{node.pk}").status_code == 200
    assert "viewer" not in api(alice).get(f"/auth/users/{mallory.pk}").json()["data"]["user"]["roles"]
    assert "node:read" in api(alice).get(f"/auth/users/{mallory.pk}").json()["data"]["user"]["permissions"]
    assert api(alice).get("/auth/groups?search=wat").json()["data"] == [made]
    assert api(alice).get(f"/auth/groups?userId={mallory.pk}").json()["data"] == [made]
    assert api(alice).get(f"/auth/groups?userId={alice.pk}").json()["data"] == []
    assert api(alice).patch(f"/auth/groups/{made['id']}", {"memberIds": []}).json()["data"]["memberIds"] == []
    assert code(api(mallory).get("/sites")) == (403, "permission_denied")
    rows = AuditEvent.objects.filter(subject_kind="group", subject_id=made["id"]).order_by("id")
    assert [row.verb for row in rows] == ["auth.group.created", "auth.group.updated"]
    assert rows[1].before == {"memberIds": [str(mallory.pk)]} and rows[1].after == {"memberIds": []}


def test_names_are_unique_and_what_is_named_must_exist(api, alice):
    api(alice).post("/auth/groups", {"name": "Watch"})
    assert code(api(alice).post("/auth/groups", {"name": "Watch"})) == (409, "duplicate_name")
    nobody = {"name": "Crew", "memberIds": ["01900000-0000-7000-8000-000000000000"]}
    reply = api(alice).post("/auth/groups", nobody)
    assert code(reply) == (404, "reference_not_found") and reply.json()["data"] == {"path": "memberIds[0]"}
    for number in (4711, 10**30):
        assert code(api(alice).patch(f"/auth/groups/{number}", {"name": "x"})) == (404, "not_found")
    assert code(api(alice).post("/auth/groups", {})) == (400, "validation_failed")


def test_an_edit_on_an_old_state_is_refused(api, alice):
    reply = api(alice).post("/auth/groups", {"name": "Watch"})
    path, seen = f"/auth/groups/{reply.json()['data']['id']}", reply["ETag"]
    assert api(alice).patch(path, {"roles": ["viewer"]}, if_match=seen).status_code == 200
    assert code(api(alice).patch(path, {"roles": ["auditor"]}, if_match=seen)) == (412, "edit_conflict")


def test_a_group_of_owners_is_not_emptied_by_its_last_one(api, alice):
    owners = Group.objects.create(name="Owners")
    holdings.set_roles(owners, ["owner"])
    olga = make_user("olga", roles=["admin"])
    olga.groups.add(owners)
    alice.role_rows.all().delete()
    assert code(api(olga).patch(f"/auth/groups/{owners.pk}", {"memberIds": []})) == (409, "last_owner")
    assert code(api(olga).delete(f"/auth/groups/{owners.pk}")) == (409, "last_owner")
    olga.role_rows.all().delete()
    assert code(api(olga).delete(f"/auth/groups/{owners.pk}")) == (409, "self_lockout")
    assert Group.objects.filter(pk=owners.pk).exists()


def test_two_hundred_are_enough(api, alice):
    Group.objects.bulk_create([Group(name=f"g{number}") for number in range(200)])
    assert code(api(alice).post("/auth/groups", {"name": "one more"})) == (409, "limit_reached")


def test_what_a_group_gives_an_owner_is_taken_by_owners_alone(api, alice):
    ann, node = make_user("ann", roles=["admin"]), make_node()
    made = api(alice).post("/auth/groups", {"name": "Watch", "roles": ["viewer"], "memberIds": [str(alice.pk)]}).json()["data"]
    path, granted = f"/auth/groups/{made['id']}", [{"resourceType": "node", "resourceId": str(node.pk)}]
    for body in ({"roles": []}, {"roles": ["viewer", "operator"]}, {"resourceGrants": granted}, {"memberIds": []}):
        assert code(api(ann).patch(path, body)) == (403, "permission_denied"), body
    assert code(api(ann).delete(path)) == (403, "permission_denied")
    # What changes nothing for the owner is no matter of owners.
    assert code(api(ann).patch(path, {"name": "Night watch", "roles": ["viewer"], "resourceGrants": []})) == (200, None)
    for body in ({"roles": ["operator"]}, {"resourceGrants": granted}):
        assert code(api(alice).patch(path, body)) == (200, None)
    assert api(alice).delete(path).status_code == 204
