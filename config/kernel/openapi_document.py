"""`GET /api/schema`: the OpenAPI document, made once by a process, because routes change only with the code."""

from functools import cache
from hashlib import sha256

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from drf_spectacular.views import SpectacularAPIView


@cache
def rendered(renderer: type) -> tuple[bytes, str]:
    """The document as `renderer` writes it, and its ETag."""
    generator = SpectacularAPIView.generator_class()
    content = renderer().render(generator.get_schema(request=None, public=True))
    return content, f'"{sha256(content).hexdigest()[:32]}"'


class SchemaView(SpectacularAPIView):
    """YAML or JSON by `Accept` or `?format=`; with `If-None-Match` 304."""

    authentication_classes = []
    permission_classes = []

    def _get_schema_response(self, request):
        content, etag = rendered(type(request.accepted_renderer))
        headers = {"Content-Disposition": f'inline; filename="{self._get_filename(request, "")}"', "ETag": etag}
        whole = HttpResponse(content, content_type=request.accepted_renderer.media_type, headers=headers)
        return get_conditional_response(request._request, etag=etag, response=whole)
