"""The whole way through a real provider process: who comes in, and what every failure answers."""

from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from django.conf import settings as conf
from django.contrib.auth.models import Group

from audit.models import AuditEvent
from config.kernel import clock, sealing
from operators.access.models import Role
from operators.identity.models import SignIn, User
from operators.identity.oidc import provider as client_side
from operators.identity.oidc.models import OidcIdentity, OidcState
from tests.cast import ApiClient

ERIN = {"name": "Erin Okafor", "email": "Erin@Example.org", "email_verified": True}


def code(response) -> tuple[int, str]:
    return response.status_code, response.json().get("code")


def fragment(response) -> dict:
    return dict(parse_qsl(urlsplit(response["Location"]).fragment))


def altered(path: str, **changes) -> str:
    query = {**dict(parse_qsl(urlsplit(path).query)), **changes}
    return f"{urlsplit(path).path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


def refusals() -> list[str]:
    """Why people did not come in, as the audit has it."""
    return [row.reason for row in AuditEvent.objects.filter(verb="auth.sign_in.failed").order_by("id")]


def test_the_login_carries_state_nonce_and_pkce_and_binds_the_browser(idp):
    begun = ApiClient().get("/auth/oidc/login?next=/nodes")
    asked = parse_qs(urlsplit(begun["Location"]).query)
    assert begun["Location"].startswith(f"{idp.issuer}/auth?") and asked["redirect_uri"] == ["http://testserver/api/v1/auth/oidc/callback"]
    assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"] and asked["scope"] == ["openid profile email"]
    row = OidcState.objects.get()
    assert asked["nonce"] == [row.nonce] and asked["state"][0].encode() not in bytes(row.state_digest)
    assert row.expires_at - row.created_at == timedelta(seconds=600)
    cookie = begun.cookies[f"tr_o_{conf.INSTANCE_ID}"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 600)
    assert (begun["Cache-Control"], begun["Referrer-Policy"]) == ("no-store", "no-referrer")


def test_a_new_person_comes_in_by_token(idp, walk):
    way = walk(idp.account("erin", **ERIN), query="?next=/nodes%3Fa%3D1%23old")
    assert way.back.status_code == 302, way.back.content
    assert way.back["Location"].startswith("http://testserver/nodes?a=1#token=tr_usr_") and way.back["Cache-Control"] == "no-store"
    me = ApiClient(fragment(way.back)["token"]).get("/auth/me").json()["data"]["user"]
    assert (me["email"], me["name"], me["roles"], me["providers"]) == ("erin@example.org", "Erin Okafor", [], ["oidc"])
    user = User.objects.get()
    assert user.username.startswith("oidc:") and len(user.username) == 21
    assert OidcIdentity.objects.get().last_seen_at is not None


def test_a_public_client_comes_in_by_pkce_alone(idp, walk, settings):
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = "without-a-secret", ""
    facts = ApiClient().get("/auth/oidc/config").json()["data"]
    assert (facts["configured"], facts["loginAvailable"], facts["missingFields"]) == (True, True, [])
    way = walk(idp.account("erin", **ERIN))
    assert fragment(way.back)["token"].startswith("tr_usr_"), way.back.content


def test_the_console_comes_in_by_cookie_and_sees_no_token(idp, walk):
    way = walk(idp.account("erin", **ERIN), query="?mode=cookie&next=/")
    assert way.back["Location"] == "http://testserver/" and way.back.cookies[conf.SESSION_COOKIE_NAME]["httponly"]
    assert way.browser.get("/auth/me").json()["data"]["user"]["email"] == "erin@example.org"


def test_the_same_person_is_the_same_user_whatever_their_email_is_now(idp, walk):
    walk(idp.account("erin", **ERIN))
    walk(idp.account("erin", **{**ERIN, "email": "other@example.org"}))
    assert User.objects.get().email == "erin@example.org" and SignIn.objects.count() == 2


def test_an_email_that_is_an_owners_links_nothing_and_makes_nothing(idp, walk, alice):
    way = walk(idp.account("evil", name="Mallory", email="ALICE@example.org", email_verified=True))
    assert code(way.back) == (409, "oidc_email_conflict")
    assert list(User.objects.all()) == [alice] and not OidcIdentity.objects.exists() and not SignIn.objects.exists()
    assert refusals() == ["oidc_email_conflict"]


