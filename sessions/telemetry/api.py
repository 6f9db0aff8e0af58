"""`/sessions/:id/telemetry` and `/sessions/:id/provenance` (05 §6)."""

from drf_spectacular.types import OpenApiTypes
from rest_framework.response import Response

from config.kernel import clock, ratelimit
from config.kernel.access import Perm, Route
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.viewsets import ExportMixin, FacetsMixin, ListMixin
from sessions.field.models import FieldSession
from sessions.field.routes import PARTIES, SIDE_ERRORS, SessionRoutes
from sessions.field.states import Side
from sessions.telemetry import provenance, selectors, services, stills
from sessions.telemetry.filters import SampleFilters
from sessions.telemetry.samples import Malformed
from sessions.telemetry.serializers import BatchBody, BatchDocument, BatchTaken, ProvenanceAnswer, SampleBody, SampleShape, SampleTaken
from sessions.telemetry.states import BATCH_BYTES, REQUESTS_PER_SECOND

_LISTED = {"list", "facets", "export", "export_selected"}
_ALONE = ("sample_in_future", "sample_before_assignment", "too_dense", "sample_signature_invalid", "sample_conflict")
_OPERATE = {"exempt": PARTIES}


class TelemetryRoutes(SessionRoutes):
    """What takes samples in."""

    body_limit_bytes = BATCH_BYTES

    def _operated(self) -> FieldSession:
        """The session, for its operator's side, not more often than it may be told."""
        session = self.acting(Side.OPERATOR)
        ratelimit.demand(f"telemetry:{session.pk}", REQUESTS_PER_SECOND, REQUESTS_PER_SECOND)
        return session

    def _ingest(self, session: FieldSession, raws: list, *, alone: bool) -> tuple[list, services.Outcome]:
        received_at = clock.now()
        sent = [services.read(raw, session.pk) for raw in raws]
        if alone and isinstance(sent[0], Malformed):
            raise _malformed(sent[0])
        return sent, self.settling(lambda: services.ingest(session_id=session.pk, sent=sent, received_at=received_at))


class TelemetryViewSet(ListMixin, FacetsMixin, ExportMixin, TelemetryRoutes):
    """Signed positions beside the video."""

    routes = {
        "list": Route(Perm.SESSIONS_READ),
        "facets": Route(Perm.SESSIONS_READ),
        "export": Route(Perm.SESSIONS_READ),
        "export_selected": Route(Perm.SESSIONS_READ, exempt="reads"),
        "create": Route(Perm.SESSIONS_OPERATE, errors=("invalid_state", *_ALONE, *SIDE_ERRORS), **_OPERATE),
    }
    filters = SampleFilters
    serializer_class = SampleShape
    export_name = "session.telemetry"
    export_columns = [
        ("id", lambda row: row.pk),
        ("session_id", lambda row: row.session_id),
        ("captured_at", lambda row: row.captured_at),
        ("received_at", lambda row: row.received_at),
        ("lat", lambda row: row.lat),
        ("lng", lambda row: row.lng),
        ("accuracy_meters", lambda row: row.accuracy_meters),
        ("source", lambda row: row.source),
        ("verdict", lambda row: row.verdict),
        ("signed", lambda row: bool(row.signer)),
    ]

    def rows(self, permission=None):
        """Lists are of samples; whoever sees the session sees its log."""
        return selectors.samples(self.get_object().pk) if self.action in _LISTED and permission is None else super().rows(permission)

    @extend_schema(responses={200: SampleShape(many=True)})
    def list(self, request, id):  # noqa: A002 - the path's name
        return super().list(request)

    @extend_schema(request=SampleBody, responses={200: SampleTaken})
    def create(self, request, id):  # noqa: A002
        session = self._operated()
        sent, outcome = self._ingest(session, [request.data], alone=True)
        answer = outcome.answers[0]
        if answer.code:
            raise ApiError(answer.code)
        taken = {
            "captured_at": sent[0].captured_at,
            "verdict": answer.verdict,
            "duplicate": answer.duplicate,
            "outside_meters": round(answer.outside_meters, 3),
        }
        return Response(self.shape(_with(taken, outcome), SampleTaken))


class TelemetryBatchViewSet(TelemetryRoutes):
    """Samples kept while offline."""

    routes = {"create": Route(Perm.SESSIONS_OPERATE, errors=("invalid_state", *SIDE_ERRORS), **_OPERATE)}

    @extend_schema(request=BatchDocument, responses={200: BatchTaken})
    def create(self, request, id):  # noqa: A002
        session = self._operated()
        _, outcome = self._ingest(session, self.body(BatchBody)["samples"], alone=False)
        counts = outcome.counts()
        rejected = [{"index": index, "code": answer.code} for index, answer in enumerate(outcome.answers) if answer.code]
        taken = {"accepted": counts["accepted"], "duplicates": counts["duplicates"], "rejected": rejected}
        return Response(self.shape(_with(taken, outcome), BatchTaken))


class ProvenanceViewSet(SessionRoutes):
    """A signed still against what was declared at start."""

    routes = {
        "check": Route(
            Perm.SESSIONS_OPERATE, errors=("invalid_state", "unsupported_media_type", "no_manifest", "throttled", *SIDE_ERRORS), **_OPERATE
        )
    }
    parser_classes = []
    body_limit_bytes = provenance.STILL_BYTES

    @extend_schema(request={stills.JPEG: OpenApiTypes.BINARY}, responses={200: ProvenanceAnswer})
    def check(self, request, id):  # noqa: A002
        session = self.acting(Side.OPERATOR)
        if request.content_type.partition(";")[0].strip().lower() != stills.JPEG:
            raise ApiError("unsupported_media_type")
        self.settling(lambda: provenance.demand_live(session))
        ratelimit.demand(f"provenance:{session.pk}", 1 / provenance.SECONDS_BETWEEN, 1)
        # Django's own request: DRF's would look for a parser.
        session = self.settling(lambda: provenance.check(actor=self.actor, session_id=session.pk, still=request._request.body))
        return Response(
            self.shape({"provenance": {"unaltered": True, **session.provenance, "state": provenance.state_of(session)}}, ProvenanceAnswer)
        )


def _malformed(problem: Malformed) -> ApiError:
    errors = [{"path": path, "code": code, "message": message} for path, code, message in problem.problems]
    unknown = [error for error in errors if error["code"] == "unknown_parameter"]
    return ApiError("unknown_parameter", data={"errors": unknown}) if unknown else ApiError("validation_failed", data={"errors": errors})


def _with(taken: dict, outcome: services.Outcome) -> dict:
    return {**taken, "challenge": outcome.challenge} if outcome.challenge else taken
