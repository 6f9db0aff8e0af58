"""The own account: who am I, the own password, the own sign-ins, and those of others."""

import pytest

from operators.access.models import Role
from operators.identity.models import SignIn, User
from tests.cast import ApiClient, token_of
from tests.factories.users import make_user

PASSWORD, NEW = "correct horse battery", "a staple of new hopes"


@pytest.fixture
def dora(db):
    return make_user("dora", roles=[Role.OPERATOR], password=PASSWORD)


def change(client, current=PASSWORD, new=NEW):
    return client.patch("/auth/me/password", {"currentPassword": current, "newPassword": new})


def test_me_says_what_the_roles_allow(api, dora, mallory):
    data = api(dora).get("/auth/me").json()["data"]
    assert data["workspaces"] == [] and data["activeWorkspaceId"] is None
    assert "recording:create" in data["permissions"] and "auth:manage" not in data["permissions"]
    assert api(mallory).get("/auth/me").json()["data"]["permissions"] == []


def test_a_changed_password_works_and_ends_the_other_sign_ins_only(api, dora):
    other = token_of(dora)
    assert change(api(dora)).status_code == 204
    assert api(dora).get("/auth/me").status_code == 200
    assert ApiClient(other).get("/auth/me").json()["code"] == "credential_revoked"
    assert api().post("/auth/login", {"email": "dora@example.org", "password": NEW}).status_code == 200


@pytest.mark.parametrize(
    "new, code",
    [
        ("short", "min_length"),
        ("123456789012345", "password_entirely_numeric"),
        ("dora@example.org", "password_too_similar"),
        ("password1234", "password_too_common"),
        (PASSWORD, "password_unchanged"),
    ],
)
def test_a_bad_new_password_says_why(api, dora, new, code):
    response = change(api(dora), new=new)
    assert response.status_code == 400
    assert (response.json()["data"]["errors"][0]["path"], code in {row["code"] for row in response.json()["data"]["errors"]}) == ("newPassword", True)


def test_a_wrong_current_password_is_refused_and_five_tries_a_minute_are_enough(api, dora):
    assert [change(api(dora), current="wrong wrong wrong").json()["code"] for _ in range(6)] == ["current_password_wrong"] * 5 + ["throttled"]


def test_who_has_no_password_has_none_to_change(api, mallory):
    assert change(api(mallory)).json()["code"] == "password_unavailable"


def test_until_a_set_password_is_changed_only_the_way_out_answers(api, dora, settings):
    settings.METRICS_ALLOWED_NETWORKS = []
    User.objects.filter(pk=dora.pk).update(must_change_password=True)
    caller = api(dora)
    for path in ("/auth/sign-ins", "/auth/permissions", "/metrics"):
        assert (caller.get(path).status_code, caller.get(path).json()["code"]) == (403, "password_change_required")
    assert caller.get("/auth/me").json()["data"]["user"]["mustChangePassword"] is True
    assert change(caller).status_code == 204
    assert caller.get("/auth/permissions").status_code == 200


def test_sign_ins_are_listed_and_the_one_in_use_is_marked(api, dora):
    token_of(dora)
    rows = api(dora).get("/auth/sign-ins").json()["data"]
    assert [row["current"] for row in rows] == [True, False]
    assert set(rows[0]) == {"id", "kind", "current", "ip", "userAgent", "createdAt", "lastSeenAt", "expiresAt"}


def test_others_sign_ins_are_for_those_who_manage_users(api, dora, alice, carol):
    token_of(carol)
    assert api(alice).get(f"/auth/sign-ins?userId={carol.pk}").json()["meta"]["returned"] == 1
    refused = api(dora).get(f"/auth/sign-ins?userId={carol.pk}")
    assert (refused.status_code, refused.json()["data"]["permission"]) == (403, "auth:manage")


def test_a_sign_in_is_revoked_by_its_owner_or_a_manager_and_hidden_from_everyone_else(api, dora, alice, carol):
    token = token_of(carol)
    pk = SignIn.objects.get(user=carol).pk
    hidden = api(dora).delete(f"/auth/sign-ins/{pk}")
    absent = api(dora).delete("/auth/sign-ins/018f0000-0000-7000-8000-000000000000")
    assert hidden.status_code == absent.status_code == 404 and hidden.content == absent.content
    assert api(alice).delete(f"/auth/sign-ins/{pk}").status_code == 204
    assert ApiClient(token).get("/auth/me").json()["code"] == "credential_revoked"
    assert api(alice).delete(f"/auth/sign-ins/{pk}").status_code == 404


def test_an_admin_does_not_end_an_owners_sign_in(api, alice):
    admin = make_user("adam", roles=[Role.ADMIN])
    token_of(alice)
    refused = api(admin).delete(f"/auth/sign-ins/{SignIn.objects.get(user=alice).pk}")
    assert (refused.status_code, refused.json()["data"]["permission"]) == (403, "system:admin")


def test_revoking_the_others_keeps_the_one_in_use(api, dora):
    caller, others = api(dora), [token_of(dora) for _ in range(3)]
    assert caller.post("/auth/sign-ins/revoke-others").json()["data"] == {"revoked": 3}
    assert {ApiClient(token).get("/auth/me").status_code for token in others} == {401}
    assert caller.get("/auth/me").status_code == 200


def test_the_catalogue_is_readable_by_whoever_is_signed_in(api, mallory):
    reply = api(mallory).get("/auth/permissions").json()
    rows = {row["permission"]: row for row in reply["data"]}
    assert reply["meta"] == {"limit": len(rows), "returned": len(rows), "nextCursor": None}
    assert rows["node:control"]["roles"] == ["admin", "operator", "owner"]
    assert rows["recording:read"]["key"] is True and rows["recording:read"]["workspaceRoles"] == ["ADMIN", "OWNER", "VIEWER"]
    assert api().get("/auth/permissions").json()["code"] == "not_authenticated"


def test_a_change_of_access_raises_the_epoch_on_commit(api, dora, commits):
    from config.kernel.access import ports

    before = ports.access_epoch()
    with commits():
        api(dora).post("/auth/sign-ins/revoke-others")
    assert ports.access_epoch() == before
    token_of(dora)
    with commits():
        api(dora).post("/auth/sign-ins/revoke-others")
    assert ports.access_epoch() > before
