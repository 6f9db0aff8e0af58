"""Signing in and out by token and by cookie, and what every failure answers."""

import hashlib
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session

from config.kernel import clock
from operators.access.models import Role
from operators.identity.models import SignIn, User
from tests.cast import ApiClient
from tests.factories.users import make_user

PASSWORD = "correct horse battery"


@pytest.fixture
def dora(db):
    return make_user("dora", roles=[Role.OPERATOR], password=PASSWORD)


def login(client, email="dora@example.org", password=PASSWORD, **body):
    return client.post("/auth/login", {"email": email, "password": password, **body})


def cookie_client(response) -> ApiClient:
    client = ApiClient()
    client.client.cookies.update(response.cookies)
    return client


def test_a_token_opens_the_api_for_twelve_hours_and_is_stored_as_a_digest_only(api, dora):
    data = login(api()).json()["data"]
    assert data["token"].startswith("tr_usr_") and "csrfToken" not in data
    assert data["user"]["email"] == "dora@example.org" and data["user"]["roles"] == ["operator"]
    row = SignIn.objects.get(pk=data["signInId"])
    assert bytes(row.digest) == hashlib.sha256(data["token"].encode()).digest()
    assert row.expires_at - row.created_at == timedelta(hours=12)
    caller = ApiClient(data["token"])
    assert caller.get("/auth/me").json()["data"]["kind"] == "user"
    with clock.frozen(row.expires_at):
        assert caller.get("/auth/me").json()["code"] == "credential_expired"


def test_a_cookie_sign_in_answers_a_csrf_token_and_demands_it_on_writes(api, dora):
    response = login(api(), cookie=True)
    data = response.json()["data"]
    assert data["token"] is None and data["csrfToken"]
    assert response.cookies[settings.SESSION_COOKIE_NAME]["httponly"]
    key = response.cookies[settings.SESSION_COOKIE_NAME].value
    assert bytes(SignIn.objects.get().digest) == hashlib.sha256(key.encode()).digest()
    assert Session.objects.get().session_key != key and Session.objects.get().get_decoded() == {"sign_in": data["signInId"]}
    browser = cookie_client(response)
    assert browser.get("/auth/me").status_code == 200
    assert browser.post("/auth/sign-ins/revoke-others").json()["code"] == "csrf_failed"
    assert browser.post("/auth/sign-ins/revoke-others", x_csrftoken=data["csrfToken"]).json()["data"] == {"revoked": 0}
    assert browser.post("/auth/logout", x_csrftoken=data["csrfToken"]).status_code == 204
    assert cookie_client(response).get("/auth/me").json()["code"] == "not_authenticated" and not Session.objects.exists()


def test_a_session_key_planted_before_signing_in_signs_nobody_in(api, dora):
    planted = login(api(), cookie=True)
    browser = cookie_client(planted)
    again = login(browser, cookie=True)
    assert again.cookies[settings.SESSION_COOKIE_NAME].value != planted.cookies[settings.SESSION_COOKIE_NAME].value
    assert cookie_client(planted).get("/auth/me").status_code == 401
    assert cookie_client(again).get("/auth/me").status_code == 200


@pytest.mark.parametrize(
    "email, password", [("dora@example.org", "wrong password"), ("nobody@example.org", PASSWORD), ("gone@example.org", PASSWORD)]
)
def test_every_cause_of_failure_has_one_answer_and_costs_one_hash(api, dora, monkeypatch, email, password):
    make_user("gone", password=PASSWORD, disabled_at=clock.now())
    hashes = []
    from operators.identity.hashers import TallyArgon2

    for name in ("encode", "verify"):
        original = getattr(TallyArgon2, name)
        monkeypatch.setattr(TallyArgon2, name, lambda self, *a, _original=original, **k: hashes.append(1) or _original(self, *a, **k))
    response = login(api(), email, password)
    assert (response.status_code, response.json()["code"]) == (401, "sign_in_failed")
    assert len(hashes) == 1


