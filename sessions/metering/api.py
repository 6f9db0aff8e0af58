"""GET `/sessions/:id/meter` (05 §7)."""

from rest_framework.response import Response

from config.kernel import clock
from config.kernel.access import Perm, Route
from config.kernel.documenting import extend_schema
from sessions.field.routes import SessionRoutes
from sessions.metering import services
from sessions.metering.serializers import MeterShape


class MeterViewSet(SessionRoutes):
    """How the bill came about."""

    routes = {"retrieve": Route(Perm.SESSIONS_READ)}

    @extend_schema(responses={200: MeterShape})
    def retrieve(self, request, id):  # noqa: A002 - the path's name
        return Response(self.shape(services.reading(self.get_object(), clock.now()), MeterShape))
