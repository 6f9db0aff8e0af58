"""No id comes in by a body unchecked: each is a scoped reference, or stands here with the reason why it opens nothing."""

import re

import pytest
from django.conf import settings
from rest_framework import serializers

from config.kernel.checks import api_routes
from config.kernel.references import AnyReference, NumberedReference, ScopedReference
from config.kernel.serializers import BulkIds
from config.kernel.viewsets import TallyViewSet

_OF_THE_ROUTE = "rows of the route itself, looked up among what the caller may see"
_OWN_WORD = "what a program calls itself, compared with its own last word"
_OWN_ROWS = "a node speaks of its own rows only; the service looks among these"
# Body, field → why it is no way to an object.
NO_REFERENCE = {
    ("ExportBody", "ids"): _OF_THE_ROUTE,
    ("RegisterBody", "id"): "a stable id of the operator's own choice",
    ("BulkIds", "ids"): _OF_THE_ROUTE,
    ("BulkMetadataBody", "ids"): _OF_THE_ROUTE,
    ("BulkDeleteBody", "ids"): _OF_THE_ROUTE,
    ("BulkJobsBody", "ids"): _OF_THE_ROUTE,
    ("HeartbeatBody", "agentInstanceId"): _OWN_WORD,
    ("HeartbeatBody", "processId"): _OWN_WORD,
    ("ClaimBody", "claimId"): "made up by the node, so that a lost answer is found again",
    ("ClaimBody", "agentInstanceId"): _OWN_WORD,
    ("ClaimBody", "processId"): _OWN_WORD,
    ("ReportBody", "agentInstanceId"): _OWN_WORD,
    ("ActiveJobBody", "jobId"): _OWN_ROWS,
    ("QuarantinedBody", "jobId"): _OWN_ROWS,
    ("HealthReportBody", "id"): "made up by the node, so that a repeated report is found again",
    ("HealthReportBody", "interfaceId"): _OWN_ROWS,
    ("HealthReportBody", "recordingId"): _OWN_ROWS,
    ("HealthReportBody", "scheduleId"): _OWN_ROWS,
    ("SessionBody", "quoteId"): "spent in the transaction that asks, among the workspace's own quotes",
    ("PolicyBody", "id"): "follows from the rule; what was read may be sent back, and is not looked at",
}
_REFERENCES = (ScopedReference, NumberedReference, AnyReference)


def bodies() -> dict[str, type]:
    """Every serializer that a write of the API names as its body, with those inside it."""
    found = {}

    def add(serializer):
        if isinstance(serializer, serializers.ListSerializer):
            serializer = serializer.child
        known = found.get(type(serializer).__name__)
        if known is not None:
            assert type(known) is type(serializer), "two bodies of one name"
            return
        found[type(serializer).__name__] = serializer
        for field in serializer.fields.values():
            if isinstance(field, serializers.BaseSerializer) and not field.read_only:
                add(field)

    for path, view, actions in api_routes():
        for method, action in actions.items():
            if method in {"post", "put", "patch", "delete"} and issubclass(view, TallyViewSet):
                declared = _declared(view, action)
                if isinstance(declared, type) and issubclass(declared, serializers.BaseSerializer):
                    add(declared())
    return found


def _declared(view, action):
    """What `@extend_schema(request=…)` says of the action."""
    return getattr(getattr(view, action), "documented", {}).get("request")


def _writable(body):
    return [(name, field) for name, field in body.fields.items() if not field.read_only]


def _is_id(name: str) -> bool:
    return name in {"id", "ids"} or name.endswith(("Id", "Ids"))


def test_the_bodies_are_found_and_no_view_reads_another():
    read = {
        name
        for app in ("audit", "operators", "nodes", "recordings")
        for path in (settings.BASE_DIR / app).rglob("*api*.py")
        for name in re.findall(r"self\.body\((\w+)", path.read_text())
    }
    assert read <= {*bodies(), "NoBody"}
    assert {"StartBody", "LocationBody", "NewUser", "GroupBody", "GrantBody", "PolicyBody", "HeartbeatBody", "MemberBody", "BulkMetadataBody"} <= set(
        bodies()
    )


@pytest.mark.parametrize("name", sorted(bodies()))
def test_every_id_in_a_body_is_a_scoped_reference_or_says_why_not(name):
    for field_name, field in _writable(bodies()[name]):
        inner = field.child if isinstance(field, serializers.ListField) else field
        assert not isinstance(inner, (serializers.RelatedField, serializers.ManyRelatedField)), f"{name}.{field_name} is a relation without a scope"
        if _is_id(field_name) and (name, field_name) not in NO_REFERENCE:
            assert isinstance(inner, _REFERENCES), f"{name}.{field_name}: make it a ScopedReference"


def test_no_reason_outlives_its_field():
    known = {**bodies(), "BulkIds": BulkIds()}
    for name, field in NO_REFERENCE:
        assert name in known and field in known[name].fields, (name, field)
