"""How a session gets media, loses it, and is over: live, ended, cancelled, expired (05 §3).

Whatever ends it happens in one transaction: meter, money, teardown, history. Lock order: session, device operator, ledger accounts, topics.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from audit.services import snapshot
from config.kernel import clock
from config.kernel.access import Actor, Perm, system
from operators.workspaces.models import Workspace
from sessions.field import joins, live, transitions
from sessions.field.devices.services import released
from sessions.field.locking import locked
from sessions.field.models import FieldSession
from sessions.field.selectors import due
from sessions.field.states import EndReason, SessionEventType, SessionState, Side, Tally, allows

log = structlog.get_logger("sessions")
BATCH = 200
_PERMISSION = {Side.CONSUMER: Perm.SESSIONS_CREATE, Side.OPERATOR: Perm.SESSIONS_OPERATE, Side.INSTALLATION: Perm.SESSIONS_CREATE}
# What else happens in the transaction in which a session leaves LIVE, before topics are told: `hook(session)`; the control room turns its buses.
leaving_live: list[Callable[[FieldSession], None]] = []
# What a caller adds to a move, with all its rows held and before topics are told: their counters are the last locks.
BeforeTold = Callable[[FieldSession], None] | None
# What is told once a session has gone LIVE, in that transaction: `hook(session)`; no lock may be taken here, so it only wakes others.
gone_live: list[Callable[[FieldSession], None]] = []


# --- media ---------------------------------------------------------------------------------------------------------------------


def go_live(session_id, at: datetime, *, actor: Actor | None = None) -> bool:
    """The first media flowed at `at`. True if the session is LIVE by this; False if its state or deadline says no."""
    actor = actor or system("media.reconcile")
    with transaction.atomic():
        session = locked(session_id)
        if session.state != SessionState.ASSIGNED:
            return False
        at = max(min(at, clock.now()), session.assigned_at)
        before = snapshot(session)
        if not transitions.move(session, "go_live", guard=Q(deadline_at__gt=at), started_at=at):
            return False
        facts = {"actor": actor, "permission": None, "at": at, "before": before, "from_state": SessionState.ASSIGNED}
        transitions.tell("go_live", session, **facts)
        joins.challenge(session, clock.now())
        live.changed(session)
        for hook in gone_live:
            hook(session)
    return True


def media_lost(session_id, at: datetime) -> bool:
    """No media flows since `at`. False unless it is LIVE and media flowed until now."""
    return _media(session_id, at, lost=True)


def media_resumed(session_id, at: datetime) -> bool:
    """Media flows again since `at`. False unless it is LIVE and media was lost."""
    return _media(session_id, at, lost=False)


def _media(session_id, at: datetime, *, lost: bool) -> bool:
    with transaction.atomic():
        session = locked(session_id)
        if session.state != SessionState.LIVE or (session.media_lost_at is not None) == lost:
            return False
        at = max(at, session.started_at)
        transitions.change(session, media_lost_at=at if lost else None)
        kind = SessionEventType.MEDIA_LOST if lost else SessionEventType.MEDIA_RESUMED
        transitions.note(session, kind, actor=system("media.reconcile"), at=at, data={"at": clock.wire(at)})
        live.media(session, flowing=not lost, since=at)
    return True


def flag(session_id, word: str) -> None:
    """Something looked wrong; it stays in the session's trust and changes no bill."""
    with transaction.atomic():
        session = locked(session_id)
        if word not in session.trust_flags:
            transitions.change(session, trust_flags=sorted([*session.trust_flags, word]))
            live.changed(session)


# --- over ----------------------------------------------------------------------------------------------------------------------


def end(*, actor: Actor, session_id, side: Side, before_told: BeforeTold = None) -> FieldSession:
    """End a LIVE session now, with its final meter and money. After its cap it expires at the cap. ApiError invalid_state."""
    with transaction.atomic():
        session, now = locked(session_id), clock.now()
        if not allows("end", session.state):
            raise transitions.refused("end", session)
        if not _expire(session, now, actor):
            at, reason = max(now, session.started_at), EndReason(side.value)
            _leave_live(session, "end", at=at, reason=reason, actor=actor, permission=_PERMISSION[side], before_told=before_told)
    return session


