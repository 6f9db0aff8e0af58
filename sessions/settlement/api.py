"""`/settlements/:sessionId…` (05 §2, §9)."""

from rest_framework.response import Response

from config.kernel.access import Perm, Route
from config.kernel.actions import Action, states
from config.kernel.documenting import extend_schema
from config.kernel.serializers import NoBody
from config.kernel.viewsets import TallyViewSet
from sessions.field.models import FieldSession
from sessions.field.selectors import in_reach
from sessions.settlement import selectors, services
from sessions.settlement.serializers import SettlementShape
from sessions.settlement.states import SettlementState

_BOOKS = "accounting, no production command"


def shape_of(session: FieldSession) -> dict:
    """What `GET /settlements/:sessionId` says of a session."""
    settlement, note = getattr(session, "settlement", None), getattr(session, "credit_note", None)
    told = {"session_id": session.pk, "state": settlement.state if settlement else SettlementState.NOT_READY.value}
    for name in ("gross", "operator", "fee"):
        told[f"{name}_micro_usdc"] = getattr(settlement, f"{name}_micro") if settlement else 0
    if settlement:
        for name in ("tx_hash", "confirmed_at", "failure"):
            if value := getattr(settlement, name):
                told[name] = value
    return told | ({"credit_note": note} if note else {})


class SettlementViewSet(TallyViewSet):
    """How far the money of a session is, for both sides."""

    routes = {
        "retrieve": Route(Perm.WALLET_READ),
        "actions": Route(Perm.WALLET_READ),
        "retry": Route(Perm.WALLET_ADJUST, exempt=_BOOKS, errors=("invalid_state",)),
    }
    serializer_class = SettlementShape
    read_permission = Perm.WALLET_READ
    lookup_url_kwarg = "session_id"

    def get_queryset(self):
        return selectors.sessions()

    def rows(self, permission=None):
        """Both sides, the installation, and suppliers to whom the request is open: that nothing is settled yet is no secret."""
        return in_reach(self.get_queryset(), self.actor, permission or self.route.permission)

    @extend_schema(responses={200: SettlementShape})
    def retrieve(self, request, session_id):
        return Response(self.shape(shape_of(self.get_object())))

    @extend_schema(responses={200: dict})
    def actions(self, request, session_id):
        session = self.get_object()
        code = services.retry_refusal(shape_of(session)["state"])
        retry = Action("POST", Perm.WALLET_ADJUST, f"/api/v1/settlements/{session.pk}/retry", code)
        return Response(states({"retry": retry}, self.actor, session))

    @extend_schema(request=NoBody, responses={202: SettlementShape})
    def retry(self, request, session_id):
        session = self.get_object()
        self.body(NoBody)
        services.retry(actor=self.actor, session_id=session.pk)
        return Response(self.shape(shape_of(selectors.sessions().get(pk=session.pk))), status=202)
