"""Access policies are replaced whole, and every decision can be explained."""

import pytest

from audit.models import AuditEvent
from operators.access.models import AccessPolicy
from operators.console.models import ControlRoom
from tests.factories.nodes import make_node, make_site
from tests.factories.sessions import owned_workspace

pytestmark = pytest.mark.django_db
EVERYONE = {"effect": "allow", "subjectType": "everyone", "permissions": ["*"], "resourceType": "site", "resourceId": "*"}


def deny(node, **fields) -> dict:
    return {"effect": "deny", "subjectType": "everyone", "permissions": ["*"], "resourceType": "node", "resourceId": str(node.pk), **fields}


def code(reply) -> tuple:
    return reply.status_code, reply.json().get("code")


def test_all_are_replaced_at_once_and_the_id_follows_from_the_rule(api, alice):
    node = make_node()
    first = api(alice).get("/auth/access-policies")
    assert [rule["resourceType"] for rule in first.json()["data"]["policies"]] == ["site"]
    reply = api(alice).patch("/auth/access-policies", {"policies": [EVERYONE, deny(node, reason="rented out")]}, if_match=first["ETag"])
    rules = reply.json()["data"]["policies"]
    assert reply.status_code == 200 and [rule["effect"] for rule in rules] == ["allow", "deny"] and reply["ETag"] != first["ETag"]
    assert rules[1] | {"id": ""} == {**deny(node, reason="rented out"), "subjectId": None, "stale": False, "id": ""}
    assert code(api(alice).patch("/auth/access-policies", {"policies": []}, if_match=first["ETag"])) == (412, "edit_conflict")
    again = api(alice).patch("/auth/access-policies", {"policies": rules})
    assert again.json()["data"]["policies"] == rules, "what was read can be sent back, ids and all"
    rows = AuditEvent.objects.filter(verb="auth.policies.replaced")
    assert rows.count() == 1 and rows[0].before == {"policies": []} and "rented out" in rows[0].after["policies"][0]


@pytest.mark.parametrize(
    ("rule", "answer", "path"),
    [
        ({"subjectType": "user", "subjectId": "01900000-0000-7000-8000-000000000000"}, (404, "reference_not_found"), "policies[0].subjectId"),
        ({"subjectType": "group", "subjectId": "4711"}, (404, "reference_not_found"), "policies[0].subjectId"),
        ({"resourceId": "01900000-0000-7000-8000-000000000000"}, (404, "reference_not_found"), "policies[0].resourceId"),
        ({"subjectType": "user"}, (400, "validation_failed"), "policies[0].subjectId"),
        ({"subjectId": "4711"}, (400, "validation_failed"), "policies[0].subjectId"),
        ({"permissions": ["node:fly"]}, (400, "validation_failed"), "policies[0].permissions"),
        ({"permissions": []}, (400, "validation_failed"), "policies[0].permissions"),
        ({"resourceType": "user"}, (400, "validation_failed"), "policies[0].resourceType"),
        ({"effect": "maybe"}, (400, "validation_failed"), "policies[0].effect"),
    ],
)
def test_a_rule_that_says_nothing_sensible_changes_nothing(api, alice, rule, answer, path):
    reply = api(alice).patch("/auth/access-policies", {"policies": [{**EVERYONE, **rule}]})
    assert code(reply) == answer
    data = reply.json()["data"]
    assert path in {data.get("path"), *(error["path"] for error in data.get("errors", []))}
    assert AccessPolicy.objects.count() == 1


def test_the_same_rule_twice_is_one_too_many(api, alice):
    reply = api(alice).patch("/auth/access-policies", {"policies": [EVERYONE, {**EVERYONE, "reason": "again"}]})
    assert reply.json()["data"]["errors"] == [{"path": "policies[1]", "code": "duplicate", "message": "This rule stands in the list already."}]


def test_a_rule_whose_target_is_gone_reads_stale_and_may_stay(api, alice, carol):
    site = make_site()
    rules = [EVERYONE, {**EVERYONE, "effect": "deny", "resourceId": str(site.pk)}, {**EVERYONE, "subjectType": "user", "subjectId": str(carol.pk)}]
    api(alice).patch("/auth/access-policies", {"policies": rules})
    site.delete()
    carol.delete()
    stale = [rule["stale"] for rule in api(alice).get("/auth/access-policies").json()["data"]["policies"]]
    assert sorted(stale) == [False, True, True]
    kept = api(alice).patch("/auth/access-policies", {"policies": [*rules, {**EVERYONE, "resourceType": "node"}]})
    assert kept.status_code == 200 and len(kept.json()["data"]["policies"]) == 4


def test_an_owner_can_always_undo_a_rule_against_themselves(api, alice):
    node = make_node()
    assert api(alice).patch("/auth/access-policies", {"policies": [EVERYONE, deny(node)]}).status_code == 200
    assert api(alice).get(f"/nodes/{node.pk}").status_code == 404
    kept = api(alice).patch("/auth/access-policies", {"policies": [EVERYONE, deny(node), {**EVERYONE, "resourceType": "room"}]})
    assert kept.status_code == 200, "a rule in force may stay, though what it names is hidden from its author"
    assert api(alice).patch("/auth/access-policies", {"policies": [EVERYONE]}).status_code == 200
    assert api(alice).get(f"/nodes/{node.pk}").status_code == 200


