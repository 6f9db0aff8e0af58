"""What the product is measured against where the peer is a view: the same server, middleware and credential, and no work of ours."""

import orjson
from django.http import HttpResponse
from rest_framework.response import Response

from config.kernel.access import Kind, Perm, Route
from config.kernel.viewsets import TallyViewSet


class EmptyViewSet(TallyViewSet):
    """POST that looks at nothing and answers an empty object."""

    routes = {"take": Route(kinds=frozenset({Kind.NODE}), exempt="a benchmark")}

    def take(self, request):
        return Response({}, status=202)


class ValuesViewSet(TallyViewSet):
    """The library's list as one would write it without a serializer: `.values()` into orjson. Same rows, same scope, same filters."""

    routes = {"values": Route(Perm.RECORDING_READ, query=("status", "tag", "limit"))}

    def get_queryset(self):
        from recordings.library.models import Recording

        return Recording.objects.all()

    def values(self, request):
        rows = self.rows().filter(deleted_at=None, status=request.GET["status"], tag_keys__contains=[request.GET["tag"]])
        found = list(rows.order_by("-sort_at", "-pk").values()[:51])
        return HttpResponse(orjson.dumps({"data": found[:50]}, default=str), content_type="application/json")
