"""API paths of this app, under `/api/v1/`."""

from django.urls import path

from operators.identity.api import MeViewSet, SignInOutViewSet, SignInViewSet

urlpatterns = [
    path("auth/login", SignInOutViewSet.as_view({"post": "login"})),
    path("auth/logout", SignInOutViewSet.as_view({"post": "logout"})),
    path("auth/me", MeViewSet.as_view({"get": "me"})),
    path("auth/me/password", MeViewSet.as_view({"patch": "password"})),
    path("auth/permissions", MeViewSet.as_view({"get": "permissions"})),
    path("auth/sign-ins", SignInViewSet.as_view({"get": "list"})),
    path("auth/sign-ins/revoke-others", SignInViewSet.as_view({"post": "revoke_others"})),
    path("auth/sign-ins/<uuid:id>", SignInViewSet.as_view({"delete": "destroy"})),
]