def test_an_unverified_email_is_not_believed(idp, walk, alice):
    way = walk(idp.account("evil", email="alice@example.org", email_verified=False))
    assert way.back.status_code == 302
    assert OidcIdentity.objects.get().user.email is None and OidcIdentity.objects.get().user != alice


def test_a_replayed_callback_is_refused(idp, walk):
    way = walk(idp.account("erin", **ERIN))
    assert code(way.browser.get(way.callback)) == (400, "oidc_state_invalid")
    assert SignIn.objects.count() == 1


def test_a_replayed_code_is_refused_by_the_provider(idp, walk):
    first = walk(idp.account("erin", **ERIN))
    browser = ApiClient()
    state = parse_qs(urlsplit(browser.get("/auth/oidc/login")["Location"]).query)["state"][0]
    assert code(browser.get(altered(first.callback, state=state))) == (401, "oidc_denied")
    assert SignIn.objects.count() == 1


@pytest.mark.parametrize("state", ["", "x", None, "\x00", "é" * 50], ids=["empty", "junk", "none", "nul", "not ascii"])
def test_a_tampered_state_is_refused_and_the_true_one_stays_good(idp, walk, state):
    browser = ApiClient()
    callback = idp.approve(browser.get("/auth/oidc/login")["Location"], idp.account("erin", **ERIN)).removeprefix("http://testserver")
    assert code(browser.get(altered(callback, state=state))) == (400, "oidc_state_invalid")
    assert browser.get(callback).status_code == 302


def test_another_browser_can_not_finish_a_login(idp, walk):
    way = ApiClient()
    callback = idp.approve(way.get("/auth/oidc/login")["Location"], idp.account("erin", **ERIN)).removeprefix("http://testserver")
    other = ApiClient()
    other.get("/auth/oidc/login")
    assert code(ApiClient().get(callback)) == code(other.get(callback)) == (400, "oidc_state_invalid")
    assert way.get(callback).status_code == 302


def test_an_expired_login_is_refused(idp, walk):
    way = ApiClient()
    callback = idp.approve(way.get("/auth/oidc/login")["Location"], idp.account("erin", **ERIN)).removeprefix("http://testserver")
    with clock.frozen(OidcState.objects.get().expires_at):
        assert code(way.get(callback)) == (400, "oidc_state_invalid")


def test_a_wrong_nonce_is_refused_and_recorded(idp, walk):
    way = walk(idp.account("erin", **ERIN), between=lambda: OidcState.objects.update(nonce="another"))
    assert code(way.back) == (401, "oidc_token_invalid") and not User.objects.exists()
    row = AuditEvent.objects.get(verb="auth.sign_in.failed")
    assert (row.reason, row.details["cause"]) == ("oidc_token_invalid", "ID token: nonce")


def test_a_wrong_verifier_is_refused_by_the_provider(idp, walk):
    way = walk(idp.account("erin", **ERIN), between=lambda: OidcState.objects.update(verifier=sealing.seal("v" * 64, "oidc-verifier")))
    assert code(way.back) == (401, "oidc_denied")


@pytest.mark.parametrize(
    "tamper",
    [
        {"alg": "none"},
        {"claims": {"iss": "https://elsewhere.example"}},
        {"claims": {"aud": "another"}},
        {"claims": {"exp": 1}},
        {"claims": {"at_hash": "x"}},
    ],
    ids=["alg none", "issuer", "audience", "expired", "access token"],
)
def test_a_token_that_is_not_for_this_login_is_refused(idp, walk, tamper):
    idp.lever("tamper", **tamper)
    assert code(walk(idp.account("erin", **ERIN)).back) == (401, "oidc_token_invalid")
    assert not User.objects.exists()


def test_rotated_keys_are_fetched_once(idp, walk, monkeypatch):
    walk(idp.account("erin", **ERIN))
    fetched = []
    original = client_side._fetched
    monkeypatch.setattr(client_side, "_fetched", lambda url, headers=None: fetched.append(url) or original(url, headers))
    idp.lever("rotate")
    assert walk(idp.account("erin", **ERIN)).back.status_code == 302
    assert [url for url in fetched if url.endswith("/jwks")] == [f"{idp.issuer}/jwks"]
    assert walk("erin").back.status_code == 302
    assert len([url for url in fetched if url.endswith("/jwks")]) == 1


