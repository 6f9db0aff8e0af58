"""`/sessions`: asking, finding somebody, starting, ending (05 §2). Their media, telemetry, meter and money have routes of their own."""

from rest_framework.response import Response

from config.kernel import clock, pagination, wire
from config.kernel.access import Kind, Perm, Route, ports
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.exports import Money
from config.kernel.facets import facets
from config.kernel.serializers import NoBody
from config.kernel.viewsets import ExportMixin, FacetsMixin, ListMixin, TallyViewSet
from operators.workspaces.selectors import workspaces
from operators.workspaces.states import WorkspaceRole
from sessions.field import actions, joins, live, parties, selectors, services
from sessions.field.filters import SessionEventFilters, SessionFilters
from sessions.field.models import FieldSession
from sessions.field.routes import PARTIES, SIDE_ERRORS, SessionRoutes
from sessions.field.serializers import (
    CancelledAll,
    CandidateShape,
    DispatchBody,
    OperatorChoice,
    PublishShape,
    SessionBody,
    SessionEventShape,
    SessionShape,
    SessionStartBody,
    StartedShape,
    TallyShape,
    ViewShape,
    wish_of,
)
from sessions.field.states import SessionState, Side

_EITHER = (Perm.SESSIONS_CREATE, Perm.SESSIONS_OPERATE)
_BOTH_KINDS = {"kinds": frozenset({Kind.USER, Kind.API_KEY})}
_PROVIDER = ("provider_error", "provider_unavailable", "provider_timeout")
_CREATE = (
    "insufficient_pool", "quote_expired", "quote_used", "quote_mismatch", "rate_above_max", "reference_not_found", "trust_tier_unsupported",
    "environment_mismatch", "workspace_role_required", "workspace_suspended",
)  # fmt: skip
_NO_STORE = {"Cache-Control": "no-store"}


def _money(micro: int | None) -> Money | None:
    return None if micro is None else Money(micro)