def test_an_email_that_grows_when_it_is_written_down_is_too_long(api, alice):
    reply = api().post("/auth/login", {"email": "ﷺ" * 254, "password": "x"})
    assert (reply.status_code, reply.json()["data"]["errors"][0]["path"]) == (400, "email")
    reply = api(alice).post("/auth/users", {"email": f"a@{'ﬃ' * 60}.{'ﬃ' * 60}.org", "name": "A", "roles": []})
    assert (reply.status_code, reply.json()["data"]["errors"][0]["path"]) == (400, "email")


def test_an_email_is_one_spelling(api, dora):
    assert login(api(), "  DORA@Example.ORG ").status_code == 200


def test_a_page_of_another_site_may_not_sign_anyone_in(api, dora):
    response = api().post("/auth/login", {"email": "dora@example.org", "password": PASSWORD}, origin="https://evil.example")
    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")


def test_signing_out_is_204_with_a_live_a_dead_and_no_credential(api, dora):
    token = login(api()).json()["data"]["token"]
    assert [ApiClient(t).post("/auth/logout").status_code for t in (token, token, "tr_usr_junk", None)] == [204] * 4
    assert ApiClient(token).get("/auth/me").json()["code"] == "credential_revoked"


def test_a_page_of_another_site_signs_nobody_out(api, dora):
    browser = ApiClient()
    browser.post("/auth/login", {"email": "dora@example.org", "password": PASSWORD, "cookie": True})
    assert browser.post("/auth/logout").json()["code"] == "csrf_failed" and browser.get("/auth/me").status_code == 200


def test_the_header_beats_the_cookie_and_is_not_rescued_by_it(api, dora):
    browser = cookie_client(login(api(), cookie=True))
    assert browser.get("/auth/me", authorization="Bearer tr_usr_nonsense").json()["code"] == "credential_invalid"


def test_a_twenty_first_sign_in_ends_the_oldest(api, dora):
    tokens = [login(api()).json()["data"]["token"] for _ in range(21)]
    assert ApiClient(tokens[0]).get("/auth/me").json()["code"] == "credential_revoked"
    assert ApiClient(tokens[1]).get("/auth/me").status_code == 200


def test_disabling_a_user_ends_token_and_cookie(api, dora):
    token, browser = login(api()).json()["data"]["token"], cookie_client(login(api(), cookie=True))
    User.objects.filter(pk=dora.pk).update(disabled_at=clock.now())
    assert ApiClient(token).get("/auth/me").status_code == browser.get("/auth/me").status_code == 401


def test_last_seen_is_written_once_a_minute(api, dora):
    token = login(api()).json()["data"]["token"]
    row = SignIn.objects.get()
    for seconds, seen in ((59, 0), (61, 61), (100, 61), (121, 121)):
        with clock.frozen(row.created_at + timedelta(seconds=seconds)):
            ApiClient(token).get("/auth/me")
        assert SignIn.objects.get().last_seen_at == row.created_at + timedelta(seconds=seen)


def test_a_cookie_whose_sign_in_expired_signs_nobody_in(api, dora):
    browser = cookie_client(login(api(), cookie=True))
    with clock.frozen(SignIn.objects.get().expires_at):
        assert browser.get("/auth/me").json()["code"] == "not_authenticated"


def test_a_hash_with_older_parameters_is_renewed_at_sign_in(api, dora):
    from django.contrib.auth.hashers import Argon2PasswordHasher

    old = Argon2PasswordHasher()
    old.time_cost, old.memory_cost, old.parallelism = 1, 1024, 1
    User.objects.filter(pk=dora.pk).update(password=old.encode(PASSWORD, "somesaltsomesalt"))
    assert login(api()).status_code == 200
    dora.refresh_from_db()
    assert "m=19456,t=2,p=1" in dora.password


def test_unknown_fields_are_refused(api, dora):
    assert login(api(), remember=True).json()["code"] == "unknown_parameter"
