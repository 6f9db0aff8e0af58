"""`/control-room/…`: state, actions, history; and the party line's routes until there is one (04 §4–5)."""

from rest_framework.response import Response

from config.kernel.access import Perm, Route
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.instant import one_instant
from config.kernel.names import camelized
from config.kernel.serializers import NoBody
from config.kernel.viewsets import ExportMixin, FacetsMixin, ListMixin, TallyViewSet
from operators.console import commands, history, room, state
from operators.console.filters import EventFilters
from operators.console.identity import IN_THE_ROOM, require_operator
from operators.console.serializers import EventShape, MuteBody

_TALK = "everyone may talk"


class ControlRoomViewSet(TallyViewSet):
    """The room as it is, and what may be done in it."""

    routes = {"state": Route(Perm.CONTROL_ROOM_READ), "actions": Route(Perm.CONTROL_ROOM_READ)}

    def get_queryset(self):
        return room.every()

    @extend_schema(responses={200: dict})
    def state(self, request):
        with one_instant():
            return Response(camelized(state.state()))

    @extend_schema(responses={200: dict})
    def actions(self, request):
        return Response({"actions": commands.states(self.actor)})


class EventViewSet(ListMixin, FacetsMixin, ExportMixin, TallyViewSet):
    """Everything that was done in the room, ninety days."""

    routes = {
        "list": Route(Perm.CONTROL_ROOM_READ),
        "facets": Route(Perm.CONTROL_ROOM_READ),
        # Of exports the one that a production role reads, too (04 §6).
        "export": Route(Perm.CONTROL_ROOM_READ, kinds=IN_THE_ROOM),
        "export_selected": Route(Perm.CONTROL_ROOM_READ, kinds=IN_THE_ROOM, exempt="reads"),
    }
    filters = EventFilters
    serializer_class = EventShape
    export_name = "control_room.event"
    export_columns = [
        ("seq", lambda row: row.seq),
        ("at", lambda row: row.at),
        ("event", lambda row: row.event),
        ("by_kind", lambda row: row.actor_kind),
        ("by_id", lambda row: row.actor_id),
        ("by_name", lambda row: row.actor_name),
        ("data", lambda row: row.data),
    ]

    def get_queryset(self):
        return history.events()


class CommsViewSet(TallyViewSet):
    """The party line: its contract stands, the line itself is not built."""

    routes = {
        name: Route(
            kinds=IN_THE_ROOM,
            exempt="" if name == "status" else _TALK,
            errors=("operator_required", "comms_unavailable"),
        )
        for name in ("join", "leave", "mute", "status")
    }

    def _unavailable(self):
        raise ApiError("comms_unavailable")

    @extend_schema(request=NoBody, responses={200: dict})
    def join(self, request):
        require_operator(self.actor)
        self.body(NoBody)
        self._unavailable()

    @extend_schema(request=NoBody, responses={204: None})
    def leave(self, request):
        require_operator(self.actor)
        self.body(NoBody)
        self._unavailable()

    @extend_schema(request=MuteBody, responses={200: dict})
    def mute(self, request):
        require_operator(self.actor)
        self.body(MuteBody)
        self._unavailable()

    @extend_schema(responses={200: dict})
    def status(self, request):
        require_operator(self.actor)
        self._unavailable()