class SessionViewSet(ListMixin, FacetsMixin, ExportMixin, SessionRoutes):
    """Field sessions: a consumer asks for live video from a place, a supplier serves it, each clean second is paid."""

    routes = {
        "list": Route(Perm.SESSIONS_READ),
        "facets": Route(Perm.SESSIONS_READ),
        "export": Route(Perm.SESSIONS_READ),
        "export_selected": Route(Perm.SESSIONS_READ, exempt="reads"),
        "create": Route(Perm.SESSIONS_CREATE, exempt=PARTIES, errors=_CREATE),
        "retrieve": Route(Perm.SESSIONS_READ),
        "actions": Route(Perm.SESSIONS_READ),
        "tally": Route(Perm.SESSIONS_READ),
        "candidates": Route(Perm.SESSIONS_CREATE, errors=("invalid_state", *SIDE_ERRORS)),
        "dispatch_": Route(
            Perm.SESSIONS_CREATE,
            exempt=PARTIES,
            errors=("invalid_state", "operator_not_eligible", "no_coverage", "reference_not_found", *SIDE_ERRORS),
        ),
        "accept": Route(
            Perm.SESSIONS_OPERATE,
            exempt=PARTIES,
            errors=("invalid_state", "operator_busy", "operator_disabled", "reference_not_found", "workspace_role_required", *SIDE_ERRORS),
        ),
        "start": Route(
            Perm.SESSIONS_OPERATE,
            exempt=PARTIES,
            errors=("invalid_state", "position_not_admitted", "start_in_progress", "hold_pending", *_PROVIDER, *SIDE_ERRORS),
        ),
        "producer_token": Route(Perm.SESSIONS_OPERATE, errors=("invalid_state", "not_started", *SIDE_ERRORS)),
        "viewer_token": Route(Perm.SESSIONS_READ, errors=("invalid_state", "not_started", "concurrency_limit_reached")),
        "end": Route(**_BOTH_KINDS, exempt=PARTIES, errors=("permission_denied", "invalid_state", *SIDE_ERRORS)),
        "destroy": Route(**_BOTH_KINDS, exempt=PARTIES, errors=("permission_denied", "invalid_state", *SIDE_ERRORS)),
        "cancel_all": Route(Perm.SESSIONS_OPERATE, exempt=PARTIES, errors=("reference_not_found", "workspace_role_required", "workspace_suspended")),
    }
    either = {"end": _EITHER, "destroy": _EITHER}
    filters = SessionFilters
    serializer_class = SessionShape
    resource = "sessions"
    export_name = "session"
    export_columns = [
        ("id", lambda row: row.pk),
        ("environment", lambda row: row.environment),
        ("state", lambda row: row.state),
        ("end_reason", lambda row: row.end_reason),
        ("label", lambda row: row.label),
        ("mode", lambda row: row.mode),
        ("lat", lambda row: row.lat),
        ("lng", lambda row: row.lng),
        ("consumer_workspace_id", lambda row: row.consumer_workspace_id if row.reached else None),
        ("operator_workspace_id", lambda row: row.operator_workspace_id or row.wanted_workspace_id),
        ("operator_id", lambda row: row.operator_id),
        ("created_at", lambda row: row.created_at),
        ("assigned_at", lambda row: row.assigned_at),
        ("started_at", lambda row: row.started_at),
        ("ended_at", lambda row: row.ended_at),
        ("metered_seconds", lambda row: row.metered_seconds),
        ("clean_seconds", lambda row: row.clean_seconds),
        ("failed_seconds", lambda row: row.failed_seconds),
        ("rate_per_second_micro_usdc", lambda row: _money(row.rate_micro)),
        ("charged_micro_usdc", lambda row: _money(row.gross_micro)),
        ("operator_earned_micro_usdc", lambda row: _money(row.operator_micro)),
        ("fee_micro_usdc", lambda row: _money(row.fee_micro)),
        ("external_ref", lambda row: row.external_ref if row.reached else None),
    ]

    @property
    def stores_replies(self) -> bool:
        """A start asks a provider in between, so it can't be one transaction; a repeat gives the same URLs anyway."""
        return self.action != "start"

    @property
    def one_transaction(self) -> bool:
        """Calling off all is a transaction for each: together they would hold a topic's number while they wait for the next session."""
        return self.action != "cancel_all"

    # --- lists ------------------------------------------------------------------------------------------------------------------

    def listed(self):
        """What the list is about: `side` and `view` narrow by who asks."""
        rows = super().rows()
        asked = self.request.GET
        wanted = set(asked.getlist("side"))
        if wanted and wanted != {"consumer", "operator"}:
            held = parties.held_in(self.actor, Perm.SESSIONS_READ)
            column = "consumer_workspace" if wanted == {"consumer"} else "operator_workspace"
            rows = rows.filter(**{f"{column}__in": held})
        if "open" in asked.getlist("view"):
            suppliers = selectors.suppliers_of(self.actor, Perm.SESSIONS_READ)
            condition = selectors.open_to(self.actor, Perm.SESSIONS_READ)
            rows = selectors.covered(rows.filter(condition), suppliers) if condition else rows.none()
        return rows

    def rows(self, permission=None):
        return self.listed() if self.action in {"list", "facets", "export"} and permission is None else super().rows(permission)

    @extend_schema(responses={200: dict})
    def facets(self, request):
        return Response(facets(self.listed(), self.filters(request.GET)))

    # --- one session ------------------------------------------------------------------------------------------------------------

    def retrieve(self, request, id):  # noqa: A002 - the path's name
        session = self.get_object()
        shape = self.shape(session)
        if session.state == SessionState.LIVE:
            now = live.meter_of(session)
            shape |= {
                "meteredSeconds": now["metered_seconds"], "cleanSeconds": now["clean_seconds"], "failedSeconds": now["failed_seconds"],
                "chargedMicroUsdc": now["charged_micro_usdc"], "operatorEarnedMicroUsdc": now["operator_earned_micro_usdc"],
                "feeMicroUsdc": now["fee_micro_usdc"],
            }  # fmt: skip
        return Response(shape)

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        return Response(actions.of(self.actor, self.get_object()))

    @extend_schema(responses={200: TallyShape})
    def tally(self, request, id):  # noqa: A002
        return Response(self.shape(self.get_object(), TallyShape))

    # --- asking, and finding somebody -------------------------------------------------------------------------------------------

    @extend_schema(request=SessionBody, responses={201: SessionShape})
    def create(self, request):
        parties.demand_role(self.actor, Perm.SESSIONS_CREATE, WorkspaceRole.CONSUMER)
        body = self.body(SessionBody)
        environment = parties.environment_for(self.actor, body.get("environment"))
        workspace = parties.acting_workspace(self.actor, Perm.SESSIONS_CREATE, WorkspaceRole.CONSUMER, body.get("workspace"))
        wish = wish_of(body)
        joins.demand_tier(wish["required_trust_tier"])
        wish["wanted_workspace"] = self._wanted(body.get("operator_workspace_id"))
        session = services.create(actor=self.actor, workspace=workspace, environment=environment, wish=wish, quote_id=body.get("quote_id"))
        return Response(self.shape(session), status=201, headers={"Location": f"/api/v1/sessions/{session.pk}"})

    @staticmethod
    def _wanted(workspace_id):
        if workspace_id is None:
            return None
        found = workspaces().filter(pk=workspace_id, roles__contains=[WorkspaceRole.SUPPLIER]).first()
        if found is None:
            raise ApiError("reference_not_found", data={"path": "operatorWorkspaceId"})
        return found

    @extend_schema(responses={200: CandidateShape(many=True)})
    def candidates(self, request, id):  # noqa: A002
        session, now = self.acting(Side.CONSUMER), clock.now()
        self.settling(lambda: services.demand_requested("candidates", session, now))
        found = services.candidates(session, now)[: services.CANDIDATES]
        rows = [_Listed(one, now) for one in found]
        return pagination.Page(self.shape(rows, CandidateShape, many=True), limit=services.CANDIDATES, next_cursor=None)

    @extend_schema(operation_id="sessions_dispatch_create", request=DispatchBody, responses={200: SessionShape})
    def dispatch_(self, request, id):  # noqa: A002
        session = self.acting(Side.CONSUMER)
        operator_id = self.body(DispatchBody).get("operator_id")
        return self._answer(lambda: services.dispatch(actor=self.actor, session_id=session.pk, operator_id=operator_id))

    @extend_schema(request=OperatorChoice, responses={200: SessionShape})
    def accept(self, request, id):  # noqa: A002
        session = self._taken_or_open()
        parties.demand_role(self.actor, Perm.SESSIONS_OPERATE, WorkspaceRole.SUPPLIER)
        operator = self.body(OperatorChoice).get("operator")
        workspace = parties.serving_workspace(self.actor, session, operator.workspace if operator else None)
        facts = {"session_id": session.pk, "workspace": workspace, "operator_id": operator.pk if operator else None}
        return self._answer(lambda: services.accept(actor=self.actor, **facts))

    def _taken_or_open(self) -> FieldSession:
        """Whoever lost the race for a request that was open to them is told so."""
        condition = selectors.was_open_to(self.actor, Perm.SESSIONS_OPERATE)
        found = self.get_queryset().filter(condition, pk=self.kwargs["id"]).first() if condition else None
        return found or self.get_object()

    def _answer(self, call) -> Response:
        return Response(self.shape(self.settling(call)))

    # --- media ------------------------------------------------------------------------------------------------------------------

    @extend_schema(request=SessionStartBody, responses={200: StartedShape})
    def start(self, request, id):  # noqa: A002
        session = self.acting(Side.OPERATOR)
        body = self.body(SessionStartBody)
        session, opened = self.settling(lambda: services.start(actor=self.actor, session_id=session.pk, provenance=body.get("provenance")))
        fresh = self.get_queryset().get(pk=session.pk)
        shown = {"session": fresh, **_parts(opened, "video_backend_ref", "whip_url", "whep_url", "edge")}
        return Response(self.shape(shown, StartedShape), headers=_NO_STORE)

    @extend_schema(responses={200: PublishShape})
    def producer_token(self, request, id):  # noqa: A002
        session = self.acting(Side.OPERATOR)
        opened = self.settling(lambda: services.publish_access(actor=self.actor, session=session))
        return Response(self.shape(_parts(opened, "video_backend_ref", "whip_url", "edge"), PublishShape), headers=_NO_STORE)

    @extend_schema(responses={200: ViewShape})
    def viewer_token(self, request, id):  # noqa: A002
        session = self.get_object()
        side = self._viewing_for(session)
        seen = self.settling(lambda: services.viewer_access(actor=self.actor, session=session, workspace=side))
        return Response(self.shape({**_parts(seen, "video_backend_ref", "whep_url", "expires_at"), **seen.extra}, ViewShape), headers=_NO_STORE)

    def _viewing_for(self, session: FieldSession):
        """The side that looks; None: the installation."""
        held = parties.held_in(self.actor, Perm.SESSIONS_READ)
        return next((side for side in (session.consumer_workspace, session.operator_workspace) if side is not None and side.pk in held), None)

    # --- over -------------------------------------------------------------------------------------------------------------------

    @extend_schema(request=NoBody, responses={200: SessionShape})
    def end(self, request, id):  # noqa: A002
        session = self.acting(Side.CONSUMER, Side.OPERATOR, Side.INSTALLATION)
        self.body(NoBody)
        return self._over(lambda: services.end(actor=self.actor, session_id=session.pk, side=self.side))

    @extend_schema(responses={200: SessionShape})
    def destroy(self, request, id):  # noqa: A002
        session = self.get_object()
        self.acting(*actions.cancelling(session), session=session)
        return self._over(lambda: services.cancel(actor=self.actor, session_id=session.pk, side=self.side))

    def _over(self, call) -> Response:
        return Response(self.shape(self.get_queryset().get(pk=self.settling(call).pk)))

    @extend_schema(request=OperatorChoice, responses={200: CancelledAll})
    def cancel_all(self, request):
        parties.demand_role(self.actor, Perm.SESSIONS_OPERATE, WorkspaceRole.SUPPLIER)
        operator = self.body(OperatorChoice).get("operator")
        workspace = parties.acting_workspace(self.actor, Perm.SESSIONS_OPERATE, WorkspaceRole.SUPPLIER, operator.workspace if operator else None)
        facts = {"environment": self.actor.environment, "operator_id": operator.pk if operator else None}
        gone = services.cancel_all(actor=self.actor, workspace=workspace, **facts)
        rows = [{"id": session.pk, "operator_id": session.operator_id} for session in gone]
        return Response(self.shape({"count": len(rows), "cancelled": rows}, CancelledAll))


