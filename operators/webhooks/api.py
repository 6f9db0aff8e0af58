"""`/webhook-endpoints` and `/webhook-deliveries` (05 §11)."""

from rest_framework.response import Response

from config.kernel import context
from config.kernel.access import Kind, Perm, Route, ports
from config.kernel.actions import states
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError, FieldError
from config.kernel.etags import etag, unless_changed
from config.kernel.serializers import BulkIds, NoBody
from config.kernel.viewsets import ExportMixin, FacetsMixin, ListMixin, RetrieveMixin, TallyViewSet
from operators.webhooks import guards, selectors, services
from operators.webhooks.filters import DeliveryFilters, EndpointFilters
from operators.webhooks.models import WebhookEndpoint
from operators.webhooks.serializers import DeliveryShape, EndpointBody, EndpointPatch, EndpointShape, EndpointWithSecret
from operators.workspaces.selectors import active_workspace_id, workspaces
from operators.workspaces.states import Environment

MANAGE = Perm.WEBHOOK_MANAGE
TENANCY = "webhooks are administration, no production command"


class WebhookEndpointViewSet(ListMixin, FacetsMixin, ExportMixin, TallyViewSet):
    """Where workspaces want to hear of their things. The secret stands in the answers that make it, and nowhere else."""

    routes = {
        "list": Route(MANAGE),
        "facets": Route(MANAGE),
        "export": Route(MANAGE),
        "export_selected": Route(MANAGE, exempt=TENANCY),
        "create": Route(
            MANAGE,
            exempt=TENANCY,
            errors=("limit_reached", "webhook_url_refused", "workspace_suspended", "environment_mismatch", "reference_not_found"),
        ),
        "retrieve": Route(MANAGE),
        "actions": Route(MANAGE),
        "partial_update": Route(MANAGE, exempt=TENANCY, errors=("webhook_url_refused", "workspace_suspended", "edit_conflict")),
        "destroy": Route(MANAGE, exempt=TENANCY, errors=("workspace_suspended",)),
        "rotate_secret": Route(MANAGE, exempt=TENANCY, errors=("workspace_suspended",)),
        "test": Route(MANAGE, exempt=TENANCY, errors=("invalid_state", "workspace_suspended")),
    }
    filters = EndpointFilters
    serializer_class = EndpointShape
    export_name = "webhook.endpoint"
    export_columns = [
        ("id", lambda row: str(row.pk)),
        ("workspaceId", lambda row: str(row.workspace_id)),
        ("environment", lambda row: row.environment),
        ("url", lambda row: str(row)),
        ("types", lambda row: row.types),
        ("apiVersion", lambda row: row.api_version),
        ("enabled", lambda row: row.enabled),
        ("disabledReason", lambda row: row.disabled_reason or None),
        ("createdAt", lambda row: row.created_at),
    ]

    def get_queryset(self):
        return selectors.endpoints()

    @extend_schema(request=EndpointBody, responses={201: EndpointWithSecret})
    def create(self, request):
        body = self.body(EndpointBody)
        workspace = body.pop("workspace", None) or self._active_workspace()
        environment = self._environment(body.pop("environment", None))
        services.demand_url(body["url"])
        body.setdefault("api_version", context.current().version)
        endpoint, secret = services.create(actor=self.actor, workspace=workspace, environment=environment, **body)
        headers = {"Location": f"/api/v1/webhook-endpoints/{endpoint.pk}", "ETag": tag(endpoint)}
        return self._with_secret(endpoint, secret, status=201, headers=headers)

    def _active_workspace(self):
        chosen = active_workspace_id(self.actor)
        held = ports.scoped(workspaces(), self.actor, MANAGE)
        # Selected, or the only one there is.
        found = held.filter(pk=chosen).first() if chosen else None
        if found is None and len(only := list(held[:2])) == 1:
            found = only[0]
        if found is None:
            raise FieldError("workspaceId", "required", "Say which workspace; this sign-in has selected none.")
        return found

    def _environment(self, asked: str | None) -> str:
        own = self.actor.environment if self.actor.kind is Kind.API_KEY else ""
        if own and asked and asked != own:
            raise ApiError("environment_mismatch")
        return own or asked or Environment.LIVE

    def _with_secret(self, endpoint: WebhookEndpoint, secret: str, **facts) -> Response:
        reply = Response(self.shape(endpoint, EndpointWithSecret, secret=secret), **facts)
        reply.replay_body = self.shape(endpoint, EndpointWithSecret, secret=None)
        return reply

    def retrieve(self, request, id):  # noqa: A002 - the path's name
        return self._answer(self.get_object())

    def _answer(self, endpoint: WebhookEndpoint) -> Response:
        return Response(self.shape(endpoint), headers={"ETag": tag(endpoint)})

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        endpoint = self.get_object()
        return Response(states(guards.endpoint_actions(self.actor, endpoint), self.actor, endpoint))

    @extend_schema(request=EndpointPatch, responses={200: EndpointShape})
    def partial_update(self, request, id):  # noqa: A002
        endpoint = self.get_object()
        changes = self.body(EndpointPatch, partial=True)
        if "url" in changes and changes["url"] != endpoint.url:
            services.demand_url(changes["url"])
        row = services.update(actor=self.actor, endpoint=endpoint, changes=changes, check=unless_changed(request))
        return self._answer(row)

    @extend_schema(responses={204: None})
    def destroy(self, request, id):  # noqa: A002
        services.delete(actor=self.actor, endpoint=self.get_object())
        return Response(status=204)

    @extend_schema(request=NoBody, responses={200: EndpointWithSecret})
    def rotate_secret(self, request, id):  # noqa: A002
        endpoint = self.get_object()
        self.body(NoBody)
        return self._with_secret(*services.rotate_secret(actor=self.actor, endpoint=endpoint))

    @extend_schema(request=NoBody, responses={202: DeliveryShape})
    def test(self, request, id):  # noqa: A002
        endpoint = self.get_object()
        self.body(NoBody)
        return queued(self, services.test(actor=self.actor, endpoint=endpoint))


