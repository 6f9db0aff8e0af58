"""Signing in by signature: who comes in, and that every bad signature is one 401."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings as conf
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import AuditEvent
from config.kernel import clock
from operators.identity.models import SignIn, User
from operators.identity.wallets.models import Wallet, WalletChallenge
from tests.cast import ApiClient
from tests.factories.wallets import SigningWallet

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def wallet():
    return SigningWallet()


def challenge(client, wallet, path="/auth/wallet/challenge") -> dict:
    return client.post(path, {"walletAddress": wallet.address}).json()["data"]


def login(client, wallet, nonce, signature, **body):
    return client.post("/auth/wallet/login", {"walletAddress": wallet.address, "nonce": nonce, "signature": signature, **body})


def code(response) -> tuple[int, str]:
    return response.status_code, response.json().get("code")


def parts(signature: str) -> tuple[int, int, int]:
    raw = bytes.fromhex(signature[2:])
    return int.from_bytes(raw[:32]), int.from_bytes(raw[32:64]), raw[64]


def joined(r: int, s: int, v: int) -> str:
    return "0x" + (r.to_bytes(32) + s.to_bytes(32) + bytes([v])).hex()


def test_an_unknown_wallet_gets_a_user_without_role_and_a_cookie(api, db, wallet):
    response = wallet.sign_in(api())
    data = response.json()["data"]
    assert response.status_code == 200 and data["token"] is None and data["csrfToken"]
    assert data["walletAddress"] == wallet.address and data["workspaces"] == []
    assert response.cookies[conf.SESSION_COOKIE_NAME]["httponly"]
    assert (data["user"]["roles"], data["user"]["providers"], data["user"]["wallets"]) == ([], ["wallet"], [wallet.address])
    assert User.objects.get().username == wallet.address and not User.objects.get().has_usable_password()


def test_the_same_wallet_is_the_same_user_and_may_ask_for_a_token(api, db, wallet):
    first = wallet.sign_in(api(), cookie=False).json()["data"]
    second = wallet.sign_in(api(), cookie=False).json()["data"]
    assert first["user"]["id"] == second["user"]["id"] and Wallet.objects.count() == 1
    assert ApiClient(second["token"]).get("/auth/me").json()["data"]["user"]["wallets"] == [wallet.address]


def test_a_challenge_is_good_for_one_try_whatever_comes_of_it(api, db, wallet):
    asked = challenge(api(), wallet)
    assert code(login(api(), wallet, asked["nonce"], "0x00")) == (401, "signature_invalid")
    assert code(login(api(), wallet, asked["nonce"], wallet.sign(asked["message"]))) == (401, "challenge_invalid")
    used = challenge(api(), wallet)
    assert login(api(), wallet, used["nonce"], wallet.sign(used["message"])).status_code == 200
    assert code(login(api(), wallet, used["nonce"], wallet.sign(used["message"]))) == (401, "challenge_invalid")


def test_unknown_expired_anothers_and_misused_challenges_answer_alike(api, db, wallet):
    other, mine, misused = SigningWallet(), challenge(api(), wallet), challenge(api(), wallet, "/workspaces/challenge")
    anothers = challenge(api(), other)
    answers = [login(api(), wallet, nonce, wallet.sign("x")).json() for nonce in ("", "f" * 32, anothers["nonce"], misused["nonce"])]
    with clock.frozen(WalletChallenge.objects.get(nonce=mine["nonce"]).expires_at):
        answers.append(login(api(), wallet, mine["nonce"], wallet.sign(mine["message"])).json())
    assert {answer["code"] for answer in answers} == {"challenge_invalid"} and len({str(answer) for answer in answers}) == 1


def test_a_key_that_is_not_the_wallets_is_refused_and_the_refusal_recorded(api, db, wallet):
    asked = challenge(api(), wallet)
    response = login(api(), wallet, asked["nonce"], SigningWallet().sign(asked["message"]))
    assert code(response) == (401, "signature_invalid") and "ERC-1271" in response.json()["message"]
    row = AuditEvent.objects.get(verb="auth.sign_in.failed")
    assert (row.reason, row.details["wallet"]) == ("signature_invalid", wallet.address)
    assert not User.objects.exists() and not SignIn.objects.exists()


BAD = {
    "empty": lambda good: "",
    "zero": lambda good: "0x" + "00" * 65,
    "no hex": lambda good: "0x" + "zz" * 65,
    "too short": lambda good: good[:-2],
    "too long": lambda good: good + "00",
    "with a newline": lambda good: good + "\n",
    "other digits": lambda good: "0x" + "٣" * 130,
    "v 99": lambda good: joined(*parts(good)[:2], 99),
    "v 2": lambda good: joined(*parts(good)[:2], 2),
    "v 29": lambda good: joined(*parts(good)[:2], 29),
    "the high-s twin": lambda good: joined(parts(good)[0], ORDER - parts(good)[1], 55 - parts(good)[2]),
    "r zero": lambda good: joined(0, *parts(good)[1:]),
    "s zero": lambda good: joined(parts(good)[0], 0, parts(good)[2]),
    "r too large": lambda good: joined(ORDER, *parts(good)[1:]),
    "r on no point": lambda good: joined(5, *parts(good)[1:]),
    "the other parity": lambda good: joined(*parts(good)[:2], 55 - parts(good)[2]),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD.keys())
def test_a_bad_signature_is_401(api, db, wallet, spoil):
    asked = challenge(api(), wallet)
    assert code(login(api(), wallet, asked["nonce"], spoil(wallet.sign(asked["message"])))) == (401, "signature_invalid")


@pytest.mark.parametrize(
    "spell", [lambda good: good[2:], lambda good: joined(*parts(good)[:2], parts(good)[2] - 27), str.upper], ids=["no 0x", "v 0 or 1", "upper"]
)
def test_other_spellings_of_a_good_signature_are_taken(api, db, wallet, spell):
    asked = challenge(api(), wallet)
    signature = spell(wallet.sign(asked["message"])).replace("0X", "0x")
    assert login(api(), wallet, asked["nonce"], signature).status_code == 200


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=65, max_size=65) | st.text(max_size=140).filter(lambda text: "\x00" not in text and text.isprintable()))
def test_junk_is_never_a_500(junk):
    wallet = SigningWallet()
    nonce = "0" * 32
    now = clock.now()
    WalletChallenge.objects.filter(nonce=nonce).delete()
    WalletChallenge.objects.create(
        nonce=nonce, address=wallet.address, purpose="sign-in", message="m", created_at=now, expires_at=now + timedelta(minutes=1)
    )
    from config.kernel import broker

    broker.attempt(lambda valkey: valkey.flushdb())
    signature = "0x" + junk.hex() if isinstance(junk, bytes) else junk
    assert code(login(ApiClient(), wallet, nonce, signature)) == (401, "signature_invalid")


def test_missing_and_null_fields_are_400(api, db, wallet):
    for body in ({"walletAddress": wallet.address}, {"walletAddress": wallet.address, "nonce": None, "signature": None}, {}):
        assert api().post("/auth/wallet/login", body).status_code == 400


def test_a_disabled_user_does_not_come_in_by_their_wallet(api, db, wallet):
    wallet.sign_in(api())
    User.objects.update(disabled_at=clock.now())
    assert code(wallet.sign_in(api())) == (401, "sign_in_failed")
    failed = AuditEvent.objects.get(verb="auth.sign_in.failed")
    assert (failed.reason, failed.details["wallet"]) == ("sign_in_failed", wallet.address)


def test_a_page_of_another_site_signs_nobody_in(api, db, wallet):
    body = wallet.proof(api(), "/auth/wallet/challenge")
    assert code(api().post("/auth/wallet/login", body, origin="https://evil.example")) == (403, "csrf_failed")


def test_a_browser_that_is_signed_in_changes_over(api, db, wallet):
    browser = ApiClient()
    browser.client.cookies.update(SigningWallet().sign_in(api()).cookies)
    assert wallet.sign_in(browser).status_code == 200
    assert browser.get("/auth/me").json()["data"]["user"]["wallets"] == [wallet.address]
    assert SignIn.objects.filter(revoked_at=None).count() == 1


def test_guessing_is_slowed_per_address(api, db, wallet):
    answers = [api().post("/auth/wallet/challenge", {"walletAddress": wallet.address}).status_code for _ in range(31)]
    assert answers == [200] * 30 + [429]
    tries = [login(api(), wallet, "f" * 32, "") for _ in range(31)]
    assert [response.status_code for response in tries] == [401] * 30 + [429] and tries[-1]["Retry-After"]


def at_once(jobs) -> list:
    def run(job):
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(run, job) for job in jobs]]


@pytest.mark.django_db(transaction=True)
def test_of_logins_racing_for_one_challenge_one_wins(wallet):
    body = wallet.proof(ApiClient(), "/auth/wallet/challenge")
    answers = at_once([lambda: ApiClient().post("/auth/wallet/login", {**body, "cookie": False})] * 6)
    assert sorted(code(answer) for answer in answers if answer.status_code != 200) == [(401, "challenge_invalid")] * 5
    assert SignIn.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_first_sign_ins_racing_with_challenges_of_their_own_make_one_user(wallet):
    bodies = [wallet.proof(ApiClient(), "/auth/wallet/challenge") for _ in range(5)]
    answers = at_once([lambda body=body: ApiClient().post("/auth/wallet/login", {**body, "cookie": False}) for body in bodies])
    assert [answer.status_code for answer in answers] == [200] * 5
    assert User.objects.count() == Wallet.objects.count() == 1


def test_an_idempotency_key_does_not_bring_a_spent_challenge_back(api, db, wallet, alice):
    client = api(alice)
    asked = challenge(client, wallet)
    body = {"walletAddress": wallet.address, "nonce": asked["nonce"], "cookie": False}
    assert code(client.post("/auth/wallet/login", {**body, "signature": ""}, idempotency_key="k1")) == (401, "signature_invalid")
    assert code(client.post("/auth/wallet/login", {**body, "signature": wallet.sign(asked["message"])}, idempotency_key="k2")) == (
        401,
        "challenge_invalid",
    )