class _Listed:
    """A candidate with how long it has been idle."""

    def __init__(self, candidate, now):
        self.operator, self.rounded_meters = candidate.operator, candidate.rounded_meters
        since = candidate.operator.idle_since or candidate.operator.created_at
        self.idle_seconds = max(0, int((now - since).total_seconds()))


def _parts(found, *names: str) -> dict:
    return {name: getattr(found, name) for name in names}


class SessionEventViewSet(ListMixin, FacetsMixin, ExportMixin, TallyViewSet):
    """The history of a session, for its sides and whoever of the installation reaches it."""

    routes = {
        "list": Route(Perm.SESSIONS_READ),
        "facets": Route(Perm.SESSIONS_READ),
        "export": Route(Perm.SESSIONS_READ),
        "export_selected": Route(Perm.SESSIONS_READ, exempt="reads"),
    }
    filters = SessionEventFilters
    serializer_class = SessionEventShape
    export_name = "session.event"
    export_columns = [
        ("id", lambda row: row.pk),
        ("sequence", lambda row: row.sequence),
        ("type", lambda row: row.type),
        ("at", lambda row: row.at),
        ("data", lambda row: wire.dumps(row.data).decode()),
    ]

    def get_queryset(self):
        return selectors.events(self.kwargs.get("id"))

    def queryset_is_scoped(self) -> bool:
        """The path names the session, not one of these rows."""
        return False

    def rows(self, permission=None):
        reached = ports.scoped(selectors.sessions().filter(pk=self.kwargs["id"]), self.actor, Perm.SESSIONS_READ)
        if not reached.exists():
            raise ApiError("not_found", about=[(FieldSession, self.kwargs["id"])])
        return self.get_queryset()
