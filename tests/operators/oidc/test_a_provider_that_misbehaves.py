"""Whatever a provider sends instead of what it should is one `oidc_provider_error`; settings that can't be meant stop the start."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest
from django.contrib.auth.models import Group
from django.db import connection

from audit.models import AuditEvent
from config.kernel.errors import ApiError
from operators.access.backend import actor_of_user
from operators.access.models import GroupRole, Role
from operators.identity.models import User
from operators.identity.oidc import claims, config, people, provider, services
from operators.identity.oidc.checks import roles_that_a_provider_may_give
from operators.identity.oidc.models import OidcIdentity, OidcState

ISSUER = "https://idp.example"
CLIENT = config.Client(ISSUER, "me", "secret", "https://here.example/api/v1/auth/oidc/callback")
METADATA = {name: f"{ISSUER}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")} | {"issuer": ISSUER}


@pytest.fixture
def answers(monkeypatch):
    """What each path of the provider answers: a response or a function of the request; anything else is 404."""
    paths = {"/.well-known/openid-configuration": httpx.Response(200, json=METADATA), "/jwks_uri": httpx.Response(200, json={"keys": []})}

    def handle(request):
        found = paths.get(request.url.path, httpx.Response(404))
        return found(request) if callable(found) else found

    monkeypatch.setattr(provider, "_session", lambda: httpx.Client(transport=httpx.MockTransport(handle)))
    provider.forget()
    yield paths
    provider.forget()


def code(call) -> str:
    with pytest.raises(ApiError) as refusal:
        call()
    return refusal.value.code


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(500),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"issuer": "https://idp.example/"} | {name: value for name, value in METADATA.items() if name != "issuer"}),
        httpx.Response(200, json=METADATA | {"token_endpoint": "http://idp.example/token"}),
        httpx.Response(200, json=METADATA | {"jwks_uri": 7}),
        httpx.Response(200, json=METADATA | {"padding": "x" * 600_000}),
    ],
    ids=["500", "redirect", "html", "list", "empty", "another issuer", "insecure", "no text", "too large"],
)
def test_discovery_that_is_none(answers, reply):
    answers["/.well-known/openid-configuration"] = reply
    assert code(lambda: provider.metadata(CLIENT)) == "oidc_provider_error"


def test_discovery_is_asked_for_once_an_hour(answers, monkeypatch):
    seen = []
    answers["/.well-known/openid-configuration"] = lambda request: seen.append(1) or httpx.Response(200, json=METADATA)
    for _ in range(3):
        provider.metadata(CLIENT)
    now = provider.time.monotonic()
    monkeypatch.setattr(provider.time, "monotonic", lambda: now + 3601)
    provider.metadata(CLIENT)
    assert len(seen) == 2


def test_keys_that_are_none(answers):
    answers["/jwks_uri"] = httpx.Response(200, json={"keys": "none"})
    assert code(lambda: provider.keys(CLIENT)) == "oidc_provider_error"


@pytest.mark.parametrize(
    "reply, expected",
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), "oidc_denied"),
        (httpx.Response(401, json={"error": "invalid_client"}), "oidc_provider_error"),
        (httpx.Response(503, text="busy"), "oidc_provider_error"),
        (httpx.Response(200, text="<html>"), "oidc_provider_error"),
        (httpx.Response(200, json={"access_token": "a"}), "oidc_provider_error"),
        (httpx.Response(200, json={"id_token": "i", "access_token": 1}), "oidc_provider_error"),
    ],
)
def test_an_exchange_that_fails(answers, reply, expected):
    answers["/token_endpoint"] = reply
    assert code(lambda: provider.exchange(CLIENT, code="c", verifier="v")) == expected


def test_the_secret_goes_into_the_body_only_where_nothing_else_is_offered(answers):
    sent = []
    answers["/token_endpoint"] = lambda request: (
        sent.append(request) or httpx.Response(200, json={"id_token": "i", "access_token": "a", "token_type": "Bearer"})
    )
    assert provider.exchange(CLIENT, code="c", verifier="v") == provider.Tokens("i", "a")
    assert sent[0].headers["Authorization"].startswith("Basic ") and b"client_secret" not in sent[0].content
    provider.forget()
    answers["/.well-known/openid-configuration"] = httpx.Response(
        200, json=METADATA | {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    )
    provider.exchange(CLIENT, code="c", verifier="v")
    assert "Authorization" not in sent[1].headers and b"client_secret=secret" in sent[1].content and b"code_verifier=v" in sent[1].content


def test_user_info_about_somebody_else_is_refused_and_none_is_fine(answers):
    answers["/userinfo_endpoint"] = httpx.Response(200, json={"sub": "mallory"})
    assert code(lambda: provider.user_info(CLIENT, "a", "erin")) == "oidc_provider_error"
    provider.forget()
    answers["/.well-known/openid-configuration"] = httpx.Response(
        200, json={name: value for name, value in METADATA.items() if name != "userinfo_endpoint"}
    )
    assert provider.user_info(CLIENT, "a", "erin") == {}


@pytest.mark.parametrize(
    "url, is_secure",
    [("https://idp.example", True), ("http://127.0.0.1:9", True), ("http://localhost", True), ("http://[::1]:1", True), ("http://idp.example", False)]
    + [(url, False) for url in ("", "https://", "ftp://127.0.0.1", "//idp.example", "http://[", "http://127.0.0.1.evil.example")],
)
def test_https_but_for_this_very_machine(url, is_secure):
    assert config.secure(url) is is_secure


def test_roles_that_a_provider_may_not_give_stop_the_start(settings):
    assert roles_that_a_provider_may_give(None) == []
    settings.OIDC_ROLE_MAP, settings.OIDC_DEFAULT_ROLES = {"boss": "owner", "crew": "operator"}, ["cameraman"]
    (error,) = roles_that_a_provider_may_give(None)
    assert error.id == "operators.E010" and "cameraman, owner" in error.msg and "auditor" in error.hint


@pytest.mark.parametrize("email", ["no address", "a@b", "x" * 250 + "@example.org", 7, None])
def test_an_email_that_is_none_is_not_stored(email):
    assert people.verified_email({"email": email, "email_verified": True}) is None


@pytest.mark.parametrize("verified", ["true", 1, None, False])
def test_verified_means_true(verified):
    assert people.verified_email({"email": "erin@example.org", "email_verified": verified}) is None


@pytest.mark.django_db(transaction=True)
def test_racing_first_sign_ins_of_one_person_make_one_user_and_of_two_with_one_email_one():
    def come(sub):
        try:
            return people.user_for({"sub": sub, "email": "erin@example.org", "email_verified": True}, issuer=ISSUER).pk
        except ApiError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        same = set(pool.map(come, ["erin"] * 6))
    assert same == {User.objects.get().pk} and OidcIdentity.objects.count() == 1
    User.objects.all().delete()
    with ThreadPoolExecutor(4) as pool:
        several = list(pool.map(come, ["a", "b", "c", "d"]))
    assert several.count("oidc_email_conflict") == 3 and User.objects.count() == 1


@pytest.mark.django_db
def test_whoever_comes_back_without_a_code_or_from_elsewhere_is_nobody(answers):
    def identify(**query):
        return code(
            lambda: services.identify(CLIENT, login=SimpleNamespace(nonce="n"), verifier="v", **{"code": None, "error": None, "iss": None, **query})
        )

    assert identify(error="access_denied") == "oidc_denied"
    assert identify() == "validation_failed"
    assert identify(code="c", iss="https://other.example") == "oidc_token_invalid"
    # One that promises to say who it is (RFC 9207) must.
    answers["/.well-known/openid-configuration"] = httpx.Response(200, json={**METADATA, "authorization_response_iss_parameter_supported": True})
    provider.forget()
    assert identify(code="c") == "oidc_token_invalid"
    causes = AuditEvent.objects.filter(verb="auth.sign_in.failed").order_by("id").values_list("reason", "details__cause")
    assert list(causes) == [
        ("oidc_denied", "the provider refused"), ("oidc_token_invalid", "iss parameter"), ("oidc_token_invalid", "iss parameter"),
    ]  # fmt: skip


@pytest.mark.django_db
def test_groups_that_fit_already_are_left_and_those_of_owners_never_touched(settings, carol):
    crew, chiefs = Group.objects.create(name="Crew"), Group.objects.create(name="Chiefs")
    GroupRole.objects.create(group=chiefs, role=Role.OWNER)
    settings.OIDC_ROLE_MAP, settings.OIDC_GROUP_MAP = {}, {"crew": "Crew", "chief": "Chiefs"}
    mapped = AuditEvent.objects.filter(verb="auth.user.groups_mapped")
    claims.apply_maps(carol, {"groups": ["crew", "chief"]})
    assert list(carol.groups.values_list("name", flat=True)) == ["Crew"] and mapped.count() == 1
    claims.apply_maps(carol, {"groups": ["crew"]})
    assert mapped.count() == 1
    carol.groups.add(chiefs)
    claims.apply_maps(carol, {"groups": []})
    assert list(carol.groups.values_list("name", flat=True)) == ["Chiefs"] and crew.user_set.count() == 0


@pytest.mark.django_db
def test_linking_again_changes_nothing_and_who_signed_out_links_nothing(carol):
    actor = actor_of_user(carol)
    for _ in range(2):
        people.link({"sub": "s1"}, issuer=ISSUER, user=carol, actor=actor)
    assert AuditEvent.objects.filter(verb="auth.identity.linked").count() == OidcIdentity.objects.count() == 1
    gone = SimpleNamespace(sign_in_id="01900000-0000-7000-8000-000000000000", user_id=carol.pk)
    assert code(lambda: services.link(CLIENT, login=gone, claims={"sub": "s2"})) == "oidc_state_invalid"


def test_what_the_token_says_itself_is_not_asked_for_again(answers, monkeypatch):
    whole = {"sub": "erin", "email": "erin@example.org", "name": "Erin"}
    monkeypatch.setattr(provider, "exchange", lambda *_, **__: provider.Tokens("i", "a"))
    monkeypatch.setattr(services, "_verified", lambda *_: whole)
    answers["/userinfo_endpoint"] = lambda request: pytest.fail("asked")
    assert services.identify(CLIENT, login=SimpleNamespace(nonce="n"), verifier="v", code="c", error=None, iss=None) == whole


def test_each_thing_has_a_name():
    assert str(OidcIdentity(subject="erin", issuer=ISSUER)) == f"erin at {ISSUER}"
    assert str(OidcState(intent="sign_in", created_at=datetime(2026, 5, 1, 9, 30, tzinfo=UTC))) == "sign_in begun 2026-05-01 09:30"
