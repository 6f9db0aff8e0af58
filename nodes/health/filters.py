"""Filters, sorts and facets of health events."""

from config.kernel.filters import Choice, FilterSet, Flag, Moment, Text, Uuid
from nodes.health.states import Condition, EventStatus, Severity


class HealthEventFilters(FilterSet):
    type = Text("type")
    severity = Choice("severity", choices=Severity)
    status = Choice("status", choices=EventStatus)
    condition = Choice("condition", choices=Condition)
    site_id = Uuid("site_id")
    node_id = Uuid("node_id")
    interface_id = Uuid("interface_id")
    recording_id = Uuid("recording_id")
    schedule_id = Uuid("schedule_id")
    flapping = Flag("flapping")
    opened_from = Moment("opened_at__gte")
    opened_to = Moment("opened_at__lt")
    search_fields = ("type", "message")
    sorts = {"openedAt": "opened_at", "lastSeenAt": "last_seen_at", "severity": "severity_rank"}
    default_sort = "-openedAt"
    facet_fields = {"type": "type", "severity": "severity", "status": "status", "condition": "condition", "siteId": "site_id", "nodeId": "node_id"}
