"""Envelope, errors, strictness, versions, idempotency and pages, over a resource that exists only here."""

import json
import threading
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client

from config.kernel import clock, versions
from config.kernel.models import IdempotencyRecord
from tests.factories.users import make_user
from tests.kernel.api import ThingViewSet

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kernel.api")]
THINGS = "/api/v1/things"
PASSWORD = "correct horse battery"


def signed_in_browser():
    user = make_user("browser", roles=["viewer"], password=PASSWORD)
    browser = Client()
    reply = browser.post("/api/v1/auth/login", {"email": user.email, "password": PASSWORD, "cookie": True}, content_type="application/json")
    assert reply.status_code == 200, reply.content
    return browser


def url(**query):
    return f"{THINGS}?{urlencode(query)}"


@pytest.fixture
def records(db):
    return [
        IdempotencyRecord.objects.create(scope=f"s{n % 3}", key=f"k{n:03}", fingerprint=b"x", status=200 + n % 2, body=b"", created_at=clock.now())
        for n in range(25)
    ]


def test_success_is_wrapped_and_camel_cased_but_free_form_keys_are_kept(api, alice):
    reply = api(alice).post(THINGS, {"displayName": "One", "customFields": {"my_key": 1}})
    assert reply.status_code == 201
    assert reply.json()["data"]["customFields"] == {"my_key": 1}
    assert reply["Request-Id"] and reply["Operator-Version"] == versions.current() and "Operator-Version" in reply["Vary"]


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"displayName": "One", "nope": 1}, "unknown_parameter", "nope"),
        ({"display_name": "One"}, "unknown_parameter", "display_name"),
        ({}, "validation_failed", "displayName"),
        ({"displayName": "x" * 21}, "validation_failed", "displayName"),
        ({"displayName": "One", "size": 0}, "validation_failed", "size"),
        ({"displayName": "a\u0007b"}, "validation_failed", "displayName"),
    ],
)
def test_a_bad_field_is_named(api, alice, body, code, path):
    reply = api(alice).post(THINGS, body)
    assert (reply.status_code, reply.json()["code"]) == (400, code)
    assert reply.json()["data"]["errors"][0]["path"] == path
    assert set(reply.json()) == {"code", "transient", "message", "data"}


@pytest.mark.parametrize("raw", [b'{"displayName": "a", "displayName": "b"}', b"[" * 100_000, b"[]", b'"text"', b'{"displayName": NaN}', b"\xff"])
def test_a_body_that_is_no_object_is_a_400(api, alice, raw):
    reply = api(alice).post(THINGS, data=raw, content_type="application/json")
    assert (reply.status_code, reply.json()["code"]) == (400, "validation_failed")


def test_a_defect_is_a_flat_500_with_the_request_id(api, alice):
    reply = api(alice).post(THINGS + "/crash", {})
    assert (reply.status_code, reply.json()["code"]) == (500, "internal_error")
    assert reply.json()["data"]["requestId"] == reply["Request-Id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/v1/nothing", 404, "not_found"),
        ("delete", THINGS, 405, "method_not_allowed"),
        ("post", "/api/v1/conversations/1/message/coffeepot", 418, "teapot"),
        ("get", THINGS + "?nope=1", 400, "unknown_parameter"),
        ("get", THINGS + "?limit=0", 400, "validation_failed"),
        ("get", THINGS + "?sort=nope", 400, "validation_failed"),
        ("get", THINGS + "?cursor=nope", 400, "cursor_invalid"),
        ("get", THINGS + "?createdFrom=yesterday", 400, "validation_failed"),
        ("get", THINGS + "?status=900", 400, "validation_failed"),
    ],
)
def test_every_way_to_fail_has_one_shape(api, alice, method, path, status, code):
    reply = getattr(api(alice), method)(path)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert set(reply.json()) <= {"code", "transient", "message", "data"}
    if status == 405:
        assert "GET" in reply["Allow"]


def test_the_server_is_a_teapot(client):
    assert client.generic("BREW", "/anything").status_code == 418


def test_unsupported_media_and_unacceptable_answers_are_named(api, alice):
    assert api(alice).post(THINGS, data=b"a=1", content_type="application/x-www-form-urlencoded").json()["code"] == "unsupported_media_type"
    assert api(alice).get(THINGS, accept="application/xml").json()["code"] == "not_acceptable"


def test_nobody_is_asked_to_sign_in(client):
    reply = client.get(THINGS)
    assert (reply.status_code, reply.json()["code"]) == (401, "not_authenticated")
    assert reply["WWW-Authenticate"].startswith("Bearer")


def test_a_bad_header_is_never_rescued_by_a_cookie(api):
    browser = api(token="tr_usr_nonsense")
    browser.client.cookies = signed_in_browser().cookies
    reply = browser.get(THINGS)
    assert (reply.status_code, reply.json()["code"]) == (401, "credential_invalid")
    browser.token = None
    assert browser.get(THINGS).status_code == 200


def test_two_credentials_at_once_are_refused(api, alice):
    assert api(alice).get(THINGS + "?token=x").json()["code"] == "conflicting_credentials"