def test_an_answer_in_another_issuers_name_is_refused(idp, walk):
    for iss in ("https://elsewhere.example", None):
        browser = ApiClient()
        callback = idp.approve(browser.get("/auth/oidc/login")["Location"], idp.account("erin", **ERIN)).removeprefix("http://testserver")
        assert code(browser.get(altered(callback, iss=iss))) == (401, "oidc_token_invalid")


def test_a_person_who_says_no_is_denied(idp, walk):
    browser = ApiClient()
    state = parse_qs(urlsplit(browser.get("/auth/oidc/login")["Location"]).query)["state"][0]
    query = urlencode({"error": "access_denied", "state": state, "iss": idp.issuer, "session_state": "added by some providers"})
    assert code(browser.get(f"/auth/oidc/callback?{query}")) == (401, "oidc_denied")


def test_without_provisioning_only_known_people_come_in(idp, walk, settings):
    settings.OIDC_PROVISION = False
    assert code(walk(idp.account("erin", **ERIN)).back) == (403, "oidc_not_provisioned")
    assert not User.objects.exists() and refusals() == ["oidc_not_provisioned"]


def test_a_disabled_user_does_not_come_in(idp, walk):
    walk(idp.account("erin", **ERIN))
    User.objects.update(disabled_at=clock.now())
    assert code(walk("erin").back) == (401, "sign_in_failed")
    assert refusals() == ["sign_in_failed"]


def test_roles_and_groups_follow_the_claims_and_owner_is_never_theirs(idp, walk, settings):
    settings.OIDC_DEFAULT_ROLES = ["auditor", "owner"]
    settings.OIDC_ROLE_MAP = {"crew": "operator", "boss": "owner"}
    settings.OIDC_GROUP_MAP = {"studio": "Studio", "chiefs": "Chiefs"}
    Group.objects.create(name="Studio")
    Group.objects.create(name="Chiefs").role_rows.create(role=Role.OWNER)
    walk(idp.account("erin", **ERIN, groups=["crew", "boss", "studio", "chiefs", "x" * 161]))
    user = User.objects.get()

    def has():
        return set(user.role_rows.values_list("role", flat=True)), set(user.groups.values_list("name", flat=True))

    assert has() == ({"auditor", "operator"}, {"Studio"})
    assert AuditEvent.objects.get(verb="auth.oidc.claims_ignored").details == {"ignored": 1}
    walk(idp.account("erin", **ERIN, groups=[]))
    assert has() == ({"auditor"}, set())


def test_a_signed_in_user_links_their_own_identity_and_then_comes_in_by_it(idp, walk, api, alice):
    way = walk(idp.account("a1", **ERIN), query="?intent=link&next=/account", client=api(alice))
    assert way.back["Location"] == "http://testserver/account" and OidcIdentity.objects.get().user == alice
    assert SignIn.objects.count() == 1
    again = walk("a1")
    assert ApiClient(fragment(again.back)["token"]).get("/auth/me").json()["data"]["user"]["id"] == str(alice.pk)


def test_linking_what_is_anothers_is_refused_and_linking_needs_a_sign_in(idp, walk, api, alice):
    walk(idp.account("erin", **ERIN))
    assert code(walk("erin", query="?intent=link", client=api(alice)).back) == (409, "oidc_identity_taken")
    assert code(ApiClient().get("/auth/oidc/login?intent=link")) == (401, "not_authenticated")
    assert code(api(alice).get("/auth/oidc/login?intent=link", sec_fetch_site="cross-site")) == (403, "csrf_failed")
    User.objects.filter(pk=alice.pk).update(must_change_password=True)
    assert code(api(alice).get("/auth/oidc/login?intent=link")) == (403, "password_change_required")


