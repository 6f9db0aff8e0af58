"""Who serves a request: the operator that a supplier accepts with, or the one that dispatch finds (05 §3)."""

from collections.abc import Callable
from datetime import datetime
from math import ceil
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from audit.services import snapshot
from config.kernel import clock
from config.kernel.access import Actor, Perm
from config.kernel.errors import ApiError
from operators.workspaces.devices.models import DeviceOperator
from operators.workspaces.models import Workspace
from sessions.field import availability, live, transitions
from sessions.field.devices import selectors as devices
from sessions.field.devices.services import default_of
from sessions.field.geography import Point, distance_m
from sessions.field.locking import locked, operator_locked
from sessions.field.models import FieldSession
from sessions.field.states import SessionState, allows

CANDIDATES = 50


class _NotFree(Exception):
    """This operator is another's."""


class Candidate(NamedTuple):
    """An operator that dispatch may take, and how far it is."""

    operator: DeviceOperator
    distance_meters: float

    @property
    def rounded_meters(self) -> int:
        """Up to the next 100 m: near enough to choose, too coarse to find somebody."""
        return ceil(self.distance_meters / 100) * 100


def demand_requested(call: str, session: FieldSession, now: datetime) -> None:
    """ApiError invalid_state unless it is an open request whose deadline has not passed."""
    if not allows(call, session.state) or now >= session.deadline_at:
        raise transitions.refused(call, session)


def candidates(session: FieldSession, now: datetime | None = None) -> list[Candidate]:
    """Every operator that may be dispatched, in dispatch order: idle longest, nearest, lowest id."""
    now = now or clock.now()
    point = Point(session.lat, session.lng)
    rows = availability.with_availability(_in_world(session), now).filter(availability="ONLINE", workspace__suspended_at=None)
    if session.kinds:
        rows = rows.filter(kind__in=session.kinds)
    found = [Candidate(row, _distance(row, point, now)) for row in devices.near_coverage(rows, point) if _covers(row, point)]
    return sorted(found, key=lambda one: (one.operator.idle_since or one.operator.created_at, one.distance_meters, one.operator.pk))


def _in_world(session: FieldSession):
    rows = DeviceOperator.objects.filter(environment=session.environment, deleted_at=None).select_related("workspace")
    return rows.filter(workspace_id=session.wanted_workspace_id) if session.wanted_workspace_id else rows


def _covers(operator: DeviceOperator, point: Point) -> bool:
    """The geodesic decides; the edge belongs to it."""
    circle = devices.coverage_of(operator)
    return circle is not None and distance_m(Point(circle["center"]["lat"], circle["center"]["lng"]), point) <= circle["radius_meters"]


def _distance(operator: DeviceOperator, point: Point, now: datetime) -> float:
    """From where it was just now, else from home, else from the middle of its coverage."""
    fresh = operator.last_point_at is not None and operator.last_point_at >= availability.seen_since(now)
    places = [
        (operator.last_point_lat, operator.last_point_lng) if fresh else (None, None),
        (operator.home_lat, operator.home_lng),
        (operator.coverage_lat, operator.coverage_lng),
    ]
    here = next(place for place in places if place[0] is not None)
    return distance_m(Point(*here), point)


def ineligible(operator: DeviceOperator, session: FieldSession, now: datetime) -> str | None:
    """Why dispatch does not take this operator (annotated with its availability); None: it may."""
    if operator.is_busy:
        return "busy"
    if not operator.enabled:
        return "disabled"
    if operator.workspace.declared_offline or operator.workspace.suspended_at is not None:
        return "offline"
    if operator.last_seen_at is None or operator.last_seen_at < availability.seen_since(now):
        return "not_seen"
    if session.kinds and operator.kind not in session.kinds:
        return "wrong_kind"
    return None if _covers(operator, Point(session.lat, session.lng)) else "outside_coverage"


def dispatch(
    *, actor: Actor, session_id, operator_id=None, permission: Perm = Perm.SESSIONS_CREATE, before_told: Callable[[FieldSession], None] | None = None
) -> FieldSession:
    """Assign the operator named, or the first that may serve. ApiError invalid_state, operator_not_eligible `{reason}`, no_coverage,
    reference_not_found. `before_told`: called with all rows held, before topics are told."""
    with transaction.atomic():
        session, now = locked(session_id), clock.now()
        if operator_id is not None and not _in_world(session).filter(pk=operator_id).exists():
            raise ApiError("reference_not_found", data={"path": "operatorId"})
        demand_requested("dispatch", session, now)
        operator = _named(session, operator_id, now) if operator_id else _first(session, now)
        if operator is None:
            raise ApiError("no_coverage", headers={"Retry-After": "5"})
        _assign(session, operator, actor=actor, permission=permission, at=now, how="dispatch", before_told=before_told)
    return session


