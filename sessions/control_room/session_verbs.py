"""`/control-room/sessions/:id/{dispatch,cancel,end}`: the verbs of a session for its consumer's workspace, bound by the lock of `switching`."""

from rest_framework.response import Response

from config.kernel.access import Subsystem
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.serializers import NoBody
from operators.console import lock_guard, room
from operators.console.identity import operator_of
from sessions.control_room import sources
from sessions.control_room.routes import command
from sessions.field import services
from sessions.field.models import FieldSession
from sessions.field.routes import SessionRoutes
from sessions.field.serializers import DispatchBody, SessionShape
from sessions.field.states import Side


class SessionVerbViewSet(SessionRoutes):
    """Sessions in the reach of the room, whoever of it asks."""

    routes = {
        "dispatch_": command(Subsystem.SWITCHING, "invalid_state", "operator_not_eligible", "no_coverage", "reference_not_found"),
        "cancel": command(Subsystem.SWITCHING, "invalid_state"),
        "end": command(Subsystem.SWITCHING, "invalid_state"),
    }
    serializer_class = SessionShape
    resource = "sessions"

    def rows(self, permission=None):
        return sources.in_reach(room.main())

    def get_object(self) -> FieldSession:
        found = self.rows().filter(pk=self.kwargs["id"]).first()
        if found is None:
            raise ApiError("not_found", about=[("session", self.kwargs["id"])])
        return found

    @extend_schema(operation_id="control_room_sessions_dispatch_create", request=DispatchBody, responses={200: SessionShape})
    def dispatch_(self, request, id):  # noqa: A002 - the path's name
        session = self.get_object()
        operator_id = self.body(DispatchBody).get("operator_id")
        return self._answer(lambda: services.dispatch(actor=self.actor, session_id=session.pk, operator_id=operator_id, before_told=self._command))

    @extend_schema(request=NoBody, responses={200: SessionShape})
    def cancel(self, request, id):  # noqa: A002
        return self._over(services.cancel)

    @extend_schema(request=NoBody, responses={200: SessionShape})
    def end(self, request, id):  # noqa: A002
        return self._over(services.end)

    def _over(self, verb) -> Response:
        session = self.get_object()
        self.body(NoBody)
        return self._answer(lambda: verb(actor=self.actor, session_id=session.pk, side=Side.CONSUMER, before_told=self._command))

    def _answer(self, call) -> Response:
        return Response(self.shape(self.get_queryset().get(pk=self.settling(call).pk)))

    def _command(self, session: FieldSession) -> None:
        """The lock once more, under the room's row, and the history's line; after all rows of the verb, before its topics."""
        operator = operator_of(self.actor)
        where = lock_guard.hold(operator, Subsystem.SWITCHING)
        target = {"type": "session", "id": str(session.pk), "label": sources.label_of(session)}
        facts = {"subsystem": Subsystem.SWITCHING, "action": self.action.rstrip("_"), "target": target}
        room.changed(where, "command.made", facts, room.by(self.actor, operator))