def explain(client, **query):
    return client.get("/auth/access/explain?" + "&".join(f"{name}={value}" for name, value in query.items()))


def test_a_decision_is_explained_path_by_path(api, alice, carol):
    node = make_node()
    about = {"userId": carol.pk, "resourceType": "node", "resourceId": node.pk}
    yes = explain(api(alice), permission="node:read", **about).json()["data"]
    assert yes["allowed"] and yes["rule"] == "user" and yes["via"].startswith("policy:")
    assert [(step["step"], step["outcome"]) for step in yes["steps"]] == [
        ("deny", "none"), ("user", "allows"), ("tenant", "none"), ("console", "none"), ("end", "allows"),
    ]  # fmt: skip
    no = explain(api(alice), permission="node:manage", **about).json()["data"]
    assert (no["allowed"], no["rule"]) == (False, "permission_denied") and "admin, owner" in no["steps"][1]["says"]
    api(alice).patch("/auth/access-policies", {"policies": [EVERYONE, deny(node)]})
    denied = explain(api(alice), permission="node:read", **about).json()["data"]
    assert (denied["allowed"], denied["rule"], denied["steps"][0]["outcome"]) == (False, "policy_denied", "denies")
    AccessPolicy.objects.all().delete()
    nothing = explain(api(alice), permission="node:read", **about).json()["data"]
    assert (nothing["allowed"], nothing["rule"]) == (False, "out_of_scope")
    assert explain(api(alice), permission="node:read", userId=carol.pk).json()["data"]["allowed"], "without a thing the permission alone counts"


def test_what_somebody_may_as_an_operator_of_the_room_is_explained(api, alice, mallory):
    def asked(**about):
        answer = explain(api(alice), permission="node:read", userId=mallory.pk, **about).json()["data"]
        return answer["rule"], next(step for step in answer["steps"] if step["step"] == "console")

    assert asked()[1]["outcome"] == "none"
    director = api(alice).post("/operator/register", {"name": "Alice", "role": "director"})
    assert director.status_code == 200
    invite = api(alice).post("/operator/invites", {"kind": "personal", "role": "audio"}).json()["data"]["token"]
    assert api(mallory).post("/operator/register", {"name": "Mal", "inviteToken": invite}).status_code == 200
    rule, step = asked()
    assert rule == "console" and (step["outcome"], step["via"]) == ("allows", "role:audio")
    near, far = make_node(), make_node()
    ControlRoom.objects.update(sites=[near.site_id])
    assert asked(resourceType="node", resourceId=near.pk)[1]["outcome"] == "allows"
    rule, step = asked(resourceType="node", resourceId=far.pk)
    assert (rule, step["outcome"]) == ("out_of_scope", "none") and "out of its reach" in step["says"]


def test_one_asks_about_oneself_but_learns_nothing_of_what_is_hidden(api, alice, carol):
    node = make_node()
    about = {"resourceType": "node", "resourceId": node.pk}
    assert explain(api(carol), permission="node:control", **about).json()["data"]["rule"] == "permission_denied"
    assert code(explain(api(carol), permission="node:read", userId=alice.pk)) == (403, "permission_denied")
    AccessPolicy.objects.all().delete()
    hidden = explain(api(carol), permission="node:read", **about)
    absent = explain(api(carol), permission="node:read", resourceType="node", resourceId="01900000-0000-7000-8000-000000000000")
    assert (hidden.status_code, hidden.content) == (404, absent.content)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"permission": "node:fly"},
        {"permission": "node:read", "resourceType": "node"},
        {"permission": "node:read", "resourceType": "moon", "resourceId": "1"},
    ],
)
def test_half_a_question_is_invalid(api, alice, query):
    assert code(explain(api(alice), **query)) == (400, "validation_failed")


def test_a_refusal_names_the_rule_that_the_explanation_names(api, alice):
    node = make_node()
    interface = node.interfaces.first()
    denies = {**deny(node), "permissions": ["node:manage"]}
    assert api(alice).patch("/auth/access-policies", {"policies": [EVERYONE, denies]}).status_code == 200
    rule = explain(api(alice), permission="node:manage", resourceType="node", resourceId=str(node.pk)).json()["data"]["rule"]
    for path in (f"/nodes/{node.pk}", f"/nodes/{node.pk}/interfaces/{interface.pk}"):
        reply = api(alice).patch(path, {"alias": "other"})
        assert (reply.status_code, reply.json()["data"]) == (403, {"permission": "node:manage", "rule": "policy_denied"}), path
    assert rule == "policy_denied"


def test_so_does_that_of_a_workspace(api, alice):
    workspace = owned_workspace(roles=["CONSUMER"])
    denies = {
        "effect": "deny", "subjectType": "everyone", "permissions": ["workspace:manage"], "resourceType": "workspace", "resourceId": str(workspace.pk),
    }  # fmt: skip
    assert api(alice).patch("/auth/access-policies", {"policies": [EVERYONE, denies]}).status_code == 200
    reply = api(workspace.owner).post(f"/workspaces/{workspace.pk}/members", {"userId": str(alice.pk), "role": "VIEWER"})
    assert (reply.status_code, reply.json()["data"]["rule"]) == (403, "policy_denied")
