"""A resource that exists only in tests: proves the conventions of every route on one small thing."""

from django.urls import include, path
from rest_framework import serializers
from rest_framework.response import Response

from config import urls
from config.kernel.access import Kind, Perm, Route
from config.kernel.errors import ApiError
from config.kernel.filters import Choice, FilterSet, Moment, Text
from config.kernel.models import IdempotencyRecord
from config.kernel.serializers import CleanCharField, FreeFormField, ModelSerializer, Serializer
from config.kernel.viewsets import ExportMixin, FacetsMixin, ListMixin, RetrieveMixin, TallyViewSet


class ThingBody(Serializer):
    display_name = CleanCharField(max_length=20)
    custom_fields = FreeFormField(required=False)
    size = serializers.IntegerField(min_value=1, max_value=9, required=False)


class RecordShape(ModelSerializer):
    class Meta:
        model = IdempotencyRecord
        fields = ["id", "scope", "key", "status", "created_at"]


class RecordFilters(FilterSet):
    scope = Text("scope")
    status = Choice("status", choices=["200", "201"])
    created_from = Moment("created_at__gte")
    search_fields = ("key",)
    sorts = {"key": "key", "createdAt": "created_at"}
    default_sort = "key"
    facet_fields = {"status": "status", "scope": "scope"}


class ThingViewSet(ListMixin, FacetsMixin, ExportMixin, RetrieveMixin, TallyViewSet):
    """Rows are IdempotencyRecords (a table that is there anyway); `create` echoes, or fails as asked."""

    routes = {
        "list": Route(Perm.NODE_READ),
        "facets": Route(Perm.NODE_READ),
        "export": Route(Perm.NODE_READ),
        "create": Route(Perm.NODE_READ, exempt="a test", kinds=frozenset({Kind.USER})),
        "crash": Route(Perm.NODE_READ, exempt="a test"),
    }
    filters = RecordFilters
    serializer_class = RecordShape
    export_name = "node"
    export_columns = [("key", lambda row: row.key)]
    resource = "things"
    calls = 0

    def get_queryset(self):
        return IdempotencyRecord.objects.all()

    def rows(self, permission=None):
        return self.get_queryset()

    def create(self, request):
        body = self.body(ThingBody)
        type(self).calls += 1
        if body["display_name"] == "full":
            raise ApiError("storage_full", data={"free_bytes": 0})
        return Response(
            {"display_name": body["display_name"], "customFields": body.get("custom_fields", {}), "calls": type(self).calls},
            status=201,
            headers={"Location": "/api/v1/things/1"},
        )

    def crash(self, request):
        raise RuntimeError("a defect")


urlpatterns = [
    path(
        "api/v1/",
        include(
            [
                path("things", ThingViewSet.as_view({"get": "list", "post": "create"})),
                path("others", ThingViewSet.as_view({"get": "list"})),
                path("things/facets", ThingViewSet.as_view({"get": "facets"})),
                path("things/export", ThingViewSet.as_view({"get": "export"})),
                path("things/crash", ThingViewSet.as_view({"post": "crash"})),
            ]
        ),
    ),
    *urls.urlpatterns,
]
handler404 = urls.handler404
handler500 = urls.handler500