def test_pages_walk_through_everything_once_in_both_directions(api, alice, records):
    for sort in ("key", "-key", "createdAt", "-createdAt"):
        seen, cursor = [], None
        while True:
            reply = api(alice).get(url(sort=sort, limit=7, **({"cursor": cursor} if cursor else {}))).json()
            seen += [row["key"] for row in reply["data"]]
            assert reply["meta"]["returned"] == len(reply["data"])
            cursor = reply["meta"]["nextCursor"]
            if cursor is None:
                break
        expected = [record.key for record in records]
        assert seen == (expected[::-1] if sort.startswith("-") else expected)


def test_a_cursor_is_bound_to_its_filters(api, alice, records):
    cursor = api(alice).get(url(limit=2)).json()["meta"]["nextCursor"]
    assert api(alice).get(url(limit=2, cursor=cursor, scope="s1")).json()["code"] == "cursor_invalid"
    assert api(alice).get(url(limit=2, cursor=cursor[:-2] + "xx")).json()["code"] == "cursor_invalid"


def test_facets_count_under_the_other_filters(api, alice, records):
    facets = api(alice).get(THINGS + "/facets?status=201").json()["data"]
    assert {row["value"]: row["count"] for row in facets["status"]} == {200: 13, 201: 12}
    assert sum(row["count"] for row in facets["scope"]) == 12


def test_versions_are_known_pinned_or_refused(api, alice):
    reply = api(alice).get(THINGS, operator_version="2024-11-11")
    assert reply["Operator-Version"] == "2024-11-11"
    refused = api(alice).get(THINGS, operator_version="yesterday")
    assert refused.json()["code"] == "version_unsupported"
    assert refused.json()["data"]["current"] == versions.current()


@pytest.fixture
def renamed():
    """Two changes in a chain: `label` became `title`, which became `displayName`."""

    def rename(old, new):
        return lambda body: {(new if key == old else key): value for key, value in body.items()}

    def event(old, new):
        return lambda name, data: (name, rename(new, old)(data))

    chain = [
        versions.VersionChange(
            "2025-06-19", "things", "label is now title", rename("label", "title"), rename("title", "label"), event("label", "title")
        ),
        versions.VersionChange(
            "2026-11-23",
            "things",
            "title is now displayName",
            rename("title", "displayName"),
            rename("display_name", "title"),
            event("title", "displayName"),
        ),
    ]
    for change in chain:
        versions.register_change(change)
    yield
    for change in chain:
        versions.unregister_change(change)


@pytest.mark.parametrize(("version", "name"), [("2024-11-11", "label"), ("2025-06-19", "title"), ("2026-11-23", "displayName")])
def test_the_chain_of_changes_serves_each_date(api, alice, renamed, version, name):
    reply = api(alice).post(THINGS, {name: "One"}, operator_version=version)
    assert reply.status_code == 201, reply.content
    assert reply.json()["data"]["display_name" if name == "displayName" else name] == "One"
    assert versions.lower_event("things", version, "changed", {"displayName": 1}) == ("changed", {name: 1})


class TestIdempotency:
    def post(self, api, user, key, body, **headers):
        return api(user).post(THINGS, body, idempotency_key=key, **headers)

    def test_the_first_answer_comes_again(self, api, alice):
        first = self.post(api, alice, "k1", {"displayName": "One"})
        again = self.post(api, alice, "k1", {"displayName": "One"})
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content and again["Idempotent-Replayed"] == "true" and again["Location"] == first["Location"]
        assert not first.has_header("Idempotent-Replayed")

    def test_key_order_of_the_body_does_not_matter_but_content_does(self, api, alice):
        self.post(api, alice, "k2", {"displayName": "One", "size": 2})
        assert self.post(api, alice, "k2", {"size": 2, "displayName": "One"}).status_code == 201
        reply = self.post(api, alice, "k2", {"displayName": "Two"})
        assert (reply.status_code, reply.json()["code"]) == (409, "idempotency_key_reused")

    def test_another_account_has_its_own_keys(self, api, alice, bob):
        self.post(api, alice, "k3", {"displayName": "One"})
        assert not self.post(api, bob, "k3", {"displayName": "Other"}).has_header("Idempotent-Replayed")

    def test_a_failure_frees_the_key(self, api, alice):
        assert self.post(api, alice, "k4", {"displayName": "full"}).status_code == 507
        assert self.post(api, alice, "k4", {"displayName": "One"}).status_code == 201

    def test_a_key_must_be_printable(self, api, alice):
        assert self.post(api, alice, "x" * 256, {"displayName": "One"}).json()["code"] == "validation_failed"


@pytest.mark.django_db(transaction=True)
def test_twins_at_once_act_once(api, alice):
    """Real threads on the real database: one runs, the others replay it or hear that it is still running."""
    ThingViewSet.calls = 0
    client, replies = api(alice), []

    def post():
        replies.append(client.post(THINGS, {"displayName": "One"}, idempotency_key="twin"))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert {json.loads(reply.content).get("code") for reply in replies if reply.status_code == 409} <= {"idempotency_key_in_use"}
    assert IdempotencyRecord.objects.filter(key="twin").count() == 1
    assert ThingViewSet.calls == 1
