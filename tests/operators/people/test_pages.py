"""The console's pages of people, workspaces, keys and the audit: whole for who may, refused in words for who may not."""

import pytest
from django.test import Client

from audit.models import AuditEvent
from tests.operators.people.test_admin_screens import browser

pytestmark = pytest.mark.django_db
SOMEBODY = "01900000-0000-7000-8000-000000000000"
PAGES = {
    "/people": "auth:manage", f"/people/{SOMEBODY}": "auth:manage", "/people/groups": "auth:manage", "/people/policies": "auth:manage",
    "/workspaces": "workspace:read", f"/workspaces/{SOMEBODY}": "workspace:read", "/settings/developers": "key:manage", "/audit": "audit:read",
}  # fmt: skip


@pytest.mark.parametrize(("path", "permission"), PAGES.items())
def test_a_page_is_for_who_holds_its_permission(api, path, permission):
    opened = browser("olga", "owner").get(path)
    assert opened.status_code == 200 and b"</html>" in opened.content and opened["Cache-Control"] == "no-store"
    refused = browser("mallory").get(path)
    assert refused.status_code == 403 and permission in refused.content.decode()
    assert AuditEvent.objects.get(verb="access.request.denied").permission == permission
    assert Client().get(path)["Location"].startswith("/sign-in?next=")
