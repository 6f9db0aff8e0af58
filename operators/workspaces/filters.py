"""Filters, search and sorts of workspaces, members and keys."""

from django.db.models import Q

from config.kernel import clock
from config.kernel.filters import AllOf, Choice, Filter, FilterSet, Flag
from operators.workspaces.states import Environment, MemberRole, WorkspaceRole


class _Holds(AllOf):
    """Repeated values must all be among a workspace's roles."""

    def __init__(self, lookup: str, *, doc: str = ""):
        super().__init__(lookup, doc=doc)
        self.schema = {"type": "string", "enum": WorkspaceRole.values}

    def parse(self, text):
        if text not in WorkspaceRole.values:
            raise ValueError(f"must be one of {', '.join(WorkspaceRole.values)}")
        return text


class _Suspended(Flag):
    def q(self, values):
        return Q() if len(set(values)) > 1 else Q(suspended_at__isnull=not values[0])


class _Live(Flag):
    """Keys that still work."""

    def apply(self, queryset, values):
        if len(set(values)) > 1:
            return queryset
        live = queryset.model.objects.live(clock.now())
        return queryset.filter(pk__in=live.values("pk")) if values[0] else queryset.exclude(pk__in=live.values("pk"))


class WorkspaceFilters(FilterSet):
    """By what they do; search in slug and name."""

    role = _Holds("roles", doc="CONSUMER or SUPPLIER; repeated: both.")
    suspended = _Suspended("suspended_at", doc="Whether its members and keys are refused.")
    search_fields = ("slug", "name")
    sorts = {"name": "name", "slug": "slug", "createdAt": "created_at"}
    default_sort = "name"


class MemberFilters(FilterSet):
    """By role; search in names."""

    role = Choice("role", choices=MemberRole)
    search_fields = ("user__name",)
    sorts = {"createdAt": "created_at", "role": "role"}
    default_sort = "createdAt"


class KeyFilters(FilterSet):
    """By world and whether they work; search in labels."""

    environment = Choice("environment", choices=Environment)
    live: Filter = _Live("pk", doc="Neither expired nor revoked; a grace period still counts as live.")
    search_fields = ("label",)
    sorts = {"createdAt": "created_at", "label": "label"}
    default_sort = "-createdAt"