def test_who_signed_out_meanwhile_links_nothing(idp, walk, api, alice):
    way = walk(idp.account("a1", **ERIN), query="?intent=link", client=api(alice), between=lambda: SignIn.objects.update(revoked_at=clock.now()))
    assert way.back.status_code in {400, 401} and not OidcIdentity.objects.exists()


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "nodes", "/\\evil.example", "/a\nb", "/\t/evil", ""])
def test_a_next_that_leads_elsewhere_is_400(idp, target):
    response = ApiClient().get(f"/auth/oidc/login?{urlencode({'next': target})}")
    assert code(response) == (400, "validation_failed") and not OidcState.objects.exists()


def test_a_way_to_come_in_that_there_is_not_is_400(idp):
    reply = ApiClient().get("/auth/oidc/login?mode=header")
    assert code(reply) == (400, "validation_failed") and reply.json()["data"]["errors"][0]["path"] == "mode"


def test_a_provider_that_says_another_issuer_is_an_error(idp, settings, api, alice):
    settings.OIDC_ISSUER = idp.issuer.replace("127.0.0.1", "localhost")
    client_side.forget()
    assert code(ApiClient().get("/auth/oidc/login")) == (502, "oidc_provider_error")
    assert code(api(alice).get("/auth/oidc/discovery")) == (502, "oidc_provider_error")


def test_a_provider_that_is_down_is_an_error_that_says_so(idp, settings, walk):
    settings.OIDC_ISSUER = "http://127.0.0.1:1"
    client_side.forget()
    assert code(ApiClient().get("/auth/oidc/login")) == (502, "oidc_provider_error")


def test_a_provider_that_goes_down_between_the_two_ways_is_an_error(idp, settings, walk):
    def down():
        client_side._cache[f"{idp.issuer}/.well-known/openid-configuration"][1]["token_endpoint"] = "http://127.0.0.1:1/token"

    assert code(walk(idp.account("erin", **ERIN), between=down).back) == (502, "oidc_provider_error")


def test_starting_is_slowed_per_address(idp):
    answers = [ApiClient().get("/auth/oidc/login").status_code for _ in range(31)]
    assert answers == [302] * 30 + [429]


def test_discovery_is_for_administrators(idp, api, alice, bob):
    found = api(alice).get("/auth/oidc/discovery").json()["data"]
    assert found["issuer"] == idp.issuer and found["tokenEndpoint"] == f"{idp.issuer}/token" and found["jwksUri"] and found["userinfoEndpoint"]
    assert code(api(bob).get("/auth/oidc/discovery")) == (403, "permission_denied")


def test_the_configuration_is_public_and_holds_no_secret(idp, settings):
    shown = ApiClient().get("/auth/oidc/config")
    assert shown.json()["data"] == {
        "enabled": True,
        "configured": True,
        "loginAvailable": True,
        "missingFields": [],
        "clientId": "tallyroom",
        "issuer": idp.issuer,
        "redirectUri": "http://testserver/api/v1/auth/oidc/callback",
        "scopes": ["openid", "profile", "email"],
    }
    settings.OIDC_ISSUER = settings.OIDC_CLIENT_ID = settings.OIDC_CLIENT_SECRET = ""
    bare = ApiClient().get("/auth/oidc/config").json()["data"]
    assert (bare["enabled"], bare["missingFields"], "redirectUri" in bare) == (False, ["issuer", "clientId"], False)
    assert code(ApiClient().get("/auth/oidc/login")) == (409, "oidc_unavailable")
    for query in ("", "?state=made-up&code=x"):
        assert code(ApiClient().get(f"/auth/oidc/callback{query}")) == (400, "oidc_state_invalid")
    settings.OIDC_ISSUER = "http://idp.example"
    assert "issuer" in ApiClient().get("/auth/oidc/config").json()["data"]["missingFields"]


def test_neither_code_nor_token_reach_the_log(idp, walk, caplog):
    with caplog.at_level("INFO"):
        way = walk(idp.account("erin", **ERIN))
    secrets = [fragment(way.back)["token"], parse_qs(urlsplit(way.callback).query)["code"][0], parse_qs(urlsplit(way.callback).query)["state"][0]]
    # The browser of this test logs where it goes; the product's own lines are all others.
    lines = [record.getMessage() for record in caplog.records if not (record.name == "httpx" and "/auth?" in record.getMessage())]
    assert lines and not [secret for secret in secrets if secret in "\n".join(lines)]
