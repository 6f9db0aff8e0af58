"""Routes of the audit, relative to /api/v1/; fixed paths before the id."""

from django.urls import path

from audit.api import AuditEventViewSet

urlpatterns = [
    path("audit-events", AuditEventViewSet.as_view({"get": "list"}), name="audit-events"),
    path("audit-events/facets", AuditEventViewSet.as_view({"get": "facets"}), name="audit-events-facets"),
    path("audit-events/export", AuditEventViewSet.as_view({"get": "export", "post": "export_selected"}), name="audit-events-export"),
    path("audit-events/integrity", AuditEventViewSet.as_view({"get": "integrity"}), name="audit-events-integrity"),
    path("audit-events/<uuid:id>", AuditEventViewSet.as_view({"get": "retrieve"}), name="audit-event"),
]
