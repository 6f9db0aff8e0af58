"""From the provider's answer to a person: code, ID token, claims."""

import structlog

from config.kernel import clock
from config.kernel.errors import ApiError, FieldError
from operators.identity.models import User
from operators.identity.oidc import id_token, logins, people, provider
from operators.identity.oidc.config import Client, client
from operators.identity.oidc.models import OidcState
from operators.identity.selectors import actor_of
from operators.identity.services import refused

log = structlog.get_logger("oidc")


def discovery() -> dict:
    """The provider's document. ApiError oidc_unavailable, oidc_provider_error."""
    return provider.metadata(client())


def identify(known: Client, *, login: OidcState, verifier: str, code: str | None, error: str | None, iss: str | None) -> dict:
    """The claims about whoever came back. ApiError oidc_denied, oidc_token_invalid, oidc_provider_error; validation_failed without a code."""
    _check_sender(known, iss)
    if error is not None:
        raise _failed("oidc_denied", "the provider refused")
    if not code:
        raise FieldError("code", "required", "The provider sent no code.")
    tokens = provider.exchange(known, code=code, verifier=verifier)
    claims = _verified(known, tokens, login.nonce)
    if "email" not in claims or "name" not in claims:
        # Many providers put only who it is into the ID token. What that token says itself counts more.
        claims = {**provider.user_info(known, tokens.access_token, claims["sub"]), **claims}
    return claims


def _check_sender(known: Client, iss: str | None) -> None:
    """RFC 9207: the answer is from the provider that was asked; one that promises to say so must."""
    if iss is None and provider.metadata(known).get("authorization_response_iss_parameter_supported") is not True:
        return
    if iss != known.issuer:
        raise _failed("oidc_token_invalid", "iss parameter")


def _verified(known: Client, tokens: provider.Tokens, nonce: str) -> dict:
    facts = {"issuer": known.issuer, "client_id": known.client_id, "nonce": nonce, "now": clock.now(), "access_token": tokens.access_token}
    try:
        try:
            return id_token.verified(tokens.id_token, keys=provider.keys(known), **facts)
        except id_token.UnknownKey:
            return id_token.verified(tokens.id_token, keys=provider.keys(known, fresh=True), **facts)
    except id_token.BadToken as error:
        raise _failed("oidc_token_invalid", f"ID token: {error}") from error


def _failed(code: str, reason: str) -> ApiError:
    log.warning("oidc_refused", code=code, reason=reason)
    return refused(code, provider="oidc", cause=reason)


def person(known: Client, *, claims: dict) -> User:
    """Who comes in by these claims. ApiError sign_in_failed (disabled), oidc_not_provisioned, oidc_email_conflict."""
    try:
        return people.user_for(claims, issuer=known.issuer)
    except ApiError as error:
        raise _failed(error.code, "no sign-in for who came") from error


def link(known: Client, *, login: OidcState, claims: dict) -> None:
    """Link what came back to who began. ApiError oidc_state_invalid (signed out meanwhile), oidc_identity_taken."""
    sign_in = logins.linking_sign_in(login)
    people.link(claims, issuer=known.issuer, user=sign_in.user, actor=actor_of(sign_in))