class WebhookDeliveryViewSet(ListMixin, FacetsMixin, ExportMixin, RetrieveMixin, TallyViewSet):
    """What was told to whom, and how it went; kept 30 days."""

    routes = {
        "list": Route(MANAGE),
        "facets": Route(MANAGE),
        "export": Route(MANAGE),
        "export_selected": Route(MANAGE, exempt=TENANCY),
        "retrieve": Route(MANAGE),
        "actions": Route(MANAGE),
        "redeliver": Route(MANAGE, exempt=TENANCY, errors=("delivery_not_redeliverable", "workspace_suspended")),
        "bulk_redeliver": Route(MANAGE, exempt=TENANCY, errors=("not_found", "delivery_not_redeliverable", "workspace_suspended")),
    }
    filters = DeliveryFilters
    serializer_class = DeliveryShape
    export_name = "webhook.delivery"
    export_columns = [
        ("id", lambda row: str(row.pk)),
        ("endpointId", lambda row: str(row.endpoint_id)),
        ("webhookId", lambda row: row.message_id),
        ("environment", lambda row: row.environment),
        ("type", lambda row: row.type),
        ("subjectKind", lambda row: row.subject_kind),
        ("subjectId", lambda row: row.subject_id),
        ("status", lambda row: row.status),
        ("attempts", lambda row: len(row.attempts.all())),
        ("nextAttemptAt", lambda row: row.next_attempt_at),
        ("redeliveryOf", lambda row: str(row.redelivery_of_id) if row.redelivery_of_id else None),
        ("createdAt", lambda row: row.created_at),
    ]

    def get_queryset(self):
        return selectors.deliveries()

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002 - the path's name
        delivery = self.get_object()
        return Response(states({"redeliver": guards.redelivery(self.actor, delivery)}, self.actor, delivery))

    @extend_schema(request=NoBody, responses={202: DeliveryShape})
    def redeliver(self, request, id):  # noqa: A002
        delivery = self.get_object()
        self.body(NoBody)
        return queued(self, services.redeliver(actor=self.actor, deliveries=[delivery])[0])

    @extend_schema(request=BulkIds, responses={202: DeliveryShape(many=True)})
    def bulk_redeliver(self, request):
        ids = self.body(BulkIds)["ids"]
        found = {row.pk: row for row in self.rows().filter(pk__in=ids)}
        if len(found) < len(ids):
            raise ApiError("not_found")
        made = services.redeliver(actor=self.actor, deliveries=[found[pk] for pk in ids])
        return Response(self.shape(made, many=True), status=202)


def queued(view: TallyViewSet, delivery) -> Response:
    """202: it will be sent, look there."""
    return Response(view.shape(delivery, DeliveryShape), status=202, headers={"Location": f"/api/v1/webhook-deliveries/{delivery.pk}"})


def tag(endpoint: WebhookEndpoint) -> str:
    return etag(endpoint.pk, endpoint.revision)
