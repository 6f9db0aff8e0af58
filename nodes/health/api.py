"""`/health-events` for people, and what recorder agents report."""

from rest_framework.response import Response

from config.kernel import pagination
from config.kernel.access import Perm, Route
from config.kernel.documenting import extend_schema
from config.kernel.names import camelized
from config.kernel.viewsets import ExportMixin, FacetsMixin, TallyViewSet
from nodes.fleet.agent_api import AgentViewSet, agent_route
from nodes.health import selectors, services, shapes
from nodes.health.filters import HealthEventFilters
from nodes.health.serializers import HealthEventShape, HealthReportBody, ReportedShape

EXPORT_COLUMNS = [
    ("id", lambda row: str(row.pk)),
    ("type", lambda row: row.type),
    ("severity", lambda row: row.severity),
    ("status", lambda row: row.status),
    ("condition", lambda row: row.condition),
    ("site", lambda row: row.site.name if row.site else None),
    ("node", lambda row: row.node.alias if row.node else None),
    ("interface", lambda row: row.interface.label if row.interface else None),
    ("channel", lambda row: row.channel_index),
    ("recording", lambda row: row.recording_label or row.recording_id and str(row.recording_id)),
    ("opened_at", lambda row: row.opened_at),
    ("last_seen_at", lambda row: row.last_seen_at),
    ("acknowledged_by", lambda row: row.acknowledged_by),
    ("suppressed_until", lambda row: row.suppressed_until),
    ("resolved_at", lambda row: row.resolved_at),
    ("resolved_by", lambda row: row.resolved_by),
    ("count", lambda row: row.count),
    ("flapping", lambda row: row.flapping),
    ("message", lambda row: row.message),
]


class HealthEventViewSet(FacetsMixin, ExportMixin, TallyViewSet):
    """What is or was wrong."""

    routes = {
        "list": Route(Perm.HEALTH_READ),
        "facets": Route(Perm.HEALTH_READ),
        "export": Route(Perm.HEALTH_READ),
        "export_selected": Route(Perm.HEALTH_READ, exempt="reads"),
        "retrieve": Route(Perm.HEALTH_READ),
    }
    filters = HealthEventFilters
    serializer_class = HealthEventShape
    export_name = "health.event"
    export_columns = EXPORT_COLUMNS

    def get_queryset(self):
        return selectors.events()

    @extend_schema(responses={200: HealthEventShape(many=True)})
    def list(self, request):
        chosen = self.filters(request.GET)
        rows, limit, cursor = pagination.page(chosen.apply(self.rows()), request, chosen)
        return pagination.Page([camelized(shapes.event(row)) for row in rows], limit=limit, next_cursor=cursor)

    @extend_schema(responses={200: HealthEventShape})
    def retrieve(self, request, id):  # noqa: A002 - the path's name
        return Response(camelized(shapes.event(self.get_object())))


class HealthReportViewSet(AgentViewSet):
    """POST /nodes/:id/health-events."""

    routes = {
        "report": agent_route(Perm.HEALTH_ACKNOWLEDGE, exempt="a machine's report", errors=("event_type_reserved", "not_found")),
    }

    @extend_schema(request=HealthReportBody, responses={200: ReportedShape, 201: ReportedShape})
    def report(self, request, id):  # noqa: A002
        event, made = services.report(actor=self.actor, node=self.node, body=self.body(HealthReportBody))
        shown = camelized(shapes.event(event)) if event is not None else None
        # The end of what never began is taken, and leaves nothing.
        headers = {"Location": f"/api/v1/health-events/{event.pk}"} if made and event is not None else None
        return Response({"event": shown}, status=201 if made else 200, headers=headers)
