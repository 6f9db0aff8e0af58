"""Rarer turns of the administration of access: what vanished meanwhile, groups to the end, memberships explained, owners' grants."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from audit.models import AuditEvent
from config.kernel.errors import ApiError
from operators.access import holdings
from operators.access.backend import actor_of_user
from operators.access.models import AccessPolicy
from operators.access.policies import services as policies
from operators.access.policies.serializers import LIMIT
from operators.identity.models import User
from operators.identity.people import groups, services
from operators.workspaces.models import Member, Workspace
from tests.factories.nodes import make_node
from tests.factories.users import make_user
from tests.operators.people.test_admin_screens import browser

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough passphrase 7"


def code(reply) -> tuple:
    return reply.status_code, reply.json().get("code")


def test_what_was_deleted_meanwhile_is_not_there(alice, carol):
    actor, group = actor_of_user(alice), Group.objects.create(name="Crew")
    User.objects.filter(pk=carol.pk).delete()
    Group.objects.filter(pk=group.pk).delete()
    for act in (lambda: services.set_access(actor=actor, user=carol, roles=set()), lambda: groups.edit(actor=actor, group=group, name="x")):
        with pytest.raises(ApiError) as refused:
            act()
        assert refused.value.code == "not_found"


def test_a_group_is_renamed_and_deleted(api, alice, carol):
    Group.objects.create(name="Taken")
    path = f"/auth/groups/{api(alice).post('/auth/groups', {'name': 'Crew', 'memberIds': [str(carol.pk)]}).json()['data']['id']}"
    assert api(alice).patch(path, {"name": "Watch"}).json()["data"]["name"] == "Watch"
    assert code(api(alice).patch(path, {"name": "Taken"})) == (409, "duplicate_name")
    assert api(alice).patch(path, {"name": "Watch"}).status_code == 200
    assert api(alice).delete(path).status_code == 204 and User.objects.filter(pk=carol.pk).exists()
    assert code(api(alice).patch(path, {"name": "Watch"})) == (404, "not_found")


def test_groups_and_grants_of_owners_are_theirs(api, alice):
    ann, group, node = make_user("ann", roles=["admin"]), Group.objects.create(name="Crew"), make_node()
    for client, status in ((api(ann), 403), (api(alice), 200)):
        assert client.patch(f"/auth/groups/{group.pk}", {"memberIds": [str(alice.pk)]}).status_code == status
    owners = Group.objects.create(name="Owners")
    holdings.set_roles(owners, ["owner"])
    assert code(api(ann).patch(f"/auth/groups/{owners.pk}", {"name": "Ours"})) == (403, "permission_denied")
    admin = browser("anton", "admin")
    page = reverse("admin:nodes_node_permissions", args=[node.pk])
    assert "You do not have the permission" in admin.post(page, {"users": [str(alice.pk)]}).content.decode()
    assert holdings.grants(alice) == set()
    assert admin.get(f"{page}group-manage/{group.pk}/").status_code == 302


def test_disabling_twice_changes_and_records_nothing_more(api, alice, carol):
    from audit.models import AuditEvent

    for _ in range(2):
        assert api(alice).patch(f"/auth/users/{carol.pk}/status", {"disabled": True}).status_code == 200
    assert AuditEvent.objects.filter(verb="auth.user.disabled", subject_id=carol.pk).count() == 1
    assert code(api(alice).get("/auth/users?groupId=many")) == (400, "validation_failed")


def test_a_membership_is_explained(api, alice, mallory):
    mine, other = (
        Workspace.objects.create(slug=slug, name=slug, wallet_address="0x" + digit * 40, roles=["CONSUMER"])
        for slug, digit in (("mine", "1"), ("other", "2"))
    )
    Member.objects.create(workspace=mine, user=mallory, role="VIEWER")
    ask = f"/auth/access/explain?userId={mallory.pk}&permission=workspace:read"
    assert api(alice).get(ask).json()["data"]["steps"][2]["outcome"] == "allows"
    about = {pk: api(alice).get(f"{ask}&resourceType=workspace&resourceId={pk}").json()["data"] for pk in (mine.pk, other.pk)}
    assert (about[mine.pk]["allowed"], about[mine.pk]["rule"]) == (True, "tenant")
    assert (about[other.pk]["allowed"], about[other.pk]["rule"]) == (False, "out_of_scope")
    own = api(mallory).get(f"/auth/access/explain?permission=workspace:read&resourceType=workspace&resourceId={other.pk}")
    assert code(own) == (404, "not_found")
    assert code(api(alice).get("/auth/access/explain?permission=node:read&userId=nobody")) == (404, "not_found")


def test_the_explanation_skips_denials_of_other_things(api, alice, carol):
    node, other = make_node(), make_node()
    deny = AccessPolicy(effect="deny", subject_type="everyone", permissions=["*"], resource_type="node", resource_id=str(other.pk))
    deny.pk = policies._as_wanted(deny).id
    deny.save(force_insert=True)
    said = api(alice).get(f"/auth/access/explain?userId={carol.pk}&permission=node:read&resourceType=node&resourceId={node.pk}").json()["data"]
    assert said["allowed"] and said["steps"][0]["outcome"] == "none"


def test_rules_added_one_by_one_end_at_the_limit_and_see_what_others_did(api, alice):
    actor, node = actor_of_user(alice), make_node()
    rule = policies.Wanted(
        {
            "effect": "allow",
            "subject_type": "everyone",
            "subject_id": "",
            "permissions": ["*"],
            "resource_type": "node",
            "resource_id": str(node.pk),
            "reason": "",
        }
    )
    with pytest.raises(ApiError) as refused:
        policies.replace(actor=actor, rules=[rule], check=policies._unchanged([rule]))
    assert refused.value.code == "edit_conflict" and AccessPolicy.objects.count() == 1
    make = lambda number: policies.Wanted({**rule.columns, "resource_id": f"{number}"})  # noqa: E731
    AccessPolicy.objects.bulk_create([AccessPolicy(pk=made.id, **made.columns) for made in map(make, range(LIMIT - 1))])
    with pytest.raises(ApiError) as full:
        policies.add(actor=actor, rule=rule)
    assert (full.value.code, full.value.data) == ("limit_reached", {"limit": LIMIT})
    assert sum(row["stale"] for row in api(alice).get("/auth/access-policies").json()["data"]["policies"]) == LIMIT - 1


def test_a_reworded_reason_is_a_change_of_the_same_rule(api, alice):
    everyone = {"effect": "allow", "subjectType": "everyone", "permissions": ["*"], "resourceType": "site", "resourceId": "*"}
    first = api(alice).get("/auth/access-policies").json()["data"]["policies"][0]
    reply = api(alice).patch("/auth/access-policies", {"policies": [{**everyone, "reason": "the house rule"}]}).json()["data"]["policies"]
    assert (reply[0]["id"], reply[0]["reason"]) == (first["id"], "the house rule")


def test_what_stays_as_it_was_is_not_recorded(api, alice, carol):
    services.set_access(actor=actor_of_user(alice), user=carol, roles={"viewer"})
    assert not AuditEvent.objects.filter(verb="auth.user.access_changed").exists()


def test_a_codename_that_grants_nothing_is_no_grant(api, alice, carol):
    kind = ContentType.objects.get_for_model(User)
    carol.user_permissions.add(Permission.objects.create(codename="scope_nothing", name="Nothing", content_type=kind))
    assert api(alice).get(f"/auth/users/{carol.pk}").json()["data"]["user"]["resourceGrants"] == []
