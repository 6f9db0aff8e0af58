"""Where the pictures come from: declared at the start, proven by a signed still, broken for good by a false one (05 §6)."""

from django.db import transaction

from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from sessions import verbs
from sessions.field import states, transitions
from sessions.field.locking import locked
from sessions.field.models import FieldSession
from sessions.telemetry import stills
from sessions.telemetry.states import ProvenanceState

STILL_BYTES = 5 * 1024**2
SECONDS_BETWEEN = 10


def state_of(session: FieldSession) -> str:
    """NONE until something was declared."""
    return session.provenance.get("state", ProvenanceState.NONE.value)


def declare(session: FieldSession, certificate_sha256: str, *, unaltered: bool) -> None:
    """The operator's word, at start, that frames are signed with this certificate (SHA-256 of its DER, hex). Its row is held.

    `unaltered`: the media provider passes frames through as they came. A repeat changes nothing; another certificate starts anew, unless BROKEN.
    """
    certificate_sha256 = certificate_sha256.lower()
    if state_of(session) == ProvenanceState.BROKEN or session.provenance.get("certificateSha256") == certificate_sha256:
        return
    session.provenance = {"state": ProvenanceState.DECLARED.value, "unaltered": unaltered, "certificateSha256": certificate_sha256}
    FieldSession.objects.filter(pk=session.pk).update(provenance=session.provenance)


def demand_live(session: FieldSession) -> None:
    """ApiError invalid_state."""
    if not states.allows("provenance", session.state):
        raise transitions.refused("provenance", session)


def check(*, actor: Actor, session_id, still: bytes) -> FieldSession:
    """Hold a signed still against what was declared. ApiError unsupported_media_type, no_manifest, invalid_state.

    Valid and by the declared certificate: VERIFIED. Invalid, or by another: BROKEN, which stays. Nothing declared: nothing to hold it against.
    """
    try:
        found = stills.check(still)
    except stills.NoPicture as error:
        raise ApiError("unsupported_media_type", "The body is no JPEG.") from error
    except stills.NoManifest as error:
        raise ApiError("no_manifest") from error
    with transaction.atomic():
        session = locked(session_id)
        demand_live(session)
        was = state_of(session)
        now = _judge(was, found, session.provenance.get("certificateSha256"))
        provenance = {**session.provenance, "state": now, "checkedAt": clock.wire(clock.now())}
        transitions.change(session, provenance=provenance)
        details = {"was": was, "now": now, "valid": found.valid, "certificate_sha256": found.certificate_sha256}
        transitions.trail(verbs.PROVENANCE_CHECKED, session, actor=actor, permission=Perm.SESSIONS_OPERATE, details=details)
    return session


def _judge(was: str, found: stills.Checked, declared: str | None) -> str:
    if was in (ProvenanceState.NONE, ProvenanceState.BROKEN):
        return was
    return (ProvenanceState.VERIFIED if found.valid and found.certificate_sha256 == declared else ProvenanceState.BROKEN).value
