"""API keys: shown once, scoped, of one world, revocable; and refused everywhere but where they belong."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from config.kernel import clock
from config.kernel.access import Kind, Perm
from config.kernel.checks import api_routes
from config.kernel.viewsets import TallyViewSet
from operators.access.catalogue import CATALOGUE
from operators.workspaces.models import ApiKey
from tests.cast import ApiClient
from tests.factories.users import make_user
from tests.operators.workspaces.conftest import make_key, make_workspace

BODY = {"label": "drone-fleet-prod", "environment": "LIVE", "scopes": ["sessions:operate", "sessions:read", "wallet:read"]}


def code(response) -> tuple[int, str]:
    return response.status_code, response.json().get("code")


def mint(api, acme, **changes):
    return api(acme.olga).post(f"{acme.path}/api-keys", {**BODY, **changes})


def test_a_key_is_shown_once_and_stored_as_a_digest(api, acme):
    made = mint(api, acme)
    data = made.json()["data"]
    assert made.status_code == 201 and data["token"].startswith("tr_key_live_") and data["token"].endswith(data["lastFour"])
    assert data["scopes"] == sorted(BODY["scopes"]) and data["version"] == "2026-11-23" and data["lastUsedAt"] is None
    listed = api(acme.olga).get(f"{acme.path}/api-keys").content.decode()
    assert data["token"] not in listed and data["id"] in listed
    row = AuditEvent.objects.get(verb="workspace.api_key.minted")
    assert row.permission == "key:manage"
    assert row.environment == "LIVE" and data["token"] not in str(row.after) and row.after["label"] == BODY["label"]
    assert mint(api, acme, environment="TEST").json()["data"]["token"].startswith("tr_key_test_")


def test_the_replay_of_a_minting_holds_no_token(api, acme):
    first, again = [api(acme.olga).post(f"{acme.path}/api-keys", BODY, idempotency_key="k") for _ in range(2)]
    assert first.json()["data"]["token"] and again.json()["data"] == {**first.json()["data"], "token": None}
    assert again["Idempotent-Replayed"] == "true" and ApiKey.objects.count() == 1


def test_only_an_owner_who_is_signed_in_mints(api, acme, alice):
    for user in (acme.adam, acme.vera, alice):
        assert code(api(user).post(f"{acme.path}/api-keys", BODY)) == (403, "permission_denied")
    key = make_key(acme.workspace, acme.olga)
    refused = api(token=key).post(f"{acme.path}/api-keys", BODY)
    assert code(refused) == (401, "credential_not_accepted") and refused.json()["data"] == {"kind": "api_key", "accepted": ["user"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": []},
        {"scopes": ["nonsense"]},
        {"scopes": ["system:admin"]},
        {"scopes": ["key:manage"]},
        {"scopes": ["workspace:manage"]},
        {"scopes": ["sessions:read", "sessions:read"]},
        {"scopes": ["sessions:create"]},
        {"label": ""},
        {"environment": "PROD"},
        {"version": "1999-01-01"},
        {"expiresAt": "2020-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_what_is_no_key_is_400(api, acme, changes):
    assert code(mint(api, acme, **changes)) == (400, "validation_failed") and not ApiKey.objects.exists()


def test_scopes_need_the_role_of_the_workspace(api, acme):
    consumer = make_workspace("buyer", roles=("CONSUMER",), OWNER=acme.olga)
    path = f"/workspaces/{consumer.pk}/api-keys"
    refused = api(acme.olga).post(path, {**BODY, "scopes": ["workspace:read", "sessions:operate"]})
    assert refused.json()["data"]["errors"][0]["path"] == "scopes[1]"
    assert api(acme.olga).post(path, {**BODY, "scopes": ["sessions:create"]}).status_code == 201


def test_fifty_live_keys_are_enough(api, acme, monkeypatch):
    monkeypatch.setattr("operators.workspaces.keys.LIVE_KEYS", 2)
    first = mint(api, acme).json()["data"]["id"]
    mint(api, acme)
    assert code(mint(api, acme)) == (409, "limit_reached")
    api(acme.olga).post(f"{acme.path}/api-keys/{first}/revoke", {})
    assert mint(api, acme).status_code == 201


def test_a_key_opens_its_workspace_and_no_other(api, acme):
    make_workspace("other", OWNER=acme.olga)
    key = api(token=make_key(acme.workspace, acme.olga))
    assert [row["slug"] for row in key.get("/workspaces").json()["data"]] == ["acme-drones"]
    assert key.get(f"{acme.path}/members").status_code == 200
    me = key.get("/auth/me").json()["data"]
    assert (me["kind"], me["apiKey"]["environment"], me["permissions"], "user" in me) == ("api_key", "LIVE", ["workspace:read"], False)
    assert me["workspaces"] == [
        {"id": str(acme.workspace.pk), "slug": "acme-drones", "name": "Acme-Drones", "role": None, "permissions": ["workspace:read"]}
    ]
    assert me["activeWorkspaceId"] == str(acme.workspace.pk)
    assert code(api(token=make_key(acme.workspace, acme.olga, scopes=["wallet:read"])).get("/workspaces")) == (403, "permission_denied")


def test_a_key_sees_nothing_of_the_installation(api, acme, node):
    key = api(token=make_key(acme.workspace, acme.olga, scopes=["recording:read", "recording:playback", "workspace:read"]))
    assert key.get("/recordings").json()["data"] == []
    assert code(key.get("/nodes")) == (401, "credential_not_accepted")
    assert code(key.get("/auth/sign-ins")) == (401, "credential_not_accepted")
    assert code(key.post("/auth/workspace/select", {"workspaceId": str(acme.workspace.pk)})) == (401, "credential_not_accepted")
    assert code(key.get("/audit-events")) == (401, "credential_not_accepted")
    assert key.get("/metrics").status_code == 401


def test_every_route_takes_keys_exactly_where_its_permission_is_a_scope():
    for path, view, actions in api_routes():
        if not issubclass(view, TallyViewSet):
            continue
        for action in actions.values():
            route = view.routes[action]
            if route.permission and Kind.USER in route.kinds:
                assert (Kind.API_KEY in route.accepts) == CATALOGUE[Perm(route.permission)].key, (path, action)
            elif Kind.API_KEY in route.accepts and action not in getattr(view, "either", {}):
                assert (path, action) == ("/api/v1/auth/me", "me")


def test_revoking_is_immediate_or_lets_a_rollover_finish(api, acme):
    tokens = [mint(api, acme, scopes=["workspace:read"]).json()["data"] for _ in range(2)]
    at_once, later = [f"{acme.path}/api-keys/{row['id']}/revoke" for row in tokens]
    olga = api(acme.olga)
    revoked = olga.post(at_once, {}).json()["data"]
    assert revoked["revokedAt"] and revoked["gracePeriodEnd"] is None
    assert code(api(token=tokens[0]["token"]).get(acme.path)) == (401, "credential_revoked")
    assert olga.post(at_once, {"graceSeconds": 60}).json()["data"] == revoked, "what is over stays over"
    graced = olga.post(later, {"graceSeconds": 3600}).json()["data"]
    assert api(token=tokens[1]["token"]).get(acme.path).status_code == 200
    longer = olga.post(later, {"graceSeconds": 86400}).json()["data"]
    assert longer["gracePeriodEnd"] == graced["gracePeriodEnd"], "no second revocation lengthens the first"
    with clock.frozen(clock.now() + timedelta(seconds=3601)):
        assert code(api(token=tokens[1]["token"]).get(acme.path)) == (401, "credential_revoked")
    ended = olga.post(later, {}).json()["data"]
    assert ended["revokedAt"] == graced["revokedAt"] and ended["gracePeriodEnd"] is None
    assert code(api(token=tokens[1]["token"]).get(acme.path)) == (401, "credential_revoked")
    assert AuditEvent.objects.filter(verb="workspace.api_key.revoked").count() == 3
    for seconds in (-1, 86401):
        assert code(olga.post(later, {"graceSeconds": seconds})) == (400, "validation_failed")


def test_an_admin_of_the_installation_revokes_and_another_workspaces_owner_does_not(api, acme, alice):
    key = mint(api, acme).json()["data"]["id"]
    other = make_user("otto")
    away = make_workspace("other", OWNER=other)
    assert code(api(other).post(f"{acme.path}/api-keys/{key}/revoke", {})) == (404, "not_found")
    assert code(api(other).post(f"/workspaces/{away.pk}/api-keys/{key}/revoke", {})) == (404, "not_found")
    assert api(alice).post(f"{acme.path}/api-keys/{key}/revoke", {}).status_code == 200


def test_expired_unknown_and_mistyped_keys(api, acme):
    token = make_key(acme.workspace, acme.olga, expires_at=clock.now() + timedelta(minutes=1))
    assert api(token=token).get(acme.path).status_code == 200
    with clock.frozen(clock.now() + timedelta(minutes=1, seconds=1)):
        assert code(api(token=token).get(acme.path)) == (401, "credential_expired")
    ApiKey.objects.all().delete()
    for bad in (token, token[:-1] + ("A" if token[-1] != "A" else "B"), token.replace("live", "test"), "tr_key_live_"):
        assert code(api(token=bad).get(acme.path)) == (401, "credential_invalid")


def test_last_used_is_written_once_a_minute(api, acme):
    token, start = make_key(acme.workspace, acme.olga), clock.now()
    for seconds, used in ((0, 0), (59, 0), (60, 60), (100, 60), (120, 120)):
        with clock.frozen(start + timedelta(seconds=seconds)):
            ApiClient(token).get(acme.path)
        assert ApiKey.objects.get().last_used_at == start + timedelta(seconds=used)


def test_a_pinned_version_serves_unless_a_request_names_another(api, acme):
    key = api(token=make_key(acme.workspace, acme.olga, version="2024-11-11"))
    assert key.get(acme.path)["Operator-Version"] == "2024-11-11"
    assert key.get(acme.path, operator_version="2025-06-19")["Operator-Version"] == "2025-06-19"


def test_keys_filter_by_world_and_life(api, acme):
    live, test = mint(api, acme).json()["data"], mint(api, acme, environment="TEST", label="trial").json()["data"]
    api(acme.olga).post(f"{acme.path}/api-keys/{live['id']}/revoke", {})

    def ids(query):
        return [row["id"] for row in api(acme.olga).get(f"{acme.path}/api-keys?{query}").json()["data"]]

    assert ids("environment=TEST") == ids("live=true") == ids("search=tri") == [test["id"]] and ids("live=false") == [live["id"]]
    assert set(ids("live=true&live=false")) == {live["id"], test["id"]}
