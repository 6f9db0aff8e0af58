"""Filters of field sessions. `side` and `view` depend on who asks: the viewset applies them."""

from config.kernel.filters import Choice, FilterSet, Moment, Uuid
from operators.workspaces.states import Environment
from sessions.field.states import Mode, SessionEventType, SessionState, Side


class _ForTheViewset(Choice):
    """Known here, so that cursors are bound to it; what it means depends on the actor."""

    def __init__(self, *, choices, doc: str):
        super().__init__("pk", choices=choices, doc=doc)

    def apply(self, queryset, values):
        return queryset


class SessionFilters(FilterSet):
    """By state, side, mode, operator and age; `view=open`: open requests that my operators cover."""

    state = Choice("state", choices=SessionState)
    side = _ForTheViewset(choices=(Side.CONSUMER, Side.OPERATOR), doc="What my workspaces requested (consumer), or serve (operator).")
    mode = Choice("mode", choices=Mode)
    operator_id = Uuid("operator_id")
    environment = Choice("environment", choices=Environment)
    created_from = Moment("created_at__gte")
    created_to = Moment("created_at__lt")
    view = _ForTheViewset(choices=("open",), doc="`open`: requests whose point an operator of mine covers.")
    search_fields = ("label",)
    sorts = {"createdAt": "created_at"}
    default_sort = "-createdAt"
    facet_fields = {"state": "state", "mode": "mode", "environment": "environment"}


class SessionEventFilters(FilterSet):
    """By what happened; in its order."""

    type = Choice("type", choices=SessionEventType)
    # Not by who did it: either side sees what happened, not each other's people.
    search_fields = ("type", "to_state")
    sorts = {"sequence": "sequence"}
    default_sort = "sequence"
    facet_fields = {"type": "type"}
