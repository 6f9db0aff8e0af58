"""The first start makes a site, a node and a credential file; every later one changes nothing that works."""

import stat

import pytest

from config.kernel import clock
from nodes.fleet import credentials
from nodes.fleet.bootstrap import bootstrap_local_node
from nodes.fleet.models import Node, NodeCredential, Site
from tests.cast import ApiClient
from tests.factories.nodes import heartbeat

pytestmark = pytest.mark.django_db


def works(node, folder) -> bool:
    token = (folder / "credential").read_text().strip()
    return ApiClient(token).post(f"/nodes/{node.pk}/heartbeat", heartbeat()).status_code == 202


def test_repeating_it_changes_nothing_and_renaming_does_not_confuse_it(tmp_path):
    node = bootstrap_local_node(tmp_path)
    assert (node.site.name, node.alias, (tmp_path / "node").read_text().strip()) == ("Main", "This machine", str(node.pk))
    assert stat.S_IMODE((tmp_path / "credential").stat().st_mode) == 0o600 and works(node, tmp_path)
    Node.objects.filter(pk=node.pk).update(alias="Studio")
    Site.objects.update(name="House")
    token = (tmp_path / "credential").read_text()
    assert bootstrap_local_node(tmp_path).pk == node.pk
    assert (tmp_path / "credential").read_text() == token and NodeCredential.objects.count() == 1


def test_a_lost_or_dead_credential_is_replaced_on_the_same_node(tmp_path):
    node = bootstrap_local_node(tmp_path)
    (tmp_path / "credential").unlink()
    assert bootstrap_local_node(tmp_path).pk == node.pk and works(node, tmp_path)
    credentials.revoke_all(node, clock.now())
    assert bootstrap_local_node(tmp_path).pk == node.pk and works(node, tmp_path)


def test_a_retired_local_node_is_followed_by_another(tmp_path):
    node = bootstrap_local_node(tmp_path)
    Node.objects.filter(pk=node.pk).update(retired_at=clock.now())
    other = bootstrap_local_node(tmp_path)
    assert other.pk != node.pk and works(other, tmp_path)
