"""Every route of the web side: composition only."""

from functools import cache

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from config.kernel import views

handler400 = "config.kernel.views.bad_request"
handler403 = "config.kernel.views.forbidden"
handler404 = "config.kernel.views.not_found"
handler500 = "config.kernel.views.server_error"


@cache
def _documents():
    """(the OpenAPI document, its reader): drf-spectacular is heavy and asked for rarely, so it is imported then."""
    from drf_spectacular.views import SpectacularSwaggerSplitView

    from config.kernel.openapi_document import SchemaView

    return SchemaView.as_view(), SpectacularSwaggerSplitView.as_view(url_name="schema", authentication_classes=[], permission_classes=[])


def _schema(request):
    return _documents()[0](request)


def _docs(request):
    return _documents()[1](request)


PAGES = (
    "operators.console.urls",
    "nodes.fleet.pages",
    "sessions.pages",
    "sessions.control_room.pages",
    "recordings.library.pages",
    "recordings.replay.pages",
    "audit.pages",
)

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics_view, name="metrics"),
    path("api/schema", _schema, name="schema"),
    path("api/docs", _docs, name="docs"),
    *[path("api/v1/", include(f"{app}.urls")) for app in ("operators", "audit", "nodes", "sessions", "recordings")],
    path("admin/", admin.site.urls),
    *[path("", include(pages)) for pages in PAGES],
]

if settings.DEBUG and __name__ == settings.ROOT_URLCONF:
    from django.contrib.staticfiles.urls import staticfiles_urlpatterns

    urlpatterns += staticfiles_urlpatterns()
