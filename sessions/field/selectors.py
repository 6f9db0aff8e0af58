"""Which field sessions there are, and which of them somebody sees (05 §2).

A session is seen by its two sides and by roles of the installation that reach it (`ports.scoped`). An open request is seen, without its
consumer, by every SUPPLIER workspace of the environment, or by the one that it asks for.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import BooleanField, DateTimeField, DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Value

from config.kernel.access import Actor, Perm, ports
from operators.workspaces.devices.models import DeviceOperator
from operators.workspaces.models import Workspace
from operators.workspaces.selectors import workspaces
from operators.workspaces.states import WorkspaceRole
from sessions.field import parties
from sessions.field.devices.selectors import NARROWER, WIDER, center, sphere_m
from sessions.field.geography import Point, distance_m
from sessions.field.models import FieldSession, SessionEvent
from sessions.field.states import SessionState


def sessions() -> QuerySet[FieldSession]:
    """All, with what their shape needs."""
    return FieldSession.objects.select_related("operator", *_beside())


def events(session_id) -> QuerySet[SessionEvent]:
    """The history of one session."""
    return SessionEvent.objects.filter(session_id=session_id)


def _beside() -> list[str]:
    """One-to-one rows of media and settlement that a shape shows."""
    names = {field.name for field in FieldSession._meta.related_objects if field.one_to_one}
    return sorted(names & {"media_input", "settlement"})


def in_reach(rows: QuerySet[FieldSession], actor: Actor, *permissions: Perm) -> QuerySet[FieldSession]:
    """Those of `rows` that there are for the actor by any of these permissions; `reached` says which are more than an open request."""
    reached = [ports.scoped(FieldSession.objects.all(), actor, permission) for permission in permissions]
    inside = Q()
    for queryset in reached:
        inside |= Q(Exists(queryset.filter(pk=OuterRef("pk"))))
    open_now = Q()
    for permission in permissions:
        open_now |= open_to(actor, permission)
    return rows.annotate(reached=ExpressionWrapper(inside, output_field=BooleanField())).filter(
        Q(reached=True) | open_now if open_now else Q(reached=True)
    )


def suppliers_of(actor: Actor, permission: Perm) -> list[Workspace]:
    """SUPPLIER workspaces in which the actor holds the permission as a member or by a key; not suspended."""
    memo = actor.memo.setdefault("field_suppliers", {})
    if permission not in memo:
        held = parties.held_in(actor, permission)
        fitting = workspaces().filter(pk__in=held, roles__contains=[WorkspaceRole.SUPPLIER], suspended_at=None)
        memo[permission] = list(fitting) if held else []
    return memo[permission]


def open_to(actor: Actor, permission: Perm) -> Q:
    """Open requests that the actor's suppliers may take; an empty Q matches none of them, so test it before it is used."""
    return _open(actor, permission, Q(state=SessionState.REQUESTED))


def was_open_to(actor: Actor, permission: Perm) -> Q:
    """Every request that was open to them while it was open: who lost the race hears 409, not 404."""
    suppliers = suppliers_of(actor, permission)
    if not suppliers:
        return Q()
    oldest = min(workspace.created_at for workspace in suppliers)
    return _open(actor, permission, Q(assigned_at=None, ended_at=None) | Q(assigned_at__gte=oldest) | Q(assigned_at=None, ended_at__gte=oldest))


def _open(actor: Actor, permission: Perm, when: Q) -> Q:
    mine = [workspace.pk for workspace in suppliers_of(actor, permission)]
    if not mine:
        return Q()
    condition = when & (Q(wanted_workspace=None) | Q(wanted_workspace__in=mine))
    if actor.environment:
        condition &= Q(environment=actor.environment)
    # A deny policy hides an open request as it hides everything else.
    denied = [term.partition(":")[::2] for term in ports.reach(actor, permission).deny]
    for kind, pk in denied:
        if pk == "*" and kind in {"session", "workspace"}:
            return Q()
        if kind in {"session", "workspace"} and (known := _uuid(pk)):
            condition &= ~Q(pk=known) if kind == "session" else ~Q(consumer_workspace_id=known)
    return condition


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def covered(rows: QuerySet[FieldSession], suppliers: list[Workspace]) -> QuerySet[FieldSession]:
    """Those whose point lies in the coverage of an enabled operator of these workspaces, in the session's environment.

    The sphere decides what is clear, in SQL; the geodesic the few that lie near an edge.
    """
    operators = DeviceOperator.objects.filter(workspace__in=suppliers, deleted_at=None, enabled=True, coverage_radius_meters__isnull=False)
    around = operators.filter(environment=OuterRef("environment")).alias(off=sphere_m(*center(), OuterRef("lat"), OuterRef("lng")))
    surely = Exists(around.filter(off__lte=F("coverage_radius_meters") * NARROWER))
    perhaps = Exists(around.filter(off__lte=F("coverage_radius_meters") * WIDER))
    edge = list(rows.filter(perhaps).exclude(surely).values_list("pk", "environment", "lat", "lng"))
    circles = list(operators.values_list("environment", *center(), "coverage_radius_meters")) if edge else []
    inside = [pk for pk, world, lat, lng in edge if any(_within(Point(lat, lng), world, circle) for circle in circles)]
    return rows.filter(Q(surely) | Q(pk__in=inside))


def _within(point: Point, environment: str, circle: tuple) -> bool:
    world, lat, lng, radius = circle
    return world == environment and distance_m(Point(lat, lng), point) <= radius


def due(now: datetime, abandon_seconds: int) -> QuerySet[FieldSession]:
    """Sessions whose time is over: the deadline of what is not LIVE, the cap of what is, and media that was lost for too long."""
    length = ExpressionWrapper(F("max_duration_seconds") * Value(timedelta(seconds=1)), output_field=DurationField())
    cap = ExpressionWrapper(F("started_at") + length, output_field=DateTimeField())
    waiting = Q(state__in=[SessionState.REQUESTED, SessionState.ASSIGNED], deadline_at__lte=now)
    over = Q(state=SessionState.LIVE, cap__lte=now)
    if abandon_seconds:
        over |= Q(state=SessionState.LIVE, media_lost_at__lte=now - timedelta(seconds=abandon_seconds))
    return FieldSession.objects.alias(cap=cap).filter(waiting | over)
