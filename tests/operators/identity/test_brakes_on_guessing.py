"""Locks and limits on sign-in: who is stopped, who is not, and that they are asked before a password is hashed."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import F

from operators.identity import throttles
from operators.identity.hashers import TallyArgon2
from tests.cast import ApiClient
from tests.factories.users import make_user

PASSWORD = "correct horse battery"


@pytest.fixture
def dora(db):
    return make_user("dora", password=PASSWORD)


@pytest.fixture
def no_axes(settings):
    settings.AXES_FAILURE_LIMIT = 10_000


@pytest.fixture
def cheap(monkeypatch):
    """Guesses that cost nothing, where only counting is tested."""
    monkeypatch.setattr("operators.identity.services.authenticate", lambda **kwargs: None)


def attempt(email="dora@example.org", password="a wrong password", address="203.0.113.7", client=None):
    client = client or ApiClient()
    client.client.defaults["REMOTE_ADDR"] = address
    return client.post("/auth/login", {"email": email, "password": password})


@pytest.mark.parametrize("email", ["dora@example.org", "nobody@example.org"])
def test_five_failures_lock_account_and_address_alike_for_known_and_unknown_accounts(dora, monkeypatch, email):
    assert [attempt(email).json()["code"] for _ in range(5)] == ["sign_in_failed"] * 5
    monkeypatch.setattr(TallyArgon2, "encode", lambda *a, **k: pytest.fail("hashed"))
    monkeypatch.setattr(TallyArgon2, "verify", lambda *a, **k: pytest.fail("hashed"))
    locked = attempt(email, PASSWORD)
    assert (locked.status_code, locked.json()["code"], locked.json()["transient"]) == (429, "sign_in_locked", True)
    assert 800 < int(locked["Retry-After"]) <= 900


def test_a_lock_holds_one_address_only_and_is_not_prolonged_by_trying(dora):
    for _ in range(7):
        attempt()
    assert attempt(password=PASSWORD, address="203.0.113.8").status_code == 200
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=15, seconds=1))
    assert attempt(password=PASSWORD).status_code == 200
    assert not AccessAttempt.objects.filter(username="dora@example.org").exists()


def test_thirty_failures_a_minute_stop_an_address(dora, no_axes, cheap):
    codes = [attempt(f"person{number}@example.org").json()["code"] for number in range(31)]
    assert codes == ["sign_in_failed"] * 30 + ["throttled"]
    assert attempt(address="203.0.113.8").json()["code"] == "sign_in_failed"


def test_twenty_failures_a_minute_stop_an_account_from_everywhere(dora, no_axes, cheap):
    codes = [attempt(address=f"198.51.100.{number}").json()["code"] for number in range(21)]
    assert codes == ["sign_in_failed"] * 20 + ["throttled"]


def test_a_browser_that_signed_in_before_is_counted_by_itself(dora, no_axes, monkeypatch):
    browser = ApiClient()
    assert attempt(password=PASSWORD, client=browser).status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr("operators.identity.services.authenticate", lambda **kwargs: None)
        for number in range(31):
            attempt(f"person{number}@example.org")
    assert attempt(password=PASSWORD).json()["code"] == "throttled"
    browser.client.cookies.pop(settings.SESSION_COOKIE_NAME, None)
    assert attempt(password=PASSWORD, client=browser).status_code == 200


def test_a_device_cookie_of_another_account_or_forged_counts_for_nothing(dora, rf):
    request = rf.get("/")
    name = throttles.device_cookie_name()
    attempt(password=PASSWORD, client=(browser := ApiClient()))
    request.COOKIES[name] = browser.client.cookies[name].value
    assert throttles.device_of(request, "dora@example.org")
    assert throttles.device_of(request, "emil@example.org") is None
    request.COOKIES[name] = browser.client.cookies[name].value[:-1] + "x"
    assert throttles.device_of(request, "dora@example.org") is None


def test_successes_are_not_counted(dora, no_axes, monkeypatch):
    monkeypatch.setattr("operators.identity.services.authenticate", lambda **kwargs: dora)
    assert {attempt().status_code for _ in range(35)} == {200}


def test_a_failure_is_audited_once_and_names_no_password(dora):
    from audit.models import AuditEvent

    attempt(password="hunter2-hunter2")
    rows = list(AuditEvent.objects.filter(outcome="denied"))
    assert [(row.verb, row.actor_kind, row.reason, row.ip) for row in rows] == [("auth.sign_in.failed", "anonymous", "sign_in_failed", "203.0.113.7")]
    assert "hunter2" not in str(vars(rows[0]))