def _named(session: FieldSession, operator_id, now: datetime) -> DeviceOperator:
    operator_locked(operator_id)
    operator = availability.with_availability(_in_world(session).filter(pk=operator_id), now).get()
    if reason := ineligible(operator, session, now):
        raise ApiError("operator_not_eligible", data={"reason": reason})
    return operator


def _first(session: FieldSession, now: datetime) -> DeviceOperator | None:
    """The first candidate whose row nobody holds and who is still free once it is ours."""
    for candidate in candidates(session, now):
        if take(candidate.operator.pk):
            return candidate.operator
    return None


def take(operator_id, *, wait: bool = False) -> bool:
    """Hold the operator's row; False, and nothing held, if somebody else does (unless `wait`) or it serves a session."""
    rows = DeviceOperator.objects.select_for_update(of=("self",), skip_locked=not wait).filter(pk=operator_id, enabled=True, deleted_at=None)
    try:
        with transaction.atomic():
            # The second question is a statement of its own: it sees what the last holder of the row committed.
            if rows.first() is None or availability.serving(operator=operator_id).exists():
                raise _NotFree
    except _NotFree:
        # Back to the savepoint: a row that is of no use is not kept from others.
        return False
    return True


def accept(*, actor: Actor, session_id, workspace: Workspace, operator_id=None) -> FieldSession:
    """Serve the request with this operator of `workspace`, else with its longest idle free one. ApiError invalid_state, operator_busy,
    operator_disabled, reference_not_found."""
    with transaction.atomic():
        session, now = locked(session_id), clock.now()
        if operator_id is not None and not _fleet(workspace, session).filter(pk=operator_id).exists():
            raise ApiError("reference_not_found", data={"path": "operatorId"})
        demand_requested("accept", session, now)
        operator = _own(workspace, session, operator_id) if operator_id else _longest_idle(workspace, session)
        _assign(session, operator, actor=actor, permission=Perm.SESSIONS_OPERATE, at=now, how="accept")
    return session


def _fleet(workspace: Workspace, session: FieldSession):
    """The workspace's operators in the session's world."""
    return DeviceOperator.objects.filter(workspace=workspace, environment=session.environment, deleted_at=None)


def fleet_refusal(workspace: Workspace, session: FieldSession) -> str | None:
    """Why this workspace can't accept without naming an operator, as its fleet is now; None: somebody is free."""
    rows = _fleet(workspace, session).annotate(is_busy=Exists(availability.serving(operator=OuterRef("pk"))))
    listed = list(rows.values_list("is_default", "enabled", "is_busy"))
    # The default operator counts where nobody is registered, and is made on first need.
    fleet = [row for row in listed if not row[0]] or listed or [(True, True, False)]
    enabled = [busy for _, enabled, busy in fleet if enabled]
    if not enabled:
        return "operator_disabled"
    return "operator_busy" if all(enabled) else None


def _own(workspace: Workspace, session: FieldSession, operator_id) -> DeviceOperator:
    operator = _fleet(workspace, session).filter(pk=operator_id).select_for_update(of=("self",)).first()
    if operator is None:
        raise ApiError("reference_not_found", data={"path": "operatorId"})
    _demand_free(operator)
    return operator


def _demand_free(operator: DeviceOperator) -> None:
    if not operator.enabled:
        raise ApiError("operator_disabled")
    if availability.serving(operator=operator).exists():
        raise ApiError("operator_busy")


def _longest_idle(workspace: Workspace, session: FieldSession) -> DeviceOperator:
    fleet = _fleet(workspace, session).filter(is_default=False)
    if not fleet.exists():
        operator = operator_locked(default_of(workspace, session.environment).pk)
        _demand_free(operator)
        return operator
    enabled = list(fleet.filter(enabled=True).order_by(F("idle_since").asc(nulls_first=True), "pk").values_list("pk", flat=True))
    # First those that nobody holds; then wait, because whoever holds one may let it go.
    for wait in (False, True):
        for pk in sorted(enabled) if wait else enabled:
            if take(pk, wait=wait):
                return DeviceOperator.objects.select_related("workspace").get(pk=pk)
    raise ApiError("operator_busy" if enabled else "operator_disabled")


def _assign(
    session: FieldSession, operator: DeviceOperator, *, actor: Actor, permission: Perm, at: datetime, how: str, before_told: Callable | None = None
) -> None:
    before = snapshot(session)
    who = {"operator": operator, "operator_workspace": operator.workspace, "assigned_at": at}
    if not transitions.move(session, "assign", guard=Q(deadline_at__gt=at), **who):
        raise transitions.refused(how, session)
    facts = {"actor": actor, "permission": permission, "at": at, "before": before, "from_state": SessionState.REQUESTED}
    transitions.tell("assign", session, **facts, by=how)
    if before_told is not None:
        before_told(session)
    live.changed(session, was=SessionState.REQUESTED)
