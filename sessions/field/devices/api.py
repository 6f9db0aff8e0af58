"""`/device-operators` and the heartbeat of a workspace (05 §1)."""

from django.db.models import F, Value
from django.db.models.functions import Coalesce
from rest_framework.response import Response

from config.kernel.access import Actor, Perm, Route, ports, refusal
from config.kernel.actions import Action, states
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.etags import etag, unless_changed
from config.kernel.viewsets import ExportMixin, FacetsMixin, ListMixin, TallyViewSet
from operators.workspaces import selectors as workspaces
from operators.workspaces.devices.models import DeviceOperator
from operators.workspaces.states import WorkspaceRole
from sessions.field import parties
from sessions.field.devices import keys, selectors, services
from sessions.field.devices.filters import DeviceKeyFilters, OperatorFilters
from sessions.field.devices.serializers import (
    DeviceKeyBody,
    DeviceKeyShape,
    HeardBody,
    HeardShape,
    OperatorBody,
    OperatorPatch,
    OperatorShape,
    columns,
)
from sessions.field.geography import Point

FLEET = "device operators are administration, no production command"
_LONG_AGO = "1970-01-01T00:00:00Z"


def tag(operator: DeviceOperator) -> str:
    return etag(operator.pk, operator.revision)


def actions_of(actor: Actor, operator: DeviceOperator) -> dict[str, Action]:
    """For `GET /device-operators/:id/actions`."""
    href = f"/api/v1/device-operators/{operator.pk}"
    return {
        "update": Action("PATCH", Perm.OPERATORS_WRITE, href),
        "delete": Action("DELETE", Perm.OPERATORS_WRITE, href, "operator_busy" if operator.is_busy else None),
        "registerKey": Action("POST", Perm.OPERATORS_WRITE, f"{href}/keys"),
    }


class DeviceOperatorViewSet(ListMixin, FacetsMixin, ExportMixin, TallyViewSet):
    """Devices of suppliers that can publish from a known place."""

    routes = {
        "list": Route(Perm.OPERATORS_READ),
        "facets": Route(Perm.OPERATORS_READ),
        "export": Route(Perm.OPERATORS_READ),
        "export_selected": Route(Perm.OPERATORS_READ, exempt="reads"),
        "create": Route(
            Perm.OPERATORS_WRITE,
            exempt=FLEET,
            errors=("workspace_role_required", "workspace_suspended", "duplicate_name", "environment_mismatch", "reference_not_found"),
        ),
        "retrieve": Route(Perm.OPERATORS_READ),
        "actions": Route(Perm.OPERATORS_READ),
        "partial_update": Route(Perm.OPERATORS_WRITE, exempt=FLEET, errors=("duplicate_name", "edit_conflict", "workspace_suspended")),
        "destroy": Route(Perm.OPERATORS_WRITE, exempt=FLEET, errors=("operator_busy", "workspace_suspended")),
        "location": Route(Perm.SESSIONS_OPERATE, exempt="facts from machines", errors=("sequence_replayed", "throttled", "workspace_suspended")),
    }
    filters = OperatorFilters
    serializer_class = OperatorShape
    read_permission = Perm.OPERATORS_READ
    export_name = "device_operator"
    export_columns = [
        ("id", lambda row: row.pk),
        ("workspace_id", lambda row: row.workspace_id),
        ("environment", lambda row: row.environment),
        ("label", lambda row: row.label),
        ("kind", lambda row: row.kind),
        ("enabled", lambda row: row.enabled),
        ("availability_state", lambda row: row.availability),
        ("current_session_id", lambda row: row.current_session_id),
        ("last_seen_at", lambda row: row.last_seen_at),
        ("created_at", lambda row: row.created_at),
    ]

    def get_queryset(self):
        rows = selectors.operators()
        return rows.annotate(seen_sort=Coalesce(F("last_seen_at"), Value(_LONG_AGO), output_field=DeviceOperator._meta.get_field("last_seen_at")))

    @extend_schema(request=OperatorBody, responses={201: OperatorShape})
    def create(self, request):
        parties.demand_role(self.actor, Perm.OPERATORS_WRITE, WorkspaceRole.SUPPLIER)
        body = self.body(OperatorBody)
        environment = parties.environment_for(self.actor, body.get("environment"))
        workspace = parties.acting_workspace(self.actor, Perm.OPERATORS_WRITE, WorkspaceRole.SUPPLIER, body.get("workspace"))
        row = services.create(actor=self.actor, workspace=workspace, environment=environment, fields=columns(body))
        return Response(self.shape(row), status=201, headers={"Location": f"/api/v1/device-operators/{row.pk}", "ETag": tag(row)})

    def retrieve(self, request, id):  # noqa: A002 - the path's name
        row = self.get_object()
        return Response(self.shape(row), headers={"ETag": tag(row)})

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        row = self.get_object()
        return Response(states(actions_of(self.actor, row), self.actor, row))

    @extend_schema(request=OperatorPatch, responses={200: OperatorShape})
    def partial_update(self, request, id):  # noqa: A002
        row = self.get_object()
        parties.demand_not_suspended(self.actor, Perm.OPERATORS_WRITE, row.workspace)
        changes = columns(self.body(OperatorPatch))
        row = services.update(actor=self.actor, operator_id=row.pk, changes=changes, check=unless_changed(request))
        return Response(self.shape(row), headers={"ETag": tag(row)})

    @extend_schema(responses={204: None})
    def destroy(self, request, id):  # noqa: A002
        row = self.get_object()
        parties.demand_not_suspended(self.actor, Perm.OPERATORS_WRITE, row.workspace)
        services.remove(actor=self.actor, operator_id=row.pk)
        return Response(status=204)

    @extend_schema(request=HeardBody, responses={200: HeardShape})
    def location(self, request, id):  # noqa: A002
        return self.heard(self.get_object())

    def heard(self, operator: DeviceOperator) -> Response:
        parties.demand_not_suspended(self.actor, Perm.SESSIONS_OPERATE, operator.workspace)
        body = self.body(HeardBody)
        point = body.pop("point", None)
        accepted, seen = services.heartbeat(operator=operator, point=Point(point["lat"], point["lng"]) if point else None, **body)
        return Response(self.shape({"point_accepted": accepted, "last_seen_at": seen}, HeardShape))


