"""Editing a workspace, its availability, and what suspension refuses."""

import pytest

from audit.models import AuditEvent
from operators.workspaces import availability, services
from operators.workspaces.models import Workspace
from tests.factories.users import make_user
from tests.operators.workspaces.conftest import acting, make_key, make_workspace


def code(response) -> tuple[int, str]:
    return response.status_code, response.json().get("code")


def test_editing_is_recorded_with_before_and_after(api, acme):
    area = {"center": {"lat": 4.711, "lng": -74.072}, "radiusMeters": 500}
    changed = api(acme.adam).patch(acme.path, {"name": "Acme", "availabilityState": "OFFLINE", "coverage": area, "deviceKind": "drone"})
    data = changed.json()["data"]
    assert (data["name"], data["availabilityState"], data["coverage"], data["deviceKind"]) == ("Acme", "OFFLINE", area, "drone")
    row = AuditEvent.objects.get(verb="workspace.updated")
    assert (row.before["name"], row.after["name"], row.after["declaredOffline"]) == ("Acme-Drones", "Acme", True)
    assert api(acme.adam).patch(acme.path, {"availabilityState": "ONLINE", "coverage": None}).json()["data"]["coverage"] is None


@pytest.mark.parametrize(
    "body, expected",
    [
        ({"availabilityState": "BUSY"}, "validation_failed"),
        ({"coverage": {"center": {"lat": 91, "lng": 0}, "radiusMeters": 500}}, "validation_failed"),
        ({"coverage": {"center": {"lat": 0, "lng": 0}, "radiusMeters": 9}}, "validation_failed"),
        ({"coverage": {"radiusMeters": 500}}, "validation_failed"),
        ({"deviceKind": "kite"}, "validation_failed"),
        ({"slug": "other"}, "unknown_parameter"),
        ({"roles": ["CONSUMER"]}, "unknown_parameter"),
        ({"walletAddress": "0x"}, "unknown_parameter"),
    ],
    ids=str,
)
def test_what_can_not_be_set_is_400(api, acme, body, expected):
    assert code(api(acme.olga).patch(acme.path, body)) == (400, expected)


def test_a_stale_edit_is_412_when_it_says_what_it_saw(api, acme):
    seen = api(acme.olga).get(acme.path)["ETag"]
    fresh = api(acme.olga).patch(acme.path, {"name": "One"}, if_match=seen)["ETag"]
    assert code(api(acme.adam).patch(acme.path, {"name": "Two"}, if_match=seen)) == (412, "edit_conflict")
    assert api(acme.adam).patch(acme.path, {"name": "Two"}, if_match=fresh).status_code == 200


def test_busy_is_computed_by_who_knows_sessions_and_offline_beats_it(api, acme):
    other = make_workspace("other", OWNER=acme.olga)
    asked = []

    def busy(ids):
        asked.append(set(ids))
        return {acme.workspace.pk}

    availability.register_busy(busy)
    try:
        rows = api(acme.olga).get("/workspaces").json()["data"]
        assert {row["slug"]: row["availabilityState"] for row in rows} == {"acme-drones": "BUSY", "other": "ONLINE"}
        assert asked == [{acme.workspace.pk, other.pk}], "one question for a page"
        assert api(acme.olga).patch(acme.path, {"availabilityState": "OFFLINE"}).json()["data"]["availabilityState"] == "OFFLINE"
        assert api(acme.olga).patch(acme.path, {"availabilityState": "ONLINE"}).json()["data"]["availabilityState"] == "BUSY"
    finally:
        availability.unregister_busy(busy)


def test_suspension_refuses_members_and_keys_but_not_the_installation(api, acme, alice):
    key, spare = make_key(acme.workspace, acme.olga), make_user("nora")
    services.suspend(actor=acting(alice), workspace=acme.workspace, suspended=True)
    member = api(acme.vera).get(f"{acme.path}/members").json()["data"][0]["id"]
    olga = api(acme.olga)
    refused = [
        olga.patch(acme.path, {"name": "x"}),
        olga.post(f"{acme.path}/members", {"userId": str(spare.pk), "role": "VIEWER"}),
        olga.patch(f"{acme.path}/members/{member}", {"role": "VIEWER"}),
        olga.delete(f"{acme.path}/members/{member}"),
        olga.get(f"{acme.path}/api-keys"),
        olga.post(f"{acme.path}/api-keys", {"label": "x", "environment": "LIVE", "scopes": ["workspace:read"]}),
        api(token=key).get(acme.path),
        api(token=key).get("/auth/me"),
    ]
    assert [code(response) for response in refused] == [(403, "workspace_suspended")] * len(refused)
    assert olga.get(acme.path).json()["data"]["suspendedAt"]
    states = olga.get(f"{acme.path}/actions").json()["data"]["actions"]
    assert {name: state.get("code") for name, state in states.items()} == dict.fromkeys(
        ["update", "addMember", "listKeys", "mintKey"], "workspace_suspended"
    )
    assert api(alice).patch(acme.path, {"name": "By alice"}).status_code == 200
    services.suspend(actor=acting(alice), workspace=Workspace.objects.get(), suspended=False)
    assert api(token=key).get(acme.path).status_code == 200
    assert list(AuditEvent.objects.filter(verb__in=["workspace.suspended", "workspace.resumed"]).order_by("id").values_list("verb", flat=True)) == [
        "workspace.suspended",
        "workspace.resumed",
    ]


def test_actions_say_who_may_do_what(api, acme, alice):
    def enabled(user):
        states = api(user).get(f"{acme.path}/actions").json()["data"]["actions"]
        return {name for name, state in states.items() if state["enabled"]}

    assert enabled(acme.olga) == {"update", "addMember", "listKeys", "mintKey"}
    assert enabled(acme.adam) == {"update", "addMember"} and enabled(acme.vera) == set()
    assert enabled(alice) == {"update", "addMember", "listKeys"}


def test_the_admin_suspends_lifts_and_shows_no_secret(api, acme, alice):
    token = make_key(acme.workspace, acme.olga)
    admin = api(alice)
    for page in ("workspace", "member", "apikey", "wallet", "walletchallenge", "oidcidentity", "oidcstate"):
        assert admin.get(f"/admin/operators/{page}/").status_code == 200, page
    shown = admin.get(f"/admin/operators/apikey/{acme.workspace.api_keys.get().pk}/change/").content.decode()
    assert token not in shown and token[-4:] in shown and "digest" not in shown
    detail = admin.get(f"/admin/operators/workspace/{acme.workspace.pk}/change/").content.decode()
    assert "olga" in detail.lower() and token not in detail
    assert api(make_user("sid", roles=["operator"])).get("/admin/operators/workspace/").status_code == 403
