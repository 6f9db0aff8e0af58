"""`GET /pricing/quote` (05 §8)."""

from rest_framework.response import Response

from config.kernel.access import Kind, Perm, Route, holds
from config.kernel.documenting import extend_schema
from config.kernel.errors import FieldError
from config.kernel.viewsets import TallyViewSet
from sessions.field.geography import Point
from sessions.pricing import services
from sessions.pricing.serializers import QuoteQuery, QuoteShape
from sessions.settlement.parties import environment_of, workspace_of


class QuoteViewSet(TallyViewSet):
    """What a second costs at a place, promised to one workspace for half a minute."""

    routes = {
        "quote": Route(Perm.PRICING_READ, query=("lat", "lng", "durationSeconds", "environment", "workspaceId"), errors=("environment_mismatch",))
    }
    serializer_class = QuoteShape

    @extend_schema(responses={200: QuoteShape})
    def quote(self, request):
        query = QuoteQuery(data={name: value for name, value in request.GET.items() if name != "workspaceId"})
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        environment = environment_of(self.actor, asked.get("environment"))
        made = services.quote(
            workspace=self._workspace(), environment=environment, point=Point(asked["lat"], asked["lng"]), duration_seconds=asked["duration_seconds"]
        )  # fmt: skip
        return Response(self.shape(made), headers={"Cache-Control": "no-store"})

    def _workspace(self):
        """For whom; roles of the installation may look at a price for nobody."""
        given = self.request.GET.get("workspaceId")
        try:
            return workspace_of(self.actor, given, Perm.PRICING_READ)
        except FieldError:
            if given is None and self.actor.kind is not Kind.API_KEY and holds(self.actor, Perm.PRICING_READ):
                return None
            raise
