"""Filters of the room's people and of its history."""

from config.kernel.filters import Choice, FilterSet, Moment, Text
from operators.console.states import InviteKind, ProductionRole


class OperatorFilters(FilterSet):
    role = Choice("role", choices=ProductionRole)
    search_fields = ("name",)
    sorts = {"createdAt": "created_at", "name": "name_key"}
    default_sort = "createdAt"


class InviteFilters(FilterSet):
    kind = Choice("kind", choices=InviteKind)
    role = Choice("role", choices=ProductionRole)
    search_fields = ("label", "created_by_label")
    sorts = {"createdAt": "created_at"}
    default_sort = "-createdAt"


class EventFilters(FilterSet):
    type = Text("event", doc="Name of the event, as `lock.acquired`.")
    actor = Text("actor_id", doc="Id of who did it.")
    from_ = Moment("at__gte")
    to = Moment("at__lt")
    search_fields = ("event", "actor_name")
    sorts = {"seq": "seq"}
    default_sort = "-seq"
    facet_fields = {"type": "event", "actor": "actor_id"}
