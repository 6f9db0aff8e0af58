"""Routes of prices."""

from django.urls import path

from sessions.pricing.api import QuoteViewSet

urlpatterns = [path("pricing/quote", QuoteViewSet.as_view({"get": "quote"}))]
