"""What every request passes, whichever way it comes: methods, kinds of answer, cursors, versions, and the doors in front of a stored answer."""

import pytest
from django.test import Client

from config.kernel import credentials, ratelimit, versions
from config.kernel.access import Kind, Subsystem, ports
from config.kernel.errors import ApiError
from operators.access.models import UserRole
from operators.identity.models import User
from tests.cast import ApiClient
from tests.factories.users import make_user
from tests.kernel.api import ThingViewSet
from tests.kernel.test_conventions import PASSWORD, THINGS, records, renamed, signed_in_browser, url  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kernel.api")]


def code(reply):
    return reply.status_code, reply.json().get("code")


@pytest.mark.parametrize("path", ["/things", "/nodes", "/operator/register", "/auth/login"])
def test_options_is_a_method_that_no_route_knows(api, alice, path):
    for client in (api(alice), api()):
        reply = client.request("OPTIONS", path)
        assert code(reply) == (405, "method_not_allowed")
        assert "OPTIONS" not in reply["Allow"] and ("GET" in reply["Allow"] or "POST" in reply["Allow"])


@pytest.mark.parametrize("accept", ["text/csv", "application/x-ndjson", "application/json", "*/*"])
@pytest.mark.parametrize(("format", "kind"), [("csv", "text/csv; charset=utf-8"), ("jsonl", "application/x-ndjson")])
def test_an_export_is_the_file_that_was_asked_for_whatever_is_accepted(api, alice, accept, format, kind):  # noqa: A002
    reply = api(alice).get(f"{THINGS}/export?format={format}", accept=accept)
    assert (reply.status_code, reply["Content-Type"]) == (200, kind)
    assert code(api(alice).get(f"{THINGS}/export?format=xml", accept=accept)) == (400, "validation_failed")


def test_without_a_format_an_export_is_what_is_accepted(api, alice):
    kinds = [
        api(alice).get(f"{THINGS}/export", accept=accept)["Content-Type"]
        for accept in ("application/x-ndjson", "text/csv, application/x-ndjson", "*/*")
    ]
    assert kinds == ["application/x-ndjson", "text/csv; charset=utf-8", "text/csv; charset=utf-8"]


def test_a_cursor_is_of_one_list(api, alice, records):  # noqa: F811
    cursor = api(alice).get(url(limit=2)).json()["meta"]["nextCursor"]
    assert api(alice).get(url(limit=2, cursor=cursor)).status_code == 200
    assert code(api(alice).get(f"/api/v1/others?limit=2&cursor={cursor}")) == (400, "cursor_invalid")


def test_a_cursor_of_people_is_none_of_groups(api, alice):
    for number in range(2):
        make_user(f"p{number}")
    cursor = api(alice).get("/auth/users?limit=1").json()["meta"]["nextCursor"]
    assert code(api(alice).get(f"/auth/groups?cursor={cursor}")) == (400, "cursor_invalid")


def test_what_is_no_json_names_the_body(api, alice):
    errors = api(alice).post(THINGS, data=b"{", content_type="application/json").json()["data"]["errors"]
    assert errors == [{"path": "", "code": "parse_error", "message": "The body is not valid JSON."}]


def test_a_refusal_before_any_door_echoes_the_version_that_was_sent(client):
    for sent, echoed in (("2024-11-11", "2024-11-11"), ("yesterday", versions.current())):
        reply = client.get("/api/v1/nothing", headers={"Operator-Version": sent})
        assert (reply.status_code, reply["Operator-Version"]) == (404, echoed)


class TestReplays:
    """A stored answer stands behind the doors that its request passed."""

    BODY = {"displayName": "One"}

    @pytest.fixture
    def first(self, api, bob):
        reply = api(bob).post(THINGS, self.BODY, idempotency_key="k")
        assert reply.status_code == 201
        return reply

    def again(self, client: ApiClient, **headers):
        return client.post(THINGS, self.BODY, idempotency_key="k", **headers)

    def test_who_lost_the_permission_is_refused(self, api, bob, first):
        UserRole.objects.filter(user=bob).delete()
        assert code(self.again(api(bob))) == (403, "permission_denied")

    def test_who_must_change_their_password_changes_it_first(self, api, bob, first):
        User.objects.filter(pk=bob.pk).update(must_change_password=True)
        assert code(self.again(api(bob))) == (403, "password_change_required")

    def test_too_many_are_too_many(self, api, bob, first, settings, monkeypatch):
        settings.RATE_LIMIT_ENABLED = True
        assert "RateLimit" in self.again(api(bob))
        monkeypatch.setattr(ratelimit, "take", lambda *_: (False, 0, 1.0))
        assert code(self.again(api(bob))) == (429, "throttled")

    def test_whoever_tries_tokens_is_slowed_down_like_a_stranger(self, api, settings, monkeypatch):
        settings.RATE_LIMIT_ENABLED = True
        # Slow enough that no machine is slower.
        monkeypatch.setitem(ratelimit._LIMITS, Kind.ANONYMOUS, (0.01, 3))
        wrong = api(token=credentials.mint("tr_usr_").token)
        assert [code(wrong.get("/auth/me")) for _ in range(4)] == [(401, "credential_invalid")] * 3 + [(429, "throttled")]
        assert api().get("/auth/me").status_code == 429, "by one bucket with whoever shows none"

    def test_a_browser_brings_its_token(self):
        browser = Client(enforce_csrf_checks=True)
        browser.cookies = signed_in_browser().cookies
        token = next(morsel.value for name, morsel in browser.cookies.items() if "csrf" in name)
        post = lambda **headers: browser.post(THINGS, self.BODY, content_type="application/json", headers={"Idempotency-Key": "k", **headers})  # noqa: E731
        assert post(**{"X-CSRFToken": token}).status_code == 201
        assert code(post()) == (403, "csrf_failed")
        assert post(**{"X-CSRFToken": token})["Idempotent-Replayed"] == "true"

    def test_the_version_of_the_request_is_echoed_and_its_answer_kept(self, api, bob, renamed):  # noqa: F811
        first, again = (api(bob).post(THINGS, {"title": "One"}, idempotency_key="v", operator_version="2025-06-19") for _ in range(2))
        assert again["Idempotent-Replayed"] == "true" and again.content == first.content and again.json()["data"]["title"] == "One"
        assert first["Operator-Version"] == again["Operator-Version"] == "2025-06-19"

    def test_a_malformed_key_comes_after_the_door(self, api, mallory):
        assert code(api(mallory).post(THINGS, self.BODY, idempotency_key="x" * 256)) == (403, "permission_denied")

    def test_a_lock_taken_since_does_not_hide_what_was_done(self, api, bob, monkeypatch):
        """The act would now be refused; that it was done is told all the same."""
        route = ThingViewSet.routes["create"]
        monkeypatch.setitem(ThingViewSet.routes, "create", type(route)(route.permission, subsystem=Subsystem.OUTPUT))
        monkeypatch.setattr(ports, "commanded", lambda *_: None)
        first = api(bob).post(THINGS, self.BODY, idempotency_key="k")
        assert first.status_code == 201

        def held(*_):
            raise ApiError("subsystem_locked")

        monkeypatch.setattr(ports, "check_lock", held)
        again = self.again(api(bob))
        assert again["Idempotent-Replayed"] == "true" and again.content == first.content
        assert code(api(bob).post(THINGS, self.BODY, idempotency_key="other")) == (409, "subsystem_locked")
