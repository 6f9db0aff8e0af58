"""The admin's screens of access change through the services, by their rules, and into the audit."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from operators.access import holdings
from operators.access.models import AccessPolicy
from operators.identity.models import SignIn, User
from operators.identity.wallets.models import Wallet
from tests.factories.nodes import make_node
from tests.factories.users import make_user
from tests.factories.wallets import SigningWallet
from tests.operators.workspaces.conftest import make_workspace

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough passphrase 7"
NO_INLINES = {f"{prefix}-{count}": 0 for prefix in ("sign_ins", "oidc_identities", "wallets") for count in ("TOTAL_FORMS", "INITIAL_FORMS")}


def browser(name: str, *roles) -> Client:
    user = make_user(name, roles=roles, password=PASSWORD)
    client = Client()
    client.user = user
    body = {"email": user.email, "password": PASSWORD, "cookie": True}
    assert client.post("/api/v1/auth/login", body, content_type="application/json").status_code == 200
    return client


@pytest.fixture
def owner(api):
    return browser("olga", "owner")


def test_a_user_is_made_given_roles_and_deleted(owner):
    group = Group.objects.create(name="Crew")
    form = {"email": "dora@example.org", "name": "Dora", "password": PASSWORD, "roles": ["viewer"], "groups": [group.pk]}
    assert owner.post(reverse("admin:operators_user_add"), form).status_code == 302
    dora = User.objects.get(email="dora@example.org")
    page = reverse("admin:operators_user_change", args=[dora.pk])
    assert owner.get(page).status_code == 200
    assert owner.post(page, {"roles": ["operator", "auditor"], **NO_INLINES}).status_code == 302
    assert holdings.roles(dora) == {"operator", "auditor"} and not dora.groups.exists()
    assert AuditEvent.objects.get(verb="auth.user.access_changed", subject_id=dora.pk).permission == "auth:manage"
    assert owner.post(reverse("admin:operators_user_delete", args=[dora.pk]), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=dora.pk).exists()


def test_the_rules_hold_here_too_and_say_why(owner, api):
    admin = browser("ann", "admin")
    page = reverse("admin:operators_user_change", args=[owner.user.pk])
    reply = admin.post(page, {"roles": ["viewer"], **NO_INLINES}, follow=True)
    assert "You do not have the permission for this." in reply.content.decode()
    assert holdings.roles(owner.user) == {"owner"}
    chosen = {"action": "disable", "_selected_action": [str(owner.user.pk)]}
    reply = owner.post(reverse("admin:operators_user_changelist"), chosen, follow=True)
    assert "You would lock yourself out" in reply.content.decode()
    assert AuditEvent.objects.filter(verb="access.request.failed", reason="self_lockout").exists()


def test_groups_are_edited(owner, carol):
    form = {"name": "Watch", "roles": ["viewer"], "members": [str(carol.pk)]}
    assert owner.post(reverse("admin:auth_group_add"), form).status_code == 302
    group = Group.objects.get(name="Watch")
    assert holdings.roles(group) == {"viewer"} and list(group.user_set.all()) == [carol]
    assert owner.post(reverse("admin:auth_group_change", args=[group.pk]), {"name": "Watch", "roles": []}).status_code == 302
    assert holdings.roles(group) == set() and not group.user_set.exists()


def test_policies_are_added_explained_and_removed(owner, carol):
    node = make_node()
    form = {
        "effect": "deny",
        "subject_type": "everyone",
        "subject_id": "",
        "permissions": ["*"],
        "resource_type": "node",
        "resource_id": str(node.pk),
        "reason": "rented",
    }
    assert owner.post(reverse("admin:operators_accesspolicy_add"), form).status_code == 302
    made = AccessPolicy.objects.get(effect="deny")
    asked = {"user": carol.pk, "permission": "node:read", "resource_type": "node", "resource_id": node.pk}
    page = owner.get(reverse("admin:operators_accesspolicy_explain"), asked).content.decode()
    assert "Refused · policy_denied" in page and str(made.pk) in page
    unknown = owner.post(reverse("admin:operators_accesspolicy_add"), {**form, "resource_id": "01900000-0000-7000-8000-000000000000"}, follow=True)
    assert "does not exist" in unknown.content.decode() and AccessPolicy.objects.count() == 2
    assert owner.post(reverse("admin:operators_accesspolicy_delete", args=[made.pk]), {"post": "yes"}).status_code == 302
    assert not AccessPolicy.objects.filter(effect="deny").exists()
    assert AuditEvent.objects.filter(verb="auth.policies.replaced").count() == 2


def test_grants_are_given_on_the_thing_itself_with_one_codename(owner, carol, api):
    AccessPolicy.objects.all().delete()
    node, group = make_node(), Group.objects.create(name="Crew")
    page = reverse("admin:nodes_node_permissions", args=[node.pk])
    assert page in owner.get(reverse("admin:nodes_node_change", args=[node.pk])).content.decode()
    assert api(carol).get(f"/nodes/{node.pk}").status_code == 404
    assert owner.post(page, {"users": [str(carol.pk)], "groups": [group.pk]}).status_code == 302
    assert api(carol).get(f"/nodes/{node.pk}").status_code == 200
    assert holdings.grants(carol) == holdings.grants(group) == {("node", str(node.pk))}
    assert AuditEvent.objects.filter(verb="auth.grants.replaced").count() == 2
    assert owner.post(page, {}).status_code == 302
    assert holdings.grants(carol) == set() and api(carol).get(f"/nodes/{node.pk}").status_code == 404
    assert owner.get(f"{page}user-manage/{carol.pk}/").status_code == 302


@pytest.mark.parametrize("screen", ["nodes_site", "nodes_node", "recordings_recording"])
def test_the_grants_pages_are_for_who_manages_access(api, screen):
    operator = browser("omar", "operator")
    node = make_node()
    assert operator.get(reverse(f"admin:{screen}_permissions", args=[node.pk])).status_code == 403
    assert operator.get(reverse("admin:nodes_node_change", args=[node.pk])).status_code == 200
    assert "/permissions/" not in operator.get(reverse("admin:nodes_node_change", args=[node.pk])).content.decode()
    owner = browser("olga", "owner")
    for nothing in ("01900000-0000-7000-8000-000000000000", "nonsense"):
        assert owner.get(reverse(f"admin:{screen}_permissions", args=[nothing])).status_code == 404


def test_who_has_signed_in_and_belongs_somewhere_is_deleted_all_the_same_also_among_several(owner):
    several = [browser(name, "viewer").user for name in ("dora", "dina", "dave")]
    make_workspace(OWNER=owner.user, VIEWER=several[0])
    Wallet.objects.create(user=several[0], address=SigningWallet().address)
    assert owner.post(reverse("admin:operators_user_delete", args=[several[0].pk]), {"post": "yes"}).status_code == 302
    chosen = {"action": "delete_selected", "post": "yes", "_selected_action": [str(user.pk) for user in several[1:]]}
    assert owner.post(reverse("admin:operators_user_changelist"), chosen).status_code == 302
    assert not User.objects.filter(pk__in=[user.pk for user in several]).exists()
    assert AuditEvent.objects.filter(verb="auth.user.deleted").count() == 3


@pytest.mark.parametrize(("screen", "action"), [("operators_user", "delete_selected"), ("operators_signin", "revoke")])
def test_what_is_refused_for_one_of_the_chosen_is_done_to_none(owner, screen, action):
    """Whichever comes first: an admin may touch ann and zoe, and not the owner."""
    admin, ann, zoe = browser("adam", "admin"), browser("ann", "viewer"), browser("zoe", "viewer")
    users = [ann.user, owner.user, zoe.user]
    rows = users if screen == "operators_user" else SignIn.objects.filter(user__in=users)
    chosen = {"action": action, "post": "yes", "_selected_action": [str(row.pk) for row in rows]}
    reply = admin.post(reverse(f"admin:{screen}_changelist"), chosen, follow=True)
    assert "You do not have the permission for this." in reply.content.decode()
    assert User.objects.filter(pk__in=[user.pk for user in users]).count() == 3
    assert not SignIn.objects.exclude(revoked_at=None).exists()


def test_grants_of_a_group_with_an_owner_in_it_are_the_owners(owner):
    node, group = make_node(), Group.objects.create(name="Crew")
    group.user_set.add(owner.user)
    admin, page = browser("adam", "admin"), reverse("admin:nodes_node_permissions", args=[node.pk])
    assert "You do not have the permission for this." in admin.post(page, {"groups": [group.pk]}).content.decode()
    assert holdings.grants(group) == set()
    assert owner.post(page, {"groups": [group.pk]}).status_code == 302
    assert holdings.grants(group) == {("node", str(node.pk))}


def test_a_thousand_grants_of_one_holder_are_enough(owner, carol, monkeypatch):
    monkeypatch.setattr(holdings, "LIMIT", 1)
    first, second = (reverse("admin:nodes_node_permissions", args=[make_node().pk]) for _ in range(2))
    assert owner.post(first, {"users": [carol.pk]}).status_code == 302
    assert "As many of these exist as may." in owner.post(second, {"users": [carol.pk]}).content.decode()
    assert owner.post(first, {}).status_code == 302 and owner.post(second, {"users": [carol.pk]}).status_code == 302
    assert len(holdings.grants(carol)) == 1
