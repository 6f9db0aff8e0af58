"""What an edge token opens: asked by the embedded server at every POST, and by a provider that asks us before it lets someone in."""

from dataclasses import dataclass

from config.kernel import clock, credentials
from sessions.field.states import SERVING
from sessions.media import takes, tokens
from sessions.media.models import MediaInput, ViewerToken
from sessions.media.provider import Take
from sessions.media.states import InputState

# Tier 3: a publisher is let in only from inside the fence, proven this freshly (05 §6).
PROOF_SECONDS = 3


class Refused(Exception):
    """`code` is of the registry: credential_invalid, credential_not_accepted, credential_expired, not_found, permission_denied."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


class Unavailable(Exception):
    """The database can't be asked now."""


@dataclass(frozen=True)
class Publishing:
    ref: str
    digest: bytes
    session_id: str
    take: Take | None


@dataclass(frozen=True)
class Viewing:
    ref: str
    group: str


def publisher(token: str) -> Publishing:
    """Whom a publish token lets in. Refused."""
    if not tokens.is_edge(token):
        raise Refused("credential_invalid")
    digest = credentials.digest(token)
    found = MediaInput.objects.select_related("session").filter(publish_digest=digest).first()
    if found is None:
        raise Refused("credential_not_accepted" if ViewerToken.objects.filter(digest=digest).exists() else "credential_invalid")
    if not tokens.same(tokens.publish(found.pk).token, token):
        raise Refused("credential_invalid")
    if not _serves(found):
        raise Refused("not_found")
    session = found.session
    if session.required_trust_tier >= 3 and not _proven(session):
        raise Refused("permission_denied")
    return Publishing(found.ref, digest, str(session.pk), takes.of(found))


def viewer(token: str) -> Viewing:
    """Whom a viewer token lets in. Refused."""
    if not tokens.is_edge(token):
        raise Refused("credential_invalid")
    digest = credentials.digest(token)
    found = ViewerToken.objects.select_related("input__session").filter(digest=digest).first()
    if found is None:
        raise Refused("credential_not_accepted" if MediaInput.objects.filter(publish_digest=digest).exists() else "credential_invalid")
    if not tokens.same(tokens.view(found.input_id, found.pk, found.expires_at).token, token):
        raise Refused("credential_invalid")
    if not _serves(found.input) or found.group == ViewerToken.SENT_AWAY:
        raise Refused("not_found")
    if found.expires_at <= clock.now():
        raise Refused("credential_expired")
    return Viewing(found.input.ref, found.group)


def is_publish_token_of(token: str, ref: str) -> bool:
    """Whether this is the publish token of the input `ref` (its id, where edge tokens are valid)."""
    return tokens.same(tokens.publish(ref).token, token)


def _serves(found: MediaInput) -> bool:
    return found.state == InputState.READY and found.session.state in SERVING


def _proven(session) -> bool:
    from sessions.telemetry import services as telemetry

    return telemetry.fresh_in_fence(session, seconds=PROOF_SECONDS)
