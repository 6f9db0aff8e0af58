"""The admin opens every screen, changes through services, and shows no secret."""

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from nodes.fleet.models import Node, NodeCredential, Site
from nodes.health.services import raise_event
from tests.factories.nodes import issue_token, make_node
from tests.factories.users import make_user

pytestmark = pytest.mark.django_db
SCREENS = ["site", "room", "node", "interface", "nodecredential", "healthevent"]


@pytest.fixture
def owner(api):
    make_user("dora", roles=["owner"], password="a long enough passphrase 7")
    client = Client()
    body = {"email": "dora@example.org", "password": "a long enough passphrase 7", "cookie": True}
    assert client.post("/api/v1/auth/login", body, content_type="application/json").status_code == 200
    return client


def test_every_screen_opens_and_holds_no_digest(owner):
    node = make_node(alias="rec-1")
    token = issue_token(node)
    raise_event(type="controller.disk.low", severity="warning", message="…", node=node)
    digest = bytes(NodeCredential.objects.get().digest).hex()
    rows = {
        "node": node,
        "interface": node.interfaces.get(),
        "site": node.site,
        "nodecredential": node.credentials.get(),
        "healthevent": node.health_events.get(),
    }
    for screen in SCREENS:
        pages = [reverse(f"admin:nodes_{screen}_changelist")]
        pages += [reverse(f"admin:nodes_{screen}_change", args=[rows[screen].pk])] if screen in rows else []
        for page in pages:
            reply = owner.get(page)
            assert reply.status_code == 200, page
            assert token not in reply.content.decode() and digest not in reply.content.decode()


def test_a_change_goes_through_the_service_and_into_the_audit(owner):
    node = make_node(alias="rec-1")
    page = reverse("admin:nodes_node_change", args=[node.pk])
    form = {"alias": "rec-9", "notes": "", "tags": "a,b", "max_concurrent_recordings": 2, "_save": "1"}
    for prefix in ("state", "interfaces", "credentials"):
        form |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    assert owner.post(page, form).status_code == 302
    node.refresh_from_db()
    assert (node.alias, node.tags, node.max_concurrent_recordings) == ("rec-9", ["a", "b"], 2)
    assert AuditEvent.objects.get(verb="node.updated", subject_id=node.pk).permission == "node:manage"
    site = reverse("admin:nodes_site_add")
    assert owner.post(site, {"name": "Barn", "slug": "barn", "timezone": "Mars/Base", "notes": ""}).status_code == 200
    assert owner.post(site, {"name": "Barn", "slug": "barn", "timezone": "UTC", "notes": ""}).status_code == 302
    assert Site.objects.filter(slug="barn").exists() and Node.objects.count() == 1


def test_revoking_a_credential(owner, node_client):
    node = make_node()
    client = node_client(node)
    chosen = {"action": "revoke", "_selected_action": [str(node.credentials.get().pk)]}
    assert owner.post(reverse("admin:nodes_nodecredential_changelist"), chosen).status_code == 302
    assert client.get(f"/nodes/{node.pk}/config").status_code == 401