def cancel(*, actor: Actor, session_id, side: Side, before_told: BeforeTold = None) -> FieldSession:
    """Call off what is not LIVE yet. ApiError invalid_state."""
    with transaction.atomic():
        session, now = locked(session_id), clock.now()
        if not allows("cancel", session.state) or now >= session.deadline_at:
            raise transitions.refused("cancel", session)
        reason = EndReason(side.value)
        _release(session, "cancel", at=now, reason=reason, actor=actor, permission=_PERMISSION[side], before_told=before_told)
    return session


def hold_failed(*, session_id, actor: Actor) -> bool:
    """The money could not be held after all (a withdrawal was faster); False once it is LIVE or over."""
    with transaction.atomic():
        session = locked(session_id)
        if not allows("cancel", session.state):
            return False
        _release(session, "cancel", at=clock.now(), reason=EndReason.HOLD_FAILED, actor=actor, permission=None)
    return True


def cancel_all(*, actor: Actor, workspace: Workspace, environment: str = "", operator_id=None) -> list[FieldSession]:
    """Call off every ASSIGNED session that this workspace serves (with that operator), oldest first; LIVE ones run on."""
    rows = FieldSession.objects.filter(operator_workspace=workspace, state=SessionState.ASSIGNED)
    if environment:
        rows = rows.filter(environment=environment)
    if operator_id:
        rows = rows.filter(operator_id=operator_id)
    cancelled = []
    # A transaction for each: one that went LIVE meanwhile stays, and nobody waits for all of them.
    for pk in rows.order_by("assigned_at", "pk").values_list("pk", flat=True):
        with transaction.atomic():
            session = locked(pk)
            # One whose time is over expires, as the task would have it.
            if session.state == SessionState.ASSIGNED and not _expire(session, clock.now(), actor) and session.operator_workspace_id == workspace.pk:
                facts = {"reason": EndReason.OPERATOR, "actor": actor, "permission": Perm.SESSIONS_OPERATE}
                _release(session, "cancel", at=clock.now(), **facts)
                cancelled.append(session)
    return cancelled


def expire_if_due(session_id) -> None:
    """Move one session whose time is over, in a transaction of its own: a refused call does this for what it met."""
    now = clock.now()
    if due(now, settings.ABANDON_AFTER_SECONDS).filter(pk=session_id).exists():
        with transaction.atomic():
            _expire(locked(session_id), now, system("sessions.expire"))


def state_now(session_id) -> str | None:
    """What state a session is in, told as the expiry would leave it."""
    session = FieldSession.objects.filter(pk=session_id).first()
    if session is None:
        return None
    now = clock.now()
    if not is_over(session, now):
        return session.state
    given_up = _given_up_at(session) if session.state == SessionState.LIVE else None
    cap = session.started_at + timedelta(seconds=session.max_duration_seconds) if given_up else now
    return SessionState.ENDED.value if given_up and given_up <= min(now, cap) else SessionState.EXPIRED.value


def is_over(session: FieldSession, now: datetime) -> bool:
    """Whether its time is up, though no task has moved it yet."""
    return due(now, settings.ABANDON_AFTER_SECONDS).filter(pk=session.pk).exists()


def expire_due(limit: int = BATCH) -> int:
    """Move what is over, one transaction each, passing by what somebody else holds. A row that can't be moved is set aside for this round."""
    now, aside, moved = clock.now(), [], 0
    while moved + len(aside) < limit:
        with transaction.atomic():
            rows = due(now, settings.ABANDON_AFTER_SECONDS).exclude(pk__in=aside).select_for_update(of=("self",), skip_locked=True)
            row = rows.order_by("deadline_at", "pk").first()
            if row is None:
                break
            try:
                with transaction.atomic():
                    done = _expire(locked(row.pk), now, system("sessions.expire"))
            except Exception:
                log.exception("session_not_expired", session=str(row.pk))
                done = False
        if done:
            moved += 1
        else:
            aside.append(row.pk)
    return moved


