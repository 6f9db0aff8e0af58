"""A workspace is made by a signature; its slug, roles and wallet are for good."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from audit.models import AuditEvent
from config.kernel import broker, clock
from operators.identity.models import User
from operators.workspaces.models import Member, Workspace
from tests.cast import ApiClient
from tests.factories.wallets import SigningWallet

CHALLENGE = "/workspaces/challenge"


def body(client, wallet, **changes) -> dict:
    return {"slug": "acme-drones", "name": " Acme Drone Co ", "roles": ["SUPPLIER"], **wallet.proof(client, CHALLENGE), **changes}


def create(client, wallet, **changes):
    return client.post("/workspaces", body(client, wallet, **changes))


def code(response) -> tuple[int, str]:
    return response.status_code, response.json().get("code")


@pytest.fixture
def wallet():
    return SigningWallet()


def test_the_signer_becomes_its_owner(api, wallet):
    response = create(api(), wallet)
    data = response.json()["data"]
    assert response.status_code == 201 and response["Location"] == f"/api/v1/workspaces/{data['id']}"
    assert {
        name: data[name] for name in ("slug", "name", "roles", "walletAddress", "availabilityState", "coverage", "deviceKind", "suspendedAt")
    } == {
        "slug": "acme-drones",
        "name": "Acme Drone Co",
        "roles": ["SUPPLIER"],
        "walletAddress": wallet.address,
        "availabilityState": "ONLINE",
        "coverage": None,
        "deviceKind": "other",
        "suspendedAt": None,
    }
    signed_in = wallet.sign_in(api(), cookie=False).json()["data"]
    assert signed_in["workspaces"] == [{"id": data["id"], "slug": "acme-drones", "name": "Acme Drone Co", "role": "OWNER"}]
    owner = ApiClient(signed_in["token"])
    assert owner.get(f"/workspaces/{data['id']}").json()["data"]["slug"] == "acme-drones"
    row = AuditEvent.objects.get(verb="workspace.created")
    assert (row.actor_label, row.subject_id, row.after["slug"]) == (wallet.address, data["id"], "acme-drones")


@pytest.mark.parametrize(
    "changes",
    [
        *({"slug": slug} for slug in ("", "ab", "Acme", "1acme", "acme-", "-acme", "a_b", "a" * 41, "acme\n", "admin", "api", "sign-in")),
        {"roles": []},
        {"roles": ["OWNER"]},
        {"roles": ["SUPPLIER", "SUPPLIER"]},
        {"roles": "SUPPLIER"},
        {"name": "  "},
        {"name": "x" * 81},
        {"name": "a\x07b"},
        {"name": None},
    ],
    ids=str,
)
def test_what_is_no_workspace_is_400_and_spends_no_challenge(api, wallet, changes):
    good = body(api(), wallet)
    assert code(api().post("/workspaces", {**good, **changes})) == (400, "validation_failed")
    assert api().post("/workspaces", good).status_code == 201


def test_a_challenge_for_signing_in_makes_none_and_a_bad_signature_neither(api, wallet):
    assert code(api().post("/workspaces", body(api(), wallet) | wallet.proof(api(), "/auth/wallet/challenge"))) == (401, "challenge_invalid")
    for signature in ("", "0x" + "00" * 65, "0x" + "ff" * 65):
        assert code(create(api(), wallet, signature=signature)) == (401, "signature_invalid")
    assert not Workspace.objects.exists() and not User.objects.exists()


def test_a_signature_is_no_replay_key(api, wallet):
    good = body(api(), wallet)
    assert api().post("/workspaces", good, idempotency_key="once").status_code == 201
    assert code(api().post("/workspaces", good, idempotency_key="once")) == (401, "challenge_invalid")


def test_nor_is_it_for_who_is_signed_in(api, wallet, alice):
    good = body(api(), wallet)
    assert api(alice).post("/workspaces", good, idempotency_key="once").status_code == 201
    assert code(api(alice).post("/workspaces", good, idempotency_key="once")) == (401, "challenge_invalid")


def test_a_taken_slug_is_409_whoever_asks(api, wallet):
    create(api(), wallet)
    assert code(create(api(), SigningWallet())) == (409, "slug_taken")
    assert Workspace.objects.count() == Member.objects.count() == 1


def test_a_wallet_makes_five_a_day_and_ten_in_all(api, wallet):
    made = [create(api(), wallet, slug=f"acme-{number}").status_code for number in range(6)]
    assert made == [201] * 5 + [409]
    Workspace.objects.update(created_at=clock.now() - timedelta(days=2))
    broker.attempt(lambda valkey: valkey.flushdb())
    made = [create(api(), wallet, slug=f"acme-b{number}") for number in range(6)]
    assert [response.status_code for response in made] == [201] * 5 + [409]
    assert made[-1].json()["data"] == {"limit": 10} and create(api(), SigningWallet(), slug="other").status_code == 201


def test_creation_is_slowed_per_address(api, wallet):
    answers = [api().post("/workspaces", {}).status_code for _ in range(11)]
    assert answers == [400] * 10 + [429]


@pytest.mark.django_db(transaction=True)
def test_racing_creations_of_one_wallet_keep_its_limit(wallet):
    bodies = [body(ApiClient(), wallet, slug=f"acme-{number}") for number in range(8)]

    def post(one):
        try:
            return ApiClient().post("/workspaces", one).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, bodies))
    assert sorted(answers) == [201] * 5 + [409] * 3
    assert Workspace.objects.count() == 5 and User.objects.count() == 1
