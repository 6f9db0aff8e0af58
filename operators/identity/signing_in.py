"""What every way of signing in shares: it works despite a stale credential of the browser, and answers a token once or sets the cookie."""

from django.conf import settings
from django.middleware.csrf import get_token, rotate_token

from config.kernel.errors import ApiError
from operators.identity import services
from operators.identity.models import SignInKind, User


def demand_same_origin(request) -> None:
    """403 csrf_failed when a page of another site asks to sign in (programs send no Origin)."""
    origin = request.headers.get("Origin")
    if origin and origin not in {settings.PUBLIC_ORIGIN, f"{request.scheme}://{request.get_host()}"}:
        raise ApiError("csrf_failed")


class PublicPosts:
    """For public viewsets: their own check stands in for the CSRF token of a cookie that happens to be there. Answers are never kept for replay."""

    stores_replies = False

    def perform_authentication(self, request):
        try:
            super().perform_authentication(request)
        except ApiError as error:
            request.user, request.auth, request.actor = None, None, self.despite(error, request)
            request._request.actor = request.actor

    def despite(self, error: ApiError, request):
        """Who asks although their credential was refused; raises `error` where that counts."""
        if error.code == "csrf_failed":
            return request.actor
        raise error


def signed_in(view, user: User, *, cookie: bool) -> dict:
    """Sign `user` in for this request: the fields of `SignedIn`. A cookie sign-in ends the one that this browser had."""
    plain = view.request._request
    if cookie and view.actor.by_cookie:
        services.sign_out(actor=view.actor)
    row, token = services.sign_in(request=plain, user=user, session=plain.session if cookie else None)
    data = {"token": token, "expires_at": row.expires_at, "sign_in_id": row.pk, "user": user}
    if row.kind == SignInKind.COOKIE:
        rotate_token(plain)
        data["csrf_token"] = get_token(plain)
    return data
