"""Editing a workspace, its availability, and what suspension refuses."""

import pytest
from django.conf import settings
from django.test import RequestFactory

from audit.models import AuditEvent
from config.kernel.access import system
from config.kernel.errors import ApiError
from operators.access.services import set_roles
from operators.identity.browser_sessions import SessionStore
from operators.identity.services import sign_in
from operators.workspaces import availability, services
from operators.workspaces.models import Workspace
from tests.cast import ApiClient
from tests.factories.users import make_user
from tests.factories.wallets import SigningWallet
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

    def busy(ids, environment):
        asked.append((set(ids), environment))
        return {acme.workspace.pk}

    availability.register_busy(busy)
    try:
        rows = api(acme.olga).get("/workspaces").json()["data"]
        assert {row["slug"]: row["availabilityState"] for row in rows} == {"acme-drones": "BUSY", "other": "ONLINE"}
        assert asked == [({acme.workspace.pk, other.pk}, "LIVE")], "one question for a page"
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


def _admin(client, user):
    """A browser of `user`, signed in by cookie."""
    request = RequestFactory().post("/")
    session = SessionStore()
    sign_in(request=request, user=user, session=session)
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return client


def test_admin_actions_suspend_lift_and_revoke(acme, alice, client):
    key = make_key(acme.workspace, acme.olga)
    admin = _admin(client, alice)
    chosen = {"_selected_action": [str(acme.workspace.pk)]}
    admin.post("/admin/operators/workspace/", {"action": "suspend", **chosen})
    assert Workspace.objects.get().suspended_at is not None
    admin.post("/admin/operators/workspace/", {"action": "suspend", **chosen})
    admin.post("/admin/operators/workspace/", {"action": "lift", **chosen})
    assert Workspace.objects.get().suspended_at is None and AuditEvent.objects.filter(verb="workspace.suspended").count() == 1
    admin.post("/admin/operators/apikey/", {"action": "revoke", "_selected_action": [str(acme.workspace.api_keys.get().pk)]})
    assert code(ApiClient(key).get(acme.path)) == (401, "credential_revoked")


def test_a_member_who_may_open_the_admin_can_not_lift_the_suspension_of_their_own(acme, client):
    services.suspend(actor=acting(make_user("ada", roles=["admin"])), workspace=acme.workspace, suspended=True)
    set_roles(user=acme.olga, roles=["operator"], actor=system("test"))
    admin = _admin(client, acme.olga)
    assert admin.get("/admin/operators/workspace/").status_code == 200
    admin.post("/admin/operators/workspace/", {"action": "lift", "_selected_action": [str(acme.workspace.pk)]})
    assert Workspace.objects.get().suspended_at is not None
    with pytest.raises(ApiError, match="permission_denied"):
        services.suspend(actor=acting(acme.olga), workspace=acme.workspace, suspended=False)


def test_a_cookie_without_its_csrf_token_edits_nothing_but_may_ask_for_a_challenge(api, db):
    wallet = SigningWallet()
    made = (
        api()
        .post("/workspaces", {"slug": "mine-1", "name": "Mine", "roles": ["SUPPLIER"], **wallet.proof(api(), "/workspaces/challenge")})
        .json()["data"]
    )
    signed_in = wallet.sign_in(api())
    browser = ApiClient()
    browser.client.cookies.update(signed_in.cookies)
    assert code(browser.patch(f"/workspaces/{made['id']}", {"name": "x"})) == (403, "csrf_failed")
    assert browser.patch(f"/workspaces/{made['id']}", {"name": "x"}, x_csrftoken=signed_in.json()["data"]["csrfToken"]).status_code == 200
    assert browser.post("/workspaces/challenge", {"walletAddress": wallet.address}).status_code == 200
    assert code(ApiClient("tr_usr_junk").post("/workspaces/challenge", {"walletAddress": wallet.address})) == (401, "credential_invalid")


def test_an_unknown_parameter_is_400_only_where_the_workspace_is_seen(api, acme):
    other = make_workspace("other", OWNER=make_user("otto"))
    assert code(api(acme.vera).get(f"{acme.path}/members?colour=red")) == (400, "unknown_parameter")
    assert code(api(acme.vera).get(f"/workspaces/{other.pk}/members?colour=red")) == (404, "not_found")