class WorkspaceLocationViewSet(TallyViewSet):
    """The heartbeat of a supplier that registered no device: of its default operator."""

    routes = {
        "location": Route(
            Perm.SESSIONS_OPERATE,
            exempt="facts from machines",
            errors=("sequence_replayed", "throttled", "workspace_role_required", "workspace_suspended"),
        )
    }
    read_permission = Perm.WORKSPACE_READ

    def get_queryset(self):
        return workspaces.workspaces()

    @extend_schema(request=HeardBody, responses={200: HeardShape})
    def location(self, request, id):  # noqa: A002
        workspace = self.get_object()
        parties.acting_workspace(self.actor, Perm.SESSIONS_OPERATE, WorkspaceRole.SUPPLIER, workspace)
        body = self.body(HeardBody)
        operator = services.default_of(workspace, parties.environment_for(self.actor, None))
        point = body.pop("point", None)
        accepted, seen = services.heartbeat(operator=operator, point=Point(point["lat"], point["lng"]) if point else None, **body)
        return Response(self.shape({"point_accepted": accepted, "last_seen_at": seen}, HeardShape))


class DeviceKeyViewSet(ListMixin, FacetsMixin, ExportMixin, TallyViewSet):
    """Keys that sign for one operator."""

    routes = {
        "list": Route(Perm.OPERATORS_READ),
        "facets": Route(Perm.OPERATORS_READ),
        "export": Route(Perm.OPERATORS_READ),
        "export_selected": Route(Perm.OPERATORS_READ, exempt="reads"),
        "create": Route(Perm.OPERATORS_WRITE, exempt=FLEET, errors=("key_exists", "limit_reached", "proof_invalid", "workspace_suspended")),
        "destroy": Route(Perm.OPERATORS_WRITE, exempt=FLEET, errors=("workspace_suspended",)),
    }
    filters = DeviceKeyFilters
    serializer_class = DeviceKeyShape
    lookup_url_kwarg = "key_id"
    export_name = "device_operator.key"
    export_columns = [
        ("id", lambda row: row.pk),
        ("operator_id", lambda row: row.operator_id),
        ("address", lambda row: row.address),
        ("issued_at", lambda row: row.issued_at),
        ("created_at", lambda row: row.created_at),
        ("revoked_at", lambda row: row.revoked_at),
    ]

    def get_queryset(self):
        return selectors.keys(self.kwargs.get("id"))

    def operator(self) -> DeviceOperator:
        """Of the path: 404 if hidden, 403 if it may only be read."""
        reach = ports.scoped(selectors.operators(), self.actor, self.route.permission)
        found = reach.filter(pk=self.kwargs["id"]).first()
        if found is None:
            seen = ports.scoped(selectors.operators(), self.actor, Perm.OPERATORS_READ).filter(pk=self.kwargs["id"]).first()
            if seen is not None:
                raise refusal(self.actor, self.route.permission, seen)
            raise ApiError("not_found", about=[(DeviceOperator, self.kwargs["id"])])
        return found

    def check_query(self, request):
        """A hidden operator comes before an unknown parameter."""
        try:
            super().check_query(request)
        except ApiError:
            self.operator()
            raise

    def rows(self, permission=None):
        """Keys of the path's operator, for whoever reaches that."""
        self.operator()
        return self.get_queryset()

    @extend_schema(request=DeviceKeyBody, responses={201: DeviceKeyShape})
    def create(self, request, id):  # noqa: A002
        operator = self.operator()
        parties.demand_not_suspended(self.actor, Perm.OPERATORS_WRITE, operator.workspace)
        body = self.body(DeviceKeyBody)
        key = keys.register(actor=self.actor, operator=operator, written=request.data["address"], issued_text=request.data["issuedAt"], **body)
        return Response(self.shape(key), status=201, headers={"Location": f"/api/v1/device-operators/{operator.pk}/keys/{key.pk}"})

    @extend_schema(responses={204: None})
    def destroy(self, request, id, key_id):  # noqa: A002
        key = self.get_object()
        parties.demand_not_suspended(self.actor, Perm.OPERATORS_WRITE, key.operator.workspace)
        keys.revoke(actor=self.actor, operator=key.operator, key=key)
        return Response(status=204)
