"""API paths of this app, under `/api/v1/`."""

from django.urls import path, register_converter

from operators.access.policies.api import AccessPolicyViewSet, ExplainViewSet
from operators.console.api import HandoverViewSet, InviteViewSet, OperatorViewSet
from operators.console.join_api import JoinViewSet
from operators.console.room_api import CommsViewSet, ControlRoomViewSet, EventViewSet
from operators.identity.api import MeViewSet, SignInOutViewSet, SignInViewSet
from operators.identity.oidc.api import OidcViewSet
from operators.identity.people.api import GroupViewSet, UserViewSet
from operators.identity.wallets.api import WalletViewSet
from operators.webhooks.api import WebhookDeliveryViewSet, WebhookEndpointViewSet
from operators.workspaces.api import SelectViewSet, WorkspaceViewSet
from operators.workspaces.keys_api import ApiKeyViewSet
from operators.workspaces.members_api import MemberViewSet


class OwnId:
    """An id that its owner chose; empty too, which gets an answer of its own. NUL is in nobody's, and the database is not asked for it."""

    regex = r"[^/\x00]*"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(OwnId, "own_id")

urlpatterns = [
    path("auth/login", SignInOutViewSet.as_view({"post": "login"})),
    path("auth/logout", SignInOutViewSet.as_view({"post": "logout"})),
    path("auth/me", MeViewSet.as_view({"get": "me"})),
    path("auth/me/password", MeViewSet.as_view({"patch": "password"})),
    path("auth/permissions", MeViewSet.as_view({"get": "permissions"})),
    path("auth/users", UserViewSet.as_view({"get": "list", "post": "create"})),
    path("auth/users/<uuid:id>", UserViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path("auth/users/<uuid:id>/actions", UserViewSet.as_view({"get": "actions"})),
    path("auth/users/<uuid:id>/access", UserViewSet.as_view({"patch": "access"})),
    path("auth/users/<uuid:id>/password", UserViewSet.as_view({"patch": "password"})),
    path("auth/users/<uuid:id>/status", UserViewSet.as_view({"patch": "status"})),
    path("auth/groups", GroupViewSet.as_view({"get": "list", "post": "create"})),
    path("auth/groups/<int:id>", GroupViewSet.as_view({"patch": "partial_update", "delete": "destroy"})),
    path("auth/access-policies", AccessPolicyViewSet.as_view({"get": "read", "patch": "replace"})),
    path("auth/access/explain", ExplainViewSet.as_view({"get": "explain"})),
    path("auth/sign-ins", SignInViewSet.as_view({"get": "list"})),
    path("auth/sign-ins/revoke-others", SignInViewSet.as_view({"post": "revoke_others"})),
    path("auth/sign-ins/<uuid:id>", SignInViewSet.as_view({"delete": "destroy"})),
    path("auth/oidc/config", OidcViewSet.as_view({"get": "config"})),
    path("auth/oidc/login", OidcViewSet.as_view({"get": "login"})),
    path("auth/oidc/callback", OidcViewSet.as_view({"get": "callback"})),
    path("auth/oidc/discovery", OidcViewSet.as_view({"get": "discovery"})),
    path("auth/wallet/challenge", WalletViewSet.as_view({"post": "challenge"})),
    path("auth/wallet/login", WalletViewSet.as_view({"post": "login"})),
    path("auth/workspace/select", SelectViewSet.as_view({"post": "select"})),
    path("workspaces", WorkspaceViewSet.as_view({"get": "list", "post": "create"})),
    path("workspaces/challenge", WorkspaceViewSet.as_view({"post": "challenge"})),
    path("workspaces/<uuid:id>", WorkspaceViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("workspaces/<uuid:id>/actions", WorkspaceViewSet.as_view({"get": "actions"})),
    path("workspaces/<uuid:id>/members", MemberViewSet.as_view({"get": "list", "post": "create"})),
    path("workspaces/<uuid:id>/members/<uuid:mid>", MemberViewSet.as_view({"patch": "partial_update", "delete": "destroy"})),
    path("workspaces/<uuid:id>/api-keys", ApiKeyViewSet.as_view({"get": "list", "post": "create"})),
    path("workspaces/<uuid:id>/api-keys/<uuid:kid>/revoke", ApiKeyViewSet.as_view({"post": "revoke"})),
    path("webhook-endpoints", WebhookEndpointViewSet.as_view({"get": "list", "post": "create"})),
    path("webhook-endpoints/facets", WebhookEndpointViewSet.as_view({"get": "facets"})),
    path("webhook-endpoints/export", WebhookEndpointViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("webhook-endpoints/<uuid:id>", WebhookEndpointViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})),
    path("webhook-endpoints/<uuid:id>/actions", WebhookEndpointViewSet.as_view({"get": "actions"})),
    path("webhook-endpoints/<uuid:id>/rotate-secret", WebhookEndpointViewSet.as_view({"post": "rotate_secret"})),
    path("webhook-endpoints/<uuid:id>/test", WebhookEndpointViewSet.as_view({"post": "test"})),
    path("webhook-deliveries", WebhookDeliveryViewSet.as_view({"get": "list"})),
    path("webhook-deliveries/facets", WebhookDeliveryViewSet.as_view({"get": "facets"})),
    path("webhook-deliveries/export", WebhookDeliveryViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("webhook-deliveries/redeliver", WebhookDeliveryViewSet.as_view({"post": "bulk_redeliver"})),
    path("webhook-deliveries/<uuid:id>", WebhookDeliveryViewSet.as_view({"get": "retrieve"})),
    path("webhook-deliveries/<uuid:id>/actions", WebhookDeliveryViewSet.as_view({"get": "actions"})),
    path("webhook-deliveries/<uuid:id>/redeliver", WebhookDeliveryViewSet.as_view({"post": "redeliver"})),
    path("operator/register", OperatorViewSet.as_view({"post": "register"})),
    path("operator/join", JoinViewSet.as_view({"post": "join"})),
    path("operator/join/check", JoinViewSet.as_view({"post": "check"})),
    path("operator/reconnect", OperatorViewSet.as_view({"post": "reconnect"})),
    path("operator/heartbeat", OperatorViewSet.as_view({"post": "heartbeat"})),
    path("operator/list", OperatorViewSet.as_view({"get": "list"})),
    path("operator/me", OperatorViewSet.as_view({"get": "me"})),
    path("operator/rotate-token", OperatorViewSet.as_view({"post": "rotate_token"})),
    path("operator/lock", OperatorViewSet.as_view({"post": "lock"})),
    path("operator/unlock", OperatorViewSet.as_view({"post": "unlock"})),
    path("operator/force-unlock", OperatorViewSet.as_view({"post": "force_unlock"})),
    path("operator/invite-tokens", OperatorViewSet.as_view({"get": "invite_tokens"})),
    path("operator/invites", InviteViewSet.as_view({"get": "list", "post": "create"})),
    path("operator/invites/<uuid:id>", InviteViewSet.as_view({"delete": "destroy"})),
    path("operator/invites/<uuid:id>/rotate", InviteViewSet.as_view({"post": "rotate"})),
    path("operator/handovers", HandoverViewSet.as_view({"post": "create"})),
    path("operator/handovers/<uuid:id>", HandoverViewSet.as_view({"delete": "destroy"})),
    path("operator/handovers/<uuid:id>/yield", HandoverViewSet.as_view({"post": "give"})),
    path("operator/handovers/<uuid:id>/refuse", HandoverViewSet.as_view({"post": "refuse"})),
    path("operator", OperatorViewSet.as_view({"delete": "destroy_nobody"})),
    path("operator/<own_id:id>", OperatorViewSet.as_view({"delete": "destroy"})),
    path("control-room/state", ControlRoomViewSet.as_view({"get": "state"})),
    path("control-room/actions", ControlRoomViewSet.as_view({"get": "actions"})),
    path("control-room/events", EventViewSet.as_view({"get": "list"})),
    path("control-room/events/facets", EventViewSet.as_view({"get": "facets"})),
    path("control-room/events/export", EventViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("comms/join", CommsViewSet.as_view({"post": "join"})),
    path("comms/leave", CommsViewSet.as_view({"post": "leave"})),
    path("comms/mute", CommsViewSet.as_view({"put": "mute"})),
    path("comms/status", CommsViewSet.as_view({"get": "status"})),
]
