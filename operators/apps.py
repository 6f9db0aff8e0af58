"""The app of people and of what they may do."""

from django.apps import AppConfig


class OperatorsConfig(AppConfig):
    name = "operators"
    label = "operators"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from axes.models import AccessAttempt
        from django.contrib.auth.models import Group

        from audit.models import AuditArchive, AuditHold
        from config.kernel.access import Kind, ports, register_credential
        from operators.access import catalogue, scopes, selectors, services
        from operators.access.models import AccessPolicy
        from operators.console import identity as guests
        from operators.console import wiring as control_room
        from operators.identity import selectors as identity
        from operators.identity.models import SignIn, User
        from operators.identity.oidc import checks  # noqa: F401 - registered by import
        from operators.identity.oidc.models import OidcIdentity, OidcState
        from operators.identity.wallets.models import Wallet, WalletChallenge
        from operators.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
        from operators.workspaces import selectors as workspaces
        from operators.workspaces.devices.models import DeviceKey, DeviceOperator
        from operators.workspaces.models import ApiKey, Member, Workspace

        ports.decide = selectors.decide
        ports.decide_each = selectors.decide_each
        ports.scoped = selectors.scoped
        ports.ancestors = selectors.ancestors
        ports.reach = selectors.reach
        ports.cookie_actor = lambda request: identity.actor_of_cookie(request) or guests.actor_of_cookie(request)
        ports.access_epoch = services.access_epoch
        ports.key_scope = catalogue.key_scope
        ports.rows_in_scope = selectors.rows_in_scope
        ports.model_of = selectors.model_of
        register_credential(identity.TOKEN_PREFIX, Kind.USER, identity.actor_of_token)
        for prefix in workspaces.KEY_PREFIXES.values():
            register_credential(prefix, Kind.API_KEY, workspaces.actor_of_key)
        # No policy applies to these: an owner can always undo one.
        for kind, model in {"user": User, "group": Group, "access_policy": AccessPolicy, "sign_in": SignIn, "attempt": AccessAttempt}.items():
            scopes.register_kind(kind, model, open=True, policies=False)
        for kind, model in {"oidc_identity": OidcIdentity, "oidc_state": OidcState, "wallet": Wallet, "wallet_challenge": WalletChallenge}.items():
            scopes.register_kind(kind, model, open=True, policies=False)
        for kind, model in {"audit_hold": AuditHold, "audit_archive": AuditArchive}.items():
            scopes.register_kind(kind, model, open=True, policies=False)
        scopes.register_kind("workspace", Workspace)
        scopes.register_kind("member", Member, ancestors={"workspace": "workspace_id"})
        scopes.register_kind("api_key", ApiKey, ancestors={"workspace": "workspace_id"}, environment="environment")
        scopes.register_kind("device_operator", DeviceOperator, ancestors={"workspace": "workspace_id"}, environment="environment")
        scopes.register_kind("device_key", DeviceKey, ancestors={"device_operator": "operator_id"})
        scopes.register_kind("webhook_endpoint", WebhookEndpoint, ancestors={"workspace": "workspace_id"}, environment="environment")
        webhook = {"webhook_endpoint": "endpoint_id", "workspace": "workspace_id"}
        scopes.register_kind("webhook_delivery", WebhookDelivery, ancestors=webhook, environment="environment")
        scopes.register_kind("webhook_attempt", WebhookAttempt, ancestors={"webhook_delivery": "delivery_id"})
        control_room.connect()