def _expire(session: FieldSession, now: datetime, actor: Actor) -> bool:
    """Whether the session's time was over and it has been moved by this."""
    if session.state in (SessionState.REQUESTED, SessionState.ASSIGNED):
        if now < session.deadline_at:
            return False
        _release(session, "deadline", at=session.deadline_at, reason=EndReason.DEADLINE, actor=actor, permission=None)
        return True
    if session.state != SessionState.LIVE:
        return False
    cap = session.started_at + timedelta(seconds=session.max_duration_seconds)
    given_up = _given_up_at(session)
    if given_up is not None and given_up <= min(now, cap):
        _leave_live(session, "end", at=given_up, reason=EndReason.ABANDONED, actor=actor, permission=None)
        return True
    if now < cap:
        return False
    _leave_live(session, "max_duration", at=cap, reason=EndReason.MAX_DURATION, actor=actor, permission=None)
    return True


def _given_up_at(session: FieldSession) -> datetime | None:
    """When media has been away for too long; None: it flows, or nobody gives up."""
    seconds = settings.ABANDON_AFTER_SECONDS
    return session.media_lost_at + timedelta(seconds=seconds) if seconds and session.media_lost_at else None


def _release(
    session: FieldSession, event: str, *, at: datetime, reason: EndReason, actor: Actor, permission: Perm | None, before_told: BeforeTold = None
) -> None:
    """Over before it was LIVE: no meter, no charge; the hold goes back and the operator is free at once."""
    before, was = snapshot(session), session.state
    if not transitions.move(session, event, ended_at=at, end_reason=reason, meter_final=True):
        raise transitions.refused("cancel", session)
    if session.operator_id:
        released(session.operator_id, at=at)
    joins.release(session)
    joins.tear_down(session)
    transitions.tell(event, session, actor=actor, permission=permission, at=at, before=before, from_state=was, end_reason=str(reason))
    if before_told is not None:
        before_told(session)
    live.changed(session, was=was)


def _leave_live(
    session: FieldSession, event: str, *, at: datetime, reason: EndReason, actor: Actor, permission: Perm | None, before_told: BeforeTold = None
) -> None:
    """Over after it was LIVE: metered, settled, torn down."""
    before, lit = snapshot(session), session.tally != Tally.OFF
    meter = joins.close_meter(session, at)
    split = joins.amounts(meter.clean_seconds, session)
    changes = {
        "ended_at": at, "end_reason": reason, "metered_seconds": meter.metered_seconds, "clean_seconds": meter.clean_seconds,
        "failed_seconds": meter.failed_seconds,
        "gross_micro": split.gross, "operator_micro": split.operator, "fee_micro": split.fee, "meter_final": True, "tally": Tally.OFF,
        "tally_since": at, "media_lost_at": None,
    }  # fmt: skip
    if not transitions.move(session, event, **changes):
        raise transitions.refused("end", session)
    released(session.operator_id, at=at)
    settlement = joins.settle(session, split)
    joins.tear_down(session)
    facts = {"actor": actor, "permission": permission, "at": at, "before": before, "from_state": SessionState.LIVE, "end_reason": str(reason)}
    transitions.tell(event, session, **facts)
    joins.tell_settled(session, settlement)
    for hook in (before_told, *leaving_live):
        if hook is not None:
            hook(session)
    live.changed(session, was=SessionState.LIVE, went_dark=lit)


# --- tally ---------------------------------------------------------------------------------------------------------------------


def set_tally(session_id, tally: Tally, *, at: datetime | None = None) -> bool:
    """Whether this source is shown now; the control room says it. False if nothing changed or it is not LIVE."""
    with transaction.atomic():
        return bool(set_tallies([(locked(session_id), tally)], at=at))


def set_tallies(shown: Iterable[tuple[FieldSession, Tally]], *, at: datetime | None = None) -> int:
    """The same for several sessions whose rows the caller holds; how many changed. Last in its transaction: topics are told."""
    changed = []
    for session, tally in shown:
        if session.state == SessionState.LIVE and session.tally != tally:
            transitions.change(session, tally=tally, tally_since=at or clock.now())
            changed.append(session)
    live.tallies(changed)
    return len(changed)
