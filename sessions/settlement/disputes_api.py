"""Disputes and credit notes, below `/sessions/:id` (05 §10)."""

from rest_framework.response import Response

from config.kernel.access import Perm, Route, ports, refusal
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from sessions.field.models import FieldSession
from sessions.field.routes import SIDE_ERRORS, SessionRoutes
from sessions.field.states import Side
from sessions.settlement import disputes
from sessions.settlement.serializers import CreditNoteShape, DisputeBody, DisputeShape, RejectBody, VoidBody

_BOOKS = "accounting, no production command"
_RIGHTS = "the parties' money, no production command"


class DisputeViewSet(SessionRoutes):
    """A consumer objects; the installation rejects, or gives money back by a credit note."""

    routes = {
        "create": Route(Perm.SESSIONS_CREATE, exempt=_RIGHTS, errors=("invalid_state", "dispute_exists", "dispute_window_closed", *SIDE_ERRORS)),
        "retrieve": Route(Perm.SESSIONS_READ),
        "reject": Route(Perm.SETTLEMENT_VOID, exempt=_BOOKS, errors=("no_open_dispute",)),
        "void": Route(
            Perm.SETTLEMENT_VOID,
            exempt=_BOOKS,
            errors=("invalid_state", "already_credited", "dispute_window_closed", "settlement_not_confirmed", "insufficient_pool"),
        ),
    }
    serializer_class = DisputeShape

    @extend_schema(request=DisputeBody, responses={201: DisputeShape})
    def create(self, request, id):  # noqa: A002 - the path's name
        session = self.acting(Side.CONSUMER)
        reason = self.body(DisputeBody)["reason"]
        dispute = self.settling(lambda: disputes.open_dispute(actor=self.actor, session_id=session.pk, reason=reason))
        return Response(self.shape(dispute), status=201, headers={"Location": f"/api/v1/sessions/{session.pk}/dispute"})

    @extend_schema(responses={200: DisputeShape})
    def retrieve(self, request, id):  # noqa: A002
        session = self._own(Perm.SESSIONS_READ)
        return Response(self.shape(disputes.of(session)))

    @extend_schema(request=RejectBody, responses={200: DisputeShape})
    def reject(self, request, id):  # noqa: A002
        session = self._own(Perm.SETTLEMENT_VOID)
        return Response(self.shape(disputes.reject(actor=self.actor, session_id=session.pk, **self.body(RejectBody))))

    @extend_schema(request=VoidBody, responses={201: CreditNoteShape})
    def void(self, request, id):  # noqa: A002
        session = self._own(Perm.SETTLEMENT_VOID)
        body = self.body(VoidBody)
        note = self.settling(lambda: disputes.void(actor=self.actor, session_id=session.pk, **body))
        return Response(self.shape(note, CreditNoteShape), status=201, headers={"Location": f"/api/v1/settlements/{session.pk}"})

    def _own(self, permission: Perm) -> FieldSession:
        """The session, if this permission reaches it: an open request in sight is not enough. 404, or 403 for who may only read."""
        session = self.get_object()
        if not ports.scoped(self.get_queryset(), self.actor, permission).filter(pk=session.pk).exists():
            if permission == Perm.SESSIONS_READ:
                raise ApiError("not_found")
            raise refusal(self.actor, permission, session)
        return session
