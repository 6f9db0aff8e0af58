"""Rarer turns of access: Django's own door, kinds that no app has, the admin's way to ask why."""

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.exceptions import ValidationError
from django.urls import reverse

from config.kernel import clock
from config.kernel.access import Perm
from operators.access import scopes
from operators.access.backend import AccessBackend
from operators.access.policies import selectors
from tests.factories.nodes import make_site
from tests.factories.users import make_user
from tests.operators.people.test_admin_screens import browser

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


def test_ids_of_a_kind_that_no_app_has_are_nowhere():
    assert selectors._ids_of("unheard_of", {"1"}) == set()


def test_the_admin_explains_and_says_what_it_cannot_find(carol):
    admin, page = browser("Olga", "owner"), reverse("admin:operators_accesspolicy_explain")
    site = make_site("Main")
    asked = {"user": carol.pk, "permission": Perm.NODE_READ.name}
    for query, said in (
        ({**asked, "resource_type": "site", "resource_id": site.pk}, carol.label),
        (asked, carol.label),
        ({**asked, "resource_type": "site"}, "by its type and its id"),
        ({**asked, "resource_type": "unheard_of", "resource_id": "1"}, "no such kind"),
        ({**asked, "resource_type": "site", "resource_id": "nonsense"}, "errorlist"),
    ):
        reply = admin.get(page, query)
        assert reply.status_code == 200 and said in reply.content.decode(), query
    assert browser("Ada", "auditor").get(page).status_code == 403
