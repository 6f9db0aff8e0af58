"""Members: who sees, edits, gives and takes; one owner always remains."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from audit.models import AuditEvent
from config.kernel.access import system
from operators.access.models import AccessPolicy, Role, policy_id
from operators.access.services import set_roles
from operators.workspaces.models import Member, Workspace
from operators.workspaces.selectors import owned_alone
from tests.cast import ApiClient, token_of
from tests.factories.users import make_user
from tests.factories.wallets import SigningWallet
from tests.operators.workspaces.conftest import make_workspace


def code(response) -> tuple[int, str | None]:
    return response.status_code, response.json().get("code") if response.content else None


def member_of(acme, user) -> str:
    return f"{acme.path}/members/{Member.objects.get(workspace=acme.workspace, user=user).pk}"


def test_members_see_their_workspace_and_nobody_elses(api, acme):
    other = make_workspace("other", OWNER=make_user("otto"))
    for user in (acme.olga, acme.adam, acme.vera):
        assert [row["slug"] for row in api(user).get("/workspaces").json()["data"]] == ["acme-drones"]
        hidden, absent = api(user).get(f"/workspaces/{other.pk}"), api(user).get("/workspaces/01a212af-99d7-77ea-8ee1-2642e3aa09e9")
        assert hidden.status_code == absent.status_code == 404 and hidden.content == absent.content
        for route in ("members", "api-keys"):
            assert api(user).get(f"/workspaces/{other.pk}/{route}").status_code in ({404, 403} if route == "api-keys" else {404})


def test_who_belongs_nowhere_is_refused_before_anything_is_looked_up(api, acme, mallory):
    for path in ("/workspaces", acme.path, f"{acme.path}/members"):
        assert api(mallory).get(path).json()["data"] == {"permission": "workspace:read", "rule": "permission_denied"}


def test_roles_of_the_installation_reach_all_below_admin_only_by_a_policy(api, acme, alice):
    auditor = make_user("uma", roles=["auditor"])
    assert api(alice).get(acme.path).status_code == 200
    assert api(auditor).get(acme.path).status_code == 404 and api(auditor).get("/workspaces").json()["data"] == []
    rule = {
        "effect": "allow",
        "subject_type": "everyone",
        "subject_id": "",
        "permissions": ["*"],
        "resource_type": "workspace",
        "resource_id": str(acme.workspace.pk),
    }
    AccessPolicy.objects.create(pk=policy_id(**rule), **rule)
    assert api(auditor).get(acme.path).status_code == 200
    assert code(api(auditor).patch(acme.path, {"name": "x"})) == (403, "permission_denied")


def test_a_deny_policy_hides_it_even_from_its_owner(api, acme):
    rule = {
        "effect": "deny",
        "subject_type": "everyone",
        "subject_id": "",
        "permissions": ["*"],
        "resource_type": "workspace",
        "resource_id": str(acme.workspace.pk),
    }
    AccessPolicy.objects.create(pk=policy_id(**rule), **rule)
    assert api(acme.olga).get(acme.path).status_code == 404 and api(acme.olga).get(f"{acme.path}/members").status_code == 404


def test_an_owner_adds_by_user_and_by_a_wallet_never_seen(api, acme):
    nora, wallet = make_user("nora"), SigningWallet()
    added = api(acme.olga).post(f"{acme.path}/members", {"userId": str(nora.pk), "role": "ADMIN"})
    assert added.status_code == 201 and added.json()["data"]["userId"] == str(nora.pk) and "email" not in added.json()["data"]
    by_wallet = api(acme.olga).post(f"{acme.path}/members", {"walletAddress": wallet.address.lower(), "role": "VIEWER"}).json()["data"]
    assert by_wallet["walletAddress"] == wallet.address
    assert wallet.sign_in(api(), cookie=False).json()["data"]["workspaces"][0]["role"] == "VIEWER"
    row = AuditEvent.objects.filter(verb="workspace.member.added").first()
    assert row.subject_label == "acme-drones" and row.details["user"] in {"nora@example.org", wallet.address}
    listed = api(acme.vera).get(f"{acme.path}/members").json()
    assert listed["meta"]["returned"] == 5 and {row["role"] for row in listed["data"]} == {"OWNER", "ADMIN", "VIEWER"}


def test_adding_again_nobody_both_and_too_many(api, acme, monkeypatch):
    olga = api(acme.olga)
    assert code(olga.post(f"{acme.path}/members", {"userId": str(acme.vera.pk), "role": "ADMIN"})) == (409, "already_member")
    unknown = olga.post(f"{acme.path}/members", {"userId": str(acme.workspace.pk), "role": "ADMIN"})
    assert code(unknown) == (404, "reference_not_found") and unknown.json()["data"] == {"path": "userId"}
    for body in ({"role": "ADMIN"}, {"userId": str(acme.vera.pk), "walletAddress": SigningWallet().address, "role": "ADMIN"}):
        assert code(olga.post(f"{acme.path}/members", body)) == (400, "validation_failed")
    monkeypatch.setattr("operators.workspaces.services.MEMBERS", 3)
    assert code(olga.post(f"{acme.path}/members", {"userId": str(make_user().pk), "role": "VIEWER"})) == (409, "limit_reached")


def test_only_an_owner_gives_changes_or_takes_owner(api, acme, alice):
    nora = make_user("nora")
    for client in (api(acme.adam), api(alice)):
        assert code(client.post(f"{acme.path}/members", {"userId": str(nora.pk), "role": "OWNER"})) == (403, "permission_denied")
        assert code(client.patch(member_of(acme, acme.vera), {"role": "OWNER"})) == (403, "permission_denied")
        assert code(client.patch(member_of(acme, acme.olga), {"role": "VIEWER"})) == (403, "permission_denied")
        assert code(client.delete(member_of(acme, acme.olga))) == (403, "permission_denied")
    assert api(acme.olga).patch(member_of(acme, acme.vera), {"role": "OWNER"}).json()["data"]["role"] == "OWNER"
    assert api(acme.vera).patch(member_of(acme, acme.olga), {"role": "VIEWER"}).status_code == 200


def test_the_last_owner_stays(api, acme):
    olga = api(acme.olga)
    assert code(olga.patch(member_of(acme, acme.olga), {"role": "ADMIN"})) == (409, "last_owner")
    assert code(olga.delete(member_of(acme, acme.olga))) == (409, "last_owner")
    assert list(owned_alone(acme.olga)) == [acme.workspace] and not owned_alone(acme.adam).exists()


def test_anyone_may_leave_and_only_who_manages_takes_others_out(api, acme, mallory):
    assert code(api(acme.vera).delete(member_of(acme, acme.adam))) == (403, "permission_denied")
    assert code(api(mallory).delete(member_of(acme, acme.adam))) == (403, "permission_denied")
    stranger = make_user("otto")
    make_workspace("other", OWNER=stranger)
    assert code(api(stranger).delete(member_of(acme, acme.adam))) == (404, "not_found")
    assert api(acme.vera).delete(member_of(acme, acme.vera)).status_code == 204
    assert api(acme.vera).get(acme.path).status_code == 403
    assert api(acme.olga).delete(member_of(acme, acme.adam)).status_code == 204
    assert AuditEvent.objects.filter(verb="workspace.member.removed").count() == 2


def test_a_viewer_reads_and_writes_nothing(api, acme):
    vera = api(acme.vera)
    assert code(vera.patch(acme.path, {"name": "x"})) == (403, "permission_denied")
    assert code(vera.post(f"{acme.path}/members", {"userId": str(acme.vera.pk), "role": "ADMIN"})) == (403, "permission_denied")
    assert code(vera.get(f"{acme.path}/api-keys")) == (403, "permission_denied")


def test_who_manages_one_and_reads_another_gets_403_there(api, acme):
    make_workspace("mine", OWNER=acme.vera)
    assert code(api(acme.vera).patch(acme.path, {"name": "x"})) == (403, "permission_denied")
    assert code(api(acme.vera).get(f"{acme.path}/api-keys")) == (403, "permission_denied")
    assert code(api(acme.vera).patch(member_of(acme, acme.adam), {"role": "VIEWER"})) == (403, "permission_denied")


def test_selecting_makes_it_the_default_and_gives_nothing(api, acme):
    other = make_workspace("other", OWNER=make_user("otto"))
    vera = api(acme.vera)
    assert vera.get("/auth/me").json()["data"]["activeWorkspaceId"] is None
    assert vera.post("/auth/workspace/select", {"workspaceId": str(acme.workspace.pk)}).json()["data"] == {
        "walletAddress": None,
        "workspaceId": str(acme.workspace.pk),
        "role": "VIEWER",
    }
    me = vera.get("/auth/me").json()["data"]
    assert me["activeWorkspaceId"] == str(acme.workspace.pk) and me["permissions"] == []
    assert [(row["slug"], row["role"]) for row in me["workspaces"]] == [("acme-drones", "VIEWER")] and "workspace:read" in me["workspaces"][0][
        "permissions"
    ]
    assert ApiClient(token_of(acme.vera)).get("/auth/me").json()["data"]["activeWorkspaceId"] is None
    refused = vera.post("/auth/workspace/select", {"workspaceId": str(other.pk)})
    assert code(refused) == (404, "reference_not_found") and refused.json()["data"] == {"path": "workspaceId"}
    Member.objects.filter(user=acme.vera).delete()
    assert vera.get("/auth/me").json()["data"]["activeWorkspaceId"] is None


@pytest.mark.django_db(transaction=True)
def test_two_owners_leaving_at_once_leave_one():
    owners = [make_user("olga"), make_user("omar")]
    workspace = make_workspace(OWNER=owners[0])
    Member.objects.create(workspace=workspace, user=owners[1], role="OWNER")
    rows = [(ApiClient(token_of(user)), Member.objects.get(user=user).pk) for user in owners]

    def leave(pair):
        try:
            return pair[0].delete(f"/workspaces/{workspace.pk}/members/{pair[1]}").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, rows)) == [204, 409]
    assert Member.objects.filter(workspace=workspace, role="OWNER").count() == 1


def test_lists_filter_search_sort_and_page(api, acme, alice):
    make_workspace("beta", roles=("CONSUMER",), OWNER=acme.olga)
    make_workspace("gamma", roles=("CONSUMER", "SUPPLIER"), OWNER=acme.olga)
    Workspace.objects.filter(slug="gamma").update(suspended_at=acme.workspace.created_at)

    def slugs(query):
        return [row["slug"] for row in api(alice).get(f"/workspaces?{query}").json()["data"]]

    assert slugs("role=CONSUMER&sort=slug") == ["beta", "gamma"] and slugs("role=CONSUMER&role=SUPPLIER") == ["gamma"]
    assert (
        slugs("suspended=true") == ["gamma"] and slugs("suspended=false&sort=-slug") == ["beta", "acme-drones"] and slugs("search=amm") == ["gamma"]
    )
    page = api(alice).get("/workspaces?limit=2").json()
    assert [row["slug"] for row in api(alice).get(f"/workspaces?limit=2&cursor={page['meta']['nextCursor']}").json()["data"]] == ["gamma"]
    assert code(api(alice).get("/workspaces?role=BOSS")) == (400, "validation_failed")


def test_owners_of_the_installation_by_role_are_no_owners_of_a_workspace(api, acme):
    admin = make_user("ada")
    set_roles(user=admin, roles=[Role.ADMIN], actor=system("test"))
    assert api(admin).patch(acme.path, {"name": "Renamed"}).status_code == 200
    assert api(admin).patch(member_of(acme, acme.vera), {"role": "ADMIN"}).status_code == 200
    assert code(api(admin).post(f"{acme.path}/api-keys", {"label": "x", "environment": "LIVE", "scopes": ["workspace:read"]})) == (
        403,
        "permission_denied",
    )
