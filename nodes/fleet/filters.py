"""Filters, sorts and facets of sites and nodes."""

from django.db.models import Exists, OuterRef

from config.kernel.filters import Choice, Each, FilterSet, Flag, Moment, Text, Uuid
from nodes.fleet import states
from nodes.fleet.models import Interface


class SiteFilters(FilterSet):
    slug = Text("slug")
    timezone = Text("timezone", doc="An IANA name.")
    search_fields = ("name", "slug", "notes")
    sorts = {"name": "name", "createdAt": "created_at"}
    default_sort = "name"


class RoomFilters(FilterSet):
    site_id = Uuid("site_id")
    search_fields = ("name",)
    sorts = {"name": "name"}
    default_sort = "name"


class _HasBackend(Choice):
    """Nodes with an interface of one of these backends, each once."""

    def apply(self, queryset, values):
        return queryset.filter(Exists(Interface.objects.filter(node=OuterRef("pk"), backend__in=values)))


class _Retired(Flag):
    def apply(self, queryset, values):
        return queryset.filter(retired_at__isnull=not any(values)) if len(set(values)) == 1 else queryset


class _Tag(Text):
    """Nodes with any of these tags."""

    def q(self, values):
        return super().q([[value] for value in values])


class NodeFilters(FilterSet):
    """Retired nodes are left out unless asked for (`retired=true`; both values: all)."""

    backend = _HasBackend("interfaces__backend", choices=states.Backend)
    building = Text("building")
    floor = Text("floor")
    room = Text("room__name")
    site_id = Uuid("site_id")
    status = Choice("status", choices=states.NodeStatus)
    tag = _Tag("tags__contains")
    agent_version = Text("state__agent_version")
    last_seen_from = Moment("state__last_seen_at__gte")
    last_seen_to = Moment("state__last_seen_at__lt")
    retired = _Retired("retired_at__isnull")
    search_fields = ("alias", "state__hostname", "notes")
    sorts = {"alias": "alias", "status": "status", "lastSeenAt": "seen_sort"}
    default_sort = "alias"
    facet_fields = {
        "siteId": "site_id",
        "building": "building",
        "floor": "floor",
        "room": "room__name",
        "status": "status",
        "backend": "interfaces__backend",
        "tag": Each("tags"),
        "agentVersion": "state__agent_version",
    }

    def __init__(self, query):
        super().__init__(query)
        self.values.setdefault("retired", [False])

    @property
    def reveals(self) -> bool:
        """Whether anything but status is asked for: then nodes of which only a part is in reach cannot take part without telling more."""
        return bool(self.text) or bool(set(self.values) - {"status", "retired"})
