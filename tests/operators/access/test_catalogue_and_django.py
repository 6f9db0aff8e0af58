"""The catalogue and Django's own permissions are one list; Django and guardian never decide by themselves."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm

from config.kernel.access import Perm, system
from operators.access import scopes
from operators.access.catalogue import BY_CODENAME, CATALOGUE
from operators.access.models import AccessPolicy, Role
from operators.access.services import set_grants

OURS = {"operators", "nodes", "live_sessions", "recordings", "audit", "kernel"}
pytestmark = pytest.mark.django_db


def test_every_permission_string_is_in_the_catalogue_once():
    assert set(CATALOGUE) == set(Perm)
    assert len(BY_CODENAME) == len(CATALOGUE)


def test_django_knows_no_permission_of_ours_that_the_catalogue_or_a_granted_kind_does_not():
    rows = {
        f"{app}.{name}"
        for app, name in Permission.objects.filter(content_type__app_label__in=OURS).values_list("content_type__app_label", "codename")
    }
    scope_rows = {f"{kind.model._meta.app_label}.{kind.codename}" for kind in scopes.every() if kind.grant_models}
    assert rows - set(BY_CODENAME) - scope_rows == set()
    assert scope_rows <= rows


def test_our_models_bring_none_of_djangos_default_permissions():
    assert [model.__name__ for model in apps.get_models() if model._meta.app_label in OURS and model._meta.default_permissions] == []


def test_a_new_installation_lets_everyone_reach_every_site():
    rule = AccessPolicy.objects.get()
    assert (rule.effect, rule.subject_type, rule.resource_type, rule.resource_id, rule.permissions) == ("allow", "everyone", "site", "*", ["*"])


def test_has_perm_asks_decide_and_no_flag_goes_round_it(alice, bob):
    assert alice.has_perm("operators.auth_manage") and not bob.has_perm("operators.auth_manage")
    assert alice.is_staff and bob.is_staff and alice.is_superuser is None
    bob.role_rows.filter(role=Role.OPERATOR).update(role=Role.VIEWER)
    assert not bob.is_staff


def test_an_unknown_codename_raises_here_and_is_refused_in_production(alice, settings):
    with pytest.raises(LookupError):
        alice.has_perm("sessions.view_session")
    settings.STRICT_CODENAMES = False
    assert alice.has_perm("sessions.view_session") is False


def test_grants_are_written_by_the_service_into_the_direct_tables_only(bob):
    from nodes.fleet.models import Site

    site = Site.objects.create(name="s", slug="s")
    set_grants(kind="site", actor=system("test"), object_ids=[site.pk], user=bob)
    set_grants(kind="site", actor=system("test"), object_ids=[site.pk], user=bob)
    users, _ = scopes.named("site").grant_models
    assert [row.content_object_id for row in users.objects.filter(user=bob)] == [site.pk]
    set_grants(kind="site", actor=system("test"), object_ids=[], user=bob)
    assert not users.objects.exists() and not UserObjectPermission.objects.exists() and not GroupObjectPermission.objects.exists()
    with pytest.raises(LookupError):
        set_grants(kind="interface", actor=system("test"), object_ids=[], user=bob)


def test_guardian_cannot_put_another_codename_into_a_grant_table(bob):
    from nodes.fleet.models import Node, Site

    node = Node.objects.create(alias="n", site=Site.objects.create(name="s", slug="s"))
    with pytest.raises(ValidationError):
        assign_perm("nodes.node_manage", bob, node)
