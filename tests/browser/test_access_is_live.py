"""Access that is taken shows on an open page within five seconds: two browsers, one watches, the other's owner takes."""

import pytest
from playwright.sync_api import expect

from tests.busy import busy

PASSWORD = "a first password 42"


@pytest.fixture
def narrowed(api):
    """No policy but those a test adds; the installation's own come back."""
    before = api.get("/auth/access-policies")["policies"]
    api.patch("/auth/access-policies", {"policies": [p for p in before if p["effect"] == "deny"]})
    yield [p for p in before if p["effect"] == "deny"]
    api.patch("/auth/access-policies", {"policies": before})


@pytest.fixture
def viewer(api, narrowed):
    """Somebody who may look at the local node's site and nothing else."""
    site = api.local_node()["location"]["siteId"]
    user = api.post(
        "/auth/users",
        {"email": "live@example.org", "name": "Live Viewer", "password": PASSWORD, "roles": ["viewer"], "resourceGrants": [{"resourceType": "site", "resourceId": site}]},
    )  # fmt: skip
    yield user
    api.http.delete(f"/auth/users/{user['id']}")


@pytest.fixture
def watching(new_page, viewer, room):
    page = new_page(sign_in_as=None)
    body = {"email": viewer["email"], "password": PASSWORD, "cookie": True}
    assert page.context.request.post("/api/v1/auth/login", data=body, headers={"Origin": room.origin}).ok
    page.goto("/nodes")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator("#connection")).to_contain_text("Live")
    return page


def test_a_grant_that_is_taken_empties_the_page_and_given_again_fills_it(watching, api, viewer):
    api.patch(f"/auth/users/{viewer['id']}/access", {"resourceGrants": []})
    expect(watching.locator(".tile")).to_have_count(0, timeout=5000 * busy())
    expect(watching.locator("#none")).to_contain_text("No node")
    api.patch(f"/auth/users/{viewer['id']}/access", {"resourceGrants": viewer["resourceGrants"]})
    expect(watching.locator(".tile")).to_have_count(1, timeout=5000 * busy())


def test_a_deny_policy_hides_at_once(watching, api, viewer, narrowed):
    node = api.local_node()
    rule = {
        "effect": "deny",
        "subjectType": "user",
        "subjectId": viewer["id"],
        "permissions": ["*"],
        "resourceType": "node",
        "resourceId": node["id"],
    }
    api.patch("/auth/access-policies", {"policies": [*narrowed, rule]})
    expect(watching.locator(".tile")).to_have_count(0, timeout=5000 * busy())


def test_a_role_that_is_taken_empties_the_page(watching, api, viewer, watch):
    watch.expected.add(403)
    api.patch(f"/auth/users/{viewer['id']}/access", {"roles": ["auditor"]})
    expect(watching.locator(".tile")).to_have_count(0, timeout=5000 * busy())


def test_a_sign_in_that_is_revoked_leaves_the_page(watching, api, viewer, watch):
    watch.expected.add(401)
    for row in api.get("/auth/sign-ins", userId=viewer["id"]):
        api.http.delete(f"/auth/sign-ins/{row['id']}")
    watching.wait_for_url("**/sign-in?next=%2Fnodes", timeout=5000 * busy())
