"""`/auth/oidc/…` (03 §3, §9): to the provider, and back with a sign-in."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponseRedirect
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.access import Kind, Perm, Route
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError, FieldError
from config.kernel.viewsets import TallyViewSet
from operators.identity import throttles
from operators.identity.oidc import config, logins, services
from operators.identity.oidc.models import Intent, Mode
from operators.identity.oidc.serializers import ConfigShape, DiscoveryShape
from operators.identity.signing_in import signed_in

STARTS = 30
NEXT_LIMIT = 2048


class OidcViewSet(TallyViewSet):
    """The browser is sent around by these: they answer whatever it accepts."""

    routes = {
        "config": Route(public=True, kinds=frozenset()),
        "login": Route(
            public=True,
            kinds=frozenset({Kind.USER}),
            query=("next", "mode", "intent"),
            errors=("csrf_failed", "password_change_required", "oidc_unavailable", "oidc_provider_error"),
        ),
        "callback": Route(
            public=True,
            kinds=frozenset(),
            query=("code", "state", "error", "iss"),
            errors=(
                "oidc_state_invalid",
                "oidc_denied",
                "oidc_token_invalid",
                "sign_in_failed",
                "oidc_not_provisioned",
                "oidc_email_conflict",
                "oidc_identity_taken",
                "oidc_unavailable",
                "oidc_provider_error",
            ),
        ),
        "discovery": Route(Perm.AUTH_MANAGE, errors=("oidc_unavailable", "oidc_provider_error")),
    }
    any_accept = True

    def check_query(self, request):
        """Providers add parameters of their own to the callback."""
        if self.action != "callback":
            super().check_query(request)

    @extend_schema(responses={200: ConfigShape})
    def config(self, request):
        return Response(self.shape(config.public_facts(), ConfigShape))

    @extend_schema(responses={200: DiscoveryShape})
    def discovery(self, request):
        found = services.discovery()
        names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
        return Response(self.shape({name: found[name] for name in names if isinstance(found.get(name), str)}, DiscoveryShape))

    @extend_schema(responses={302: None})
    def login(self, request):
        throttles.count(request._request, "oidc", STARTS)
        mode, intent = self._choice("mode", Mode, Mode.TOKEN), self._choice("intent", Intent, Intent.SIGN_IN)
        # A page of another site must not make a browser link its provider's account, whosever that is, to who is signed in here.
        if intent == Intent.LINK and request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
            raise ApiError("csrf_failed")
        next_path = _next(request.GET.get("next", "/"))
        begun = logins.begin(config.client(), actor=self.actor, next_path=next_path, mode=mode, intent=intent)
        reply = _away(begun.url)
        reply.set_cookie(
            logins.cookie_name(), begun.browser, max_age=logins.LOGIN_SECONDS, httponly=True, samesite="Lax", secure=settings.HTTPS, path="/"
        )
        return reply

    @extend_schema(responses={302: None})
    def callback(self, request):
        query = request.GET
        browser = request._request.COOKIES.get(logins.cookie_name(), "")
        login, verifier = logins.finish(state=query.get("state", ""), browser=browser)
        client = config.client()
        claims = services.identify(client, login=login, verifier=verifier, code=query.get("code"), error=query.get("error"), iss=query.get("iss"))
        fragment = {}
        if login.intent == Intent.LINK:
            services.link(client, login=login, claims=claims)
        else:
            user = services.person(client, claims=claims)
            data = signed_in(self, user, cookie=login.mode == Mode.COOKIE)
            if login.mode == Mode.TOKEN:
                fragment = {"token": data["token"], "expiresAt": clock.wire(data["expires_at"]), "signInId": data["sign_in_id"]}
        reply = _away(settings.PUBLIC_ORIGIN + login.next + (f"#{urlencode(fragment)}" if fragment else ""))
        reply.delete_cookie(logins.cookie_name(), path="/", samesite="Lax")
        return reply

    def _choice(self, name: str, choices, default):
        text = self.request.GET.get(name, default.value)
        if text not in choices.values:
            raise FieldError(name, "invalid_choice", f"{name} must be one of {', '.join(choices.values)}.")
        return choices(text)


def _next(text: str) -> str:
    """A path of this very origin, without a fragment; FieldError otherwise."""
    inside = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()
    if not inside or len(text) > NEXT_LIMIT:
        raise FieldError("next", "invalid", "next must be a path of this installation: one slash at its start, no backslash, no control character.")
    return text.partition("#")[0]


def _away(url: str) -> HttpResponseRedirect:
    reply = HttpResponseRedirect(url)
    reply["Cache-Control"] = "no-store"
    reply["Referrer-Policy"] = "no-referrer"
    return reply
