"""The product's routes, and the peers that they are measured against."""

from django.urls import path

from bench import peers
from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as product

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    path("api/v1/bench/empty", peers.EmptyViewSet.as_view({"post": "take"})),
    path("api/v1/bench/values", peers.ValuesViewSet.as_view({"get": "values"})),
    *product,
]
