"""What a session asks of its neighbours: price, hold and settlement, media, meter, webhooks. One line each, so that the story reads in `services`."""

from datetime import datetime

from config.kernel import context
from config.kernel.errors import ApiError
from sessions.field.geography import Point
from sessions.field.models import FieldSession


def price(*, point, environment: str, at: datetime):
    """The spot rate: an object with `rate_micro` and `fee_bps`."""
    from sessions.pricing.services import rate_for

    return rate_for(point=point, environment=environment, at=at)


def quote(*, quote_id, workspace, session: FieldSession):
    """Use the quote up for this session. ApiError reference_not_found, quote_expired, quote_used, quote_mismatch."""
    from sessions.pricing.services import consume_quote

    return consume_quote(quote_id=quote_id, workspace=workspace, session=session)


def reserve(session: FieldSession) -> None:
    """Hold the money; nothing for TEST. ApiError insufficient_pool."""
    from sessions.settlement.provider import current

    current().reserve(session)


def release(session: FieldSession) -> None:
    """Give the hold back: it is over and was never LIVE."""
    from sessions.settlement.provider import current

    current().release(session)


def settle(session: FieldSession, split):
    """Pay operator and fee out of the hold, and give back the rest; in the transaction that ends the session. Returns the settlement."""
    from sessions.settlement.provider import current

    return current().settle(session, split)


def tell_settled(session: FieldSession, settlement) -> None:
    """`settlement.confirmed` behind `session.ended`, where the money moved at once."""
    from sessions.settlement.joins import tell_settled as tell

    tell(settlement, session=session, publish=False)


def dispute_refusals(session: FieldSession) -> dict[str, str | None]:
    """What `/actions` says of a bill: why it can't be disputed, why the dispute can't be rejected, why nothing can be given back; None: it can."""
    from sessions.settlement import disputes

    return {
        "dispute": disputes.dispute_refusal(session),
        "rejectDispute": disputes.reject_refusal(session),
        "void": disputes.void_refusal(session),
    }


def close_meter(session: FieldSession, ended_at: datetime):
    """Run the meter for good: its record."""
    from sessions.metering.services import close

    return close(session, ended_at)


def provisional_meter(session: FieldSession, now: datetime):
    """The same numbers while LIVE, kept nowhere."""
    from sessions.metering.services import provisional

    return provisional(session, now)


def amounts(clean_seconds: int, session: FieldSession):
    """gross, operator and fee of so many clean seconds."""
    from sessions.metering.split import split

    return split(clean_seconds, session.rate_micro, session.fee_bps)


def media_started(session: FieldSession) -> bool:
    """Whether the session's input has its URLs."""
    from sessions.media.services import media_started as started

    return started(session)


def open_input(session: FieldSession):
    """Mint the input, outside any transaction. ApiError start_in_progress, invalid_state, provider_*."""
    from sessions.media.services import open_input as mint

    return mint(session)


def publish_access(session: FieldSession):
    """The publisher's URL and token."""
    from sessions.media.services import publish_access as access

    return access(session)


def viewer_access(session: FieldSession, workspace):
    """A viewer's URL and how long it may be used to connect."""
    from sessions.media.services import viewer_access as access

    return access(session, workspace)


def tear_down(session: FieldSession) -> None:
    """Queue the end of the input at the provider."""
    from sessions.media.services import tear_down as queue

    queue(session)


def emit(kind: str, session: FieldSession, *, data: dict, sequence: int) -> None:
    """Tell the webhooks of both sides, in the transaction of the change; `data` in its wire form."""
    from operators.webhooks.emitting import emit as send

    sides = [pk for pk in (session.consumer_workspace_id, session.operator_workspace_id) if pk]
    send(kind, subject=("session", session.pk), workspaces=list(dict.fromkeys(sides)), environment=session.environment, data=data, sequence=sequence)


def demand_hold(session: FieldSession) -> None:
    """ApiError hold_pending while the provider has not confirmed the hold (a chain does later, the ledger at once)."""
    from sessions.settlement.provider import current

    if not current().hold_ready(session):
        raise ApiError("hold_pending", headers={"Retry-After": "2"})


def demand_position(session: FieldSession) -> None:
    """ApiError position_not_admitted where the caller's address says another continent than the session's point."""
    from sessions.telemetry.position import admitted

    if not admitted(Point(session.lat, session.lng), context.current().ip):
        raise ApiError("position_not_admitted")


def declare_provenance(session: FieldSession, declared: dict) -> None:
    """The pictures will be signed by this certificate."""
    from sessions.media.provider import current
    from sessions.telemetry.provenance import declare

    declare(session, declared["certificate_sha256"], unaltered=current().capabilities.unaltered)


def challenge(session: FieldSession, now: datetime) -> None:
    """The first nonce of a session that asks for answers, at LIVE."""
    from sessions.telemetry.services import challenge_due

    challenge_due(session, now)


def demand_tier(tier: int) -> None:
    """ApiError trust_tier_unsupported: tier 3 asks the edge before a publisher is let in."""
    from sessions.media.provider import current

    if tier >= 3 and not current().capabilities.edge_admission:
        raise ApiError("trust_tier_unsupported", data={"required_trust_tier": tier})
