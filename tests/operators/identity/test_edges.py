"""The rarer turns of signing in and of accounts: what is gone meanwhile, ways that lead elsewhere, doors that only Django knows."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from operators.access import services as access
from operators.access.backend import AccessBackend
from operators.access.models import GroupRole, Role
from operators.identity import expiry, services
from operators.identity.models import SignIn, User
from operators.identity.wallets.models import Wallet, WalletChallenge
from tests.factories.nodes import issue_token, make_node
from tests.factories.users import make_user
from tests.operators.people.test_admin_screens import PASSWORD, browser
from tests.operators.workspaces.conftest import acting

pytestmark = pytest.mark.django_db


def post(client: Client, name: str, **form):
    return client.post(reverse(f"admin:{name}"), form, follow=True)


def test_the_sign_in_page_leads_on_to_pages_of_this_house_only(api):
    owner = browser("olga", "owner")
    for target, where in (("/nodes", "/nodes"), ("https://elsewhere.example/", "/"), ("//elsewhere.example", "/"), ("/sign-in?next=/", "/")):
        assert owner.get("/sign-in", {"next": target})["Location"] == where
    assert b"elsewhere" not in Client().get("/sign-in", {"next": "https://elsewhere.example/"}).content


def test_the_admins_own_ways_to_a_password_lead_to_the_account(api):
    owner = browser("olga", "owner")
    for page in ("password_change", "password_change_done"):
        assert owner.get(reverse(f"admin:{page}"))["Location"] == "/account"
    assert owner.get(reverse("admin:login"))["Location"] == "/admin/"


def test_the_admin_is_for_people(api):
    machine = api(token=issue_token(make_node()))
    assert machine.get("/admin/").json()["code"] == "credential_not_accepted"


def test_users_are_disabled_and_enabled_together(api):
    owner, two = browser("olga", "owner"), [make_user("dora"), make_user("eric")]
    chosen = [str(user.pk) for user in two]
    said = post(owner, "operators_user_changelist", action="disable", _selected_action=chosen)
    assert "signed out" in said.content.decode() and not any(User.objects.get(pk=pk).is_active for pk in chosen)
    post(owner, "operators_user_changelist", action="enable", _selected_action=chosen)
    assert all(User.objects.get(pk=pk).is_active for pk in chosen)


def test_a_group_is_deleted_in_the_admin(api):
    group = Group.objects.create(name="Crew")
    owner = browser("olga", "owner")
    GroupRole.objects.create(group=group, role=Role.VIEWER)
    listed = owner.get(reverse("admin:auth_group_changelist")).content.decode()
    assert "Crew" in listed and "viewer" in listed
    owner.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"})
    assert not Group.objects.exists()


def test_a_sign_in_ends_once(api, carol):
    actor = acting(carol)
    row = SignIn.objects.get(pk=actor.sign_in_id)
    services.revoke_sign_in(actor=actor, row=row)
    services.revoke_sign_in(actor=actor, row=row)
    assert AuditEvent.objects.filter(verb="auth.sign_in.revoked").count() == 1


def test_who_ends_the_sign_in_of_their_browser_takes_its_session_along(api):
    olga = browser("olga", "owner")
    [mine] = olga.get("/api/v1/auth/sign-ins").json()["data"]
    assert olga.delete(f"/api/v1/auth/sign-ins/{mine['id']}").status_code == 204
    assert not olga.session.keys() and olga.get("/api/v1/auth/me").status_code == 401


def test_an_unseen_wallets_user_who_came_back_meanwhile_stays(monkeypatch):
    user = make_user("wallet")
    answers = iter([User.objects.filter(pk=user.pk), User.objects.none()])
    monkeypatch.setattr(expiry, "unseen_wallet_users", lambda: next(answers))
    assert expiry.forget_unseen() == 0 and User.objects.filter(pk=user.pk).exists()


def test_an_owner_who_is_there_already_keeps_their_account():
    first = access.create_owner(email="Olga@example.org", password=PASSWORD)
    assert access.create_owner(email="olga@EXAMPLE.org", password="another one of it 8") == first
    assert first.check_password(PASSWORD) and User.objects.count() == 1
    assert AuditEvent.objects.filter(verb="auth.user.created").count() == 1


def test_what_django_asks_of_a_user(alice, mallory):
    assert alice.get_full_name() == alice.get_short_name() == alice.name
    backend = AccessBackend()
    assert backend.has_module_perms(alice, "nodes") and not backend.has_module_perms(mallory, "nodes")


def test_each_thing_has_a_name(carol):
    group = Group.objects.create(name="Crew")
    assert str(GroupRole(group=group, role=Role.VIEWER)) == "viewer"
    assert str(Wallet(address="0xabc")) == "0xabc"
    assert str(WalletChallenge(purpose="sign_in", address="0xabc")) == "sign_in of 0xabc"
