"""Rarer turns of access: Django's own door, kinds that no app has, the admin's way to ask why."""

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.exceptions import ValidationError
from django.urls import reverse

from config.kernel import clock
from config.kernel.access import Perm
from operators.access import scopes
from operators.access.backend import AccessBackend
from operators.access.decision import Console, Standing, judge
from operators.access.models import AccessPolicy
from operators.access.policies import selectors
from operators.access.scopes import Link
from operators.access.selectors import workspaces_of_room
from operators.console.models import ControlRoom
from tests.factories.nodes import make_site
from tests.factories.users import make_user
from tests.operators.people.test_admin_screens import browser
from tests.operators.workspaces.conftest import make_workspace

pytestmark = pytest.mark.django_db


def test_djangos_own_questions(settings, alice):
    backend = AccessBackend()
    assert backend.authenticate(None) is None
    assert backend.has_perm(alice, "nodes.node_read")
    assert not backend.has_perm(AnonymousUser(), "nodes.node_read")
    assert not backend.has_perm(make_user(roles=["owner"], disabled_at=clock.now()), "nodes.node_read")
    with pytest.raises(LookupError):
        backend.has_perm(alice, "nodes.unheard_of")
    settings.STRICT_CODENAMES = False
    assert not backend.has_perm(alice, "nodes.unheard_of")


def test_a_grant_is_reach_and_no_permission(carol):
    site, users = make_site("Main"), scopes.named("site").grant_models[0]
    permission = Permission.objects.get(codename="node_read")
    with pytest.raises(ValidationError, match="scope_"):
        users(user=carol, content_object=site, permission=permission).save()
    users(user=carol, content_object=site, permission=Permission.objects.get(codename="scope_site")).save()
    assert users.objects.get().user == carol


def test_ids_of_a_kind_that_no_app_has_are_nowhere():
    assert selectors._ids_of("unheard_of", {"1"}) == set()


def test_the_admin_explains_and_says_what_it_cannot_find(carol):
    admin, page = browser("Olga", "owner"), reverse("admin:operators_accesspolicy_explain")
    site = make_site("Main")
    asked = {"user": carol.pk, "permission": Perm.NODE_READ.value}
    for query, said in (
        ({**asked, "resource_type": "site", "resource_id": site.pk}, carol.label),
        (asked, carol.label),
        ({**asked, "resource_type": "site"}, "by its type and its id"),
        ({**asked, "resource_type": "unheard_of", "resource_id": "1"}, "no such kind"),
        ({**asked, "resource_type": "site", "resource_id": "nonsense"}, "errorlist"),
        ({**asked, "resource_type": "site", "resource_id": "01900000-0000-7000-8000-000000000000"}, "errorlist"),
    ):
        reply = admin.get(page, query)
        assert reply.status_code == 200 and said in reply.content.decode(), query
    assert browser("Ada", "auditor").get(page).status_code == 403


def test_the_admin_says_what_is_wrong_with_a_rule(alice):
    admin = browser("Olga", "owner")
    rule = {
        "effect": "deny",
        "subject_type": "everyone",
        "subject_id": "",
        "permissions": ["*"],
        "resource_type": "galaxy",
        "resource_id": "*",
        "reason": "",
    }
    said = admin.post(reverse("admin:operators_accesspolicy_add"), rule, follow=True).content.decode()
    assert "Policies apply to no such kind" in said and not AccessPolicy.objects.filter(effect="deny").exists()


def test_what_is_open_to_all_is_open_to_the_control_room():
    room = Console("director", frozenset({Perm.NODE_READ}), reach=lambda: ([], frozenset()))
    standing = Standing(user_id="", console=room)
    for link, allowed in ((Link("profile", "1", open=True), True), (Link("node", "1"), False)):
        assert judge(standing, Perm.NODE_READ, link, set()).allowed is allowed


def test_the_workspaces_that_a_room_produces_are_those_set_for_it(alice):
    one = make_workspace("one")
    assert workspaces_of_room(ControlRoom(workspaces=[one.pk])) == {str(one.pk)}
    assert workspaces_of_room(None) == frozenset()
