"""What access tells the audit (ancestors, reach), and what the registry of kinds refuses."""

import pytest
from django.contrib.auth.models import Group

from config.kernel.access import Actor, Kind, Perm, Reach, ports, system
from nodes.fleet.models import Interface, Node, Site
from operators.access import scopes
from operators.access.models import AccessPolicy, Role
from operators.access.services import set_grants
from tests.factories.users import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return Site.objects.create(name="Main", slug="main")


def acting(user) -> Actor:
    return Actor(kind=Kind.USER, id=str(user.pk), subject=user)


def test_ancestors_are_everything_above_and_nothing_for_what_is_gone(site):
    interface = Interface.objects.create(node=Node.objects.create(alias="n", site=site))
    assert ports.ancestors("interface", interface.pk) == [f"node:{interface.node_id}", f"site:{site.pk}"]
    assert ports.ancestors("site", site.pk) == ports.ancestors("unheard_of", "x") == []
    interface.delete()
    assert ports.ancestors("interface", interface.pk) == []


def test_reach_names_policies_grants_and_open_kinds(site, carol):
    group = Group.objects.create(name="g")
    carol.groups.add(group)
    AccessPolicy.objects.update(resource_type="node", resource_id=str(site.pk))
    set_grants(kind="site", actor=system("test"), object_ids=[site.pk], group=group)
    reach = ports.reach(acting(carol), Perm.NODE_READ)
    assert reach.holder and not reach.everything and reach.deny == ()
    assert {f"node:{site.pk}", f"site:{site.pk}", "user:*"} <= set(reach.allow)


def test_reach_of_an_owner_is_everything_but_what_a_policy_denies(site, alice):
    AccessPolicy.objects.update(effect="deny", resource_id=str(site.pk))
    assert ports.reach(acting(alice), Perm.NODE_READ) == Reach(holder=True, everything=True, deny=(f"site:{site.pk}",))
    assert ports.reach(acting(make_user()), Perm.NODE_READ) == Reach(deny=(f"site:{site.pk}",))


def test_a_policy_with_an_id_that_is_none_names_nothing_and_breaks_nothing(site, api, alice, carol):
    AccessPolicy.objects.update(resource_id="not-an-id")
    assert list(ports.scoped(Site.objects.all(), acting(carol), Perm.NODE_READ)) == []
    assert not ports.decide(acting(carol), Perm.NODE_READ, site).allowed
    assert api(alice).get("/admin/operators/accesspolicy/").status_code == 200


def test_rows_of_a_kind_that_nobody_registered_are_an_error_not_a_leak(alice):
    with pytest.raises(LookupError):
        ports.scoped(scopes.named("site").grant_models[0].objects.all(), acting(alice), Perm.NODE_READ)


def test_a_kind_is_registered_for_one_model_and_granted_kinds_have_tables():
    with pytest.raises(ValueError, match="registered"):
        scopes.register_kind("site", Node)
    with pytest.raises(ValueError, match="grant_models"):
        scopes.register_kind("fresh", Node, granted=True)


def test_roles_through_a_group_count_and_disabling_takes_all(bob, carol):
    group = Group.objects.create(name="owners")
    group.role_rows.create(role=Role.OWNER)
    carol.groups.add(group)
    assert ports.decide(acting(carol), Perm.SYSTEM_ADMIN, None).allowed
    bob.disabled_at = bob.created_at
    assert not ports.decide(acting(bob), Perm.NODE_READ, None).allowed and not bob.is_staff
