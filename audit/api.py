"""Reading the audit. There is no route that writes, changes or removes an event."""

import base64
from datetime import timedelta

from rest_framework.response import Response

from audit import filters, keys, selectors
from audit.columns import EXPORT
from audit.serializers import AuditEventDetailSerializer, AuditEventSerializer, FacetsSerializer, IntegritySerializer
from config.kernel import clock
from config.kernel.access import Perm, Route, require
from config.kernel.documenting import extend_schema
from config.kernel.viewsets import ExportMixin, ListMixin, RetrieveMixin, TallyViewSet

FACETS_COVER = timedelta(days=30)


class AuditEventViewSet(ListMixin, ExportMixin, RetrieveMixin, TallyViewSet):
    """Events that the caller may see, newest first (`selectors.visible`)."""

    routes = {
        "list": Route(Perm.AUDIT_READ, errors=("cursor_invalid",)),
        "facets": Route(Perm.AUDIT_READ),
        "export": Route(Perm.AUDIT_READ),
        "export_selected": Route(Perm.AUDIT_READ, exempt="reads the trail, commands nothing"),
        "integrity": Route(Perm.AUDIT_READ),
        "retrieve": Route(Perm.AUDIT_READ),
    }
    filters = filters.AuditFilters
    serializer_class = AuditEventSerializer
    export_name = "audit.events"
    export_columns = EXPORT
    audit_kind = "audit_event"

    def get_queryset(self):
        return selectors.events(whole=self.action != "list")

    def rows(self, permission=None):
        return selectors.visible(self.actor, self.get_queryset())

    @extend_schema(responses={200: AuditEventDetailSerializer})
    def retrieve(self, request, *args, **kwargs):
        return Response(self.shape(self.get_object(), AuditEventDetailSerializer))

    @extend_schema(responses={200: FacetsSerializer})
    def facets(self, request, *args, **kwargs):
        """Counts by field. Without `from` they cover 30 days, and `meta.from` says so."""
        chosen, meta = self.filters(request.GET), {}
        if "from_" not in chosen.values:
            since = clock.now() - FACETS_COVER
            chosen.values["from_"] = [since]
            meta = {"meta": {"from": clock.wire(since)}}
        reply = Response({"data": filters.facets(self.rows(), chosen), **meta})
        reply.enveloped = True
        return reply

    @extend_schema(responses={200: IntegritySerializer})
    def integrity(self, request, *args, **kwargs):
        """How far the trail is sealed, what the last verification found, and the keys to check it with. Also needs `system:admin`."""
        require(self.actor, Perm.SYSTEM_ADMIN)
        return Response(self.shape(integrity(), IntegritySerializer))


def integrity() -> dict:
    """The facts of GET /audit-events/integrity."""
    waiting, oldest = selectors.pending()
    checkpoint, verification = selectors.last_checkpoint(), selectors.last_verification()
    return {
        "sealed_through": oldest or (checkpoint and clock.now()),
        "pending": waiting,
        "last_checkpoint": checkpoint and _checkpoint(checkpoint),
        "last_verification": verification and {"at": verification.occurred_at, **_findings(verification.details or {})},
        "public_keys": [
            {"key_id": key_id, "public_key": base64.b64encode(key.public_bytes_raw()).decode()} for key_id, key in keys.public_keys().items()
        ],
    }


def _checkpoint(row) -> dict:
    return {
        "seq": row.seq,
        "month": f"{row.month:%Y-%m}",
        "position": row.position,
        "link": bytes(row.link).hex(),
        "at": row.at,
        "key_id": row.key_id,
    }


def _findings(details: dict) -> dict:
    return {"month": details.get("month", ""), "findings": details.get("findings", [])}
