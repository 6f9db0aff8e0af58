"""`GET /status`: the house at a glance."""

from rest_framework.response import Response

from config.kernel.access import Perm, Route
from config.kernel.documenting import extend_schema
from config.kernel.names import camelized
from config.kernel.status import status
from config.kernel.viewsets import TallyViewSet


class StatusViewSet(TallyViewSet):
    routes = {"status": Route(Perm.NODE_READ)}

    @extend_schema(responses={200: dict})
    def status(self, request):
        return Response(camelized(status(self.actor)))
