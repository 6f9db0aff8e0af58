"""Filters, search and sorts of webhook endpoints and deliveries."""

from django.db.models import Q

from config.kernel.filters import AllOf, Choice, Filter, FilterSet, Flag, Moment, Text, Uuid
from operators.webhooks.states import DeliveryStatus, DisabledReason
from operators.workspaces.states import Environment


class EndpointFilters(FilterSet):
    """By workspace, world, what they ask for and whether they work; search in addresses."""

    workspace_id = Uuid("workspace_id")
    environment = Choice("environment", choices=Environment)
    enabled = Flag("enabled")
    disabled_reason = Choice("disabled_reason", choices=DisabledReason)
    type = AllOf("types", doc="An event type it asks for; repeated: all of them.")
    search_fields = ("url",)
    sorts = {"createdAt": "created_at", "url": "url"}
    default_sort = "-createdAt"
    facet_fields = {"environment": "environment", "enabled": "enabled", "disabledReason": "disabled_reason", "workspaceId": "workspace_id"}


class _Subject(Uuid):
    """Events about one thing of a kind."""

    def __init__(self, kind: str, *, doc: str = ""):
        super().__init__("subject_id", doc=doc)
        self.kind = kind

    def q(self, values):
        return Q(subject_kind=self.kind, subject_id__in=[str(value) for value in values])


class DeliveryFilters(FilterSet):
    """By where, what and how it went; search in types and webhook ids."""

    endpoint_id = Uuid("endpoint_id")
    workspace_id = Uuid("workspace_id")
    environment = Choice("environment", choices=Environment)
    type = Text("type")
    status = Choice("status", choices=DeliveryStatus)
    session_id: Filter = _Subject("session", doc="Events of one field session.")
    conversation_id: Filter = _Subject("conversation", doc="Events of one conversation.")
    created_from = Moment("created_at__gte")
    created_to = Moment("created_at__lt")
    search_fields = ("type", "message_id")
    sorts = {"createdAt": "created_at", "status": "status", "type": "type"}
    default_sort = "-createdAt"
    facet_fields = {"status": "status", "type": "type", "endpointId": "endpoint_id", "environment": "environment", "workspaceId": "workspace_id"}
