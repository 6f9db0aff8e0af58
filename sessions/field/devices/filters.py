"""Filters of device operators and of their keys."""

from config.kernel.filters import Choice, FilterSet, Flag, Uuid
from operators.workspaces.states import Availability, DeviceKind, Environment


class OperatorFilters(FilterSet):
    """By kind, state and workspace; search in labels."""

    kind = Choice("kind", choices=DeviceKind)
    enabled = Flag("enabled")
    availability_state = Choice("availability", choices=Availability)
    environment = Choice("environment", choices=Environment)
    workspace_id = Uuid("workspace_id")
    search_fields = ("label",)
    sorts = {"label": "label", "createdAt": "created_at", "lastSeenAt": "seen_sort"}
    default_sort = "label"
    facet_fields = {"kind": "kind", "enabled": "enabled", "availabilityState": "availability", "environment": "environment"}


class _Active(Flag):
    """Not revoked."""

    def apply(self, queryset, values):
        return queryset if len(set(values)) > 1 else queryset.filter(revoked_at__isnull=values[0])


class DeviceKeyFilters(FilterSet):
    """Whether they still count."""

    active = _Active("revoked_at", doc="Whether its signatures count.")
    search_fields = ("address",)
    sorts = {"createdAt": "created_at"}
    default_sort = "createdAt"
    facet_fields = {"active": "is_active"}
