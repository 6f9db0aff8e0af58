"""Who is ONLINE, BUSY or OFFLINE (05 §1): computed in the query that asks, from sessions and last seen; nothing is stored, so nothing sticks.

First match: BUSY has an ASSIGNED or LIVE session · OFFLINE not enabled, or its workspace declared so, or last seen more than 25 s ago · ONLINE.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Subquery, Value, When

from config.kernel import clock
from operators.workspaces.devices.models import DeviceOperator
from operators.workspaces.states import Availability
from sessions.field.models import FieldSession
from sessions.field.states import SERVING

SEEN_SECONDS = 25


def seen_since(now: datetime) -> datetime:
    """Who was heard before this is OFFLINE."""
    return now - timedelta(seconds=SEEN_SECONDS)


def serving(**where) -> QuerySet[FieldSession]:
    """Sessions that hold an operator."""
    return FieldSession.objects.filter(state__in=SERVING, **where)


def with_availability(operators: QuerySet[DeviceOperator], now: datetime | None = None) -> QuerySet[DeviceOperator]:
    """Annotates `is_busy`, `availability` and `current_session_id`."""
    since = seen_since(now or clock.now())
    absent = Q(enabled=False) | Q(workspace__declared_offline=True) | Q(last_seen_at=None) | Q(last_seen_at__lt=since)
    return operators.annotate(
        current_session_id=Subquery(serving(operator=OuterRef("pk")).values("pk")[:1]),
        is_busy=Exists(serving(operator=OuterRef("pk"))),
        availability=Case(
            When(Exists(serving(operator=OuterRef("pk"))), then=Value(Availability.BUSY.value)),
            When(absent, then=Value(Availability.OFFLINE.value)),
            default=Value(Availability.ONLINE.value),
            output_field=CharField(),
        ),
    )


def busy_workspaces(ids: Collection[UUID], environment: str) -> set[UUID]:
    """The port: every enabled operator is BUSY; with none enabled, any open session. What stands for the workspace itself counts for neither."""
    enabled = DeviceOperator.objects.filter(workspace__in=ids, environment=environment, deleted_at=None, enabled=True, is_default=False)
    counted = (
        enabled.annotate(is_busy=Exists(serving(operator=OuterRef("pk"))))
        .values("workspace_id")
        .annotate(all=Count("pk"), busy=Count("pk", filter=Q(is_busy=True)))
    )
    fleets = {row["workspace_id"]: row["all"] == row["busy"] for row in counted}
    holding = set(serving(operator_workspace__in=ids, environment=environment).values_list("operator_workspace_id", flat=True))
    return {pk for pk, all_busy in fleets.items() if all_busy} | {pk for pk in holding if pk not in fleets}
