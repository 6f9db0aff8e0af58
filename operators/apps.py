"""The app of people and of what they may do."""

from django.apps import AppConfig


class OperatorsConfig(AppConfig):
    name = "operators"
    label = "operators"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from axes.models import AccessAttempt
        from django.contrib.auth.models import Group

        from config.kernel.access import Kind, ports, register_credential
        from operators.access import scopes, selectors, services
        from operators.access.models import AccessPolicy
        from operators.identity import selectors as identity
        from operators.identity.models import SignIn, User

        ports.decide = selectors.decide
        ports.scoped = selectors.scoped
        ports.ancestors = selectors.ancestors
        ports.reach = selectors.reach
        ports.cookie_actor = identity.actor_of_cookie
        ports.access_epoch = services.access_epoch
        register_credential(identity.TOKEN_PREFIX, Kind.USER, identity.actor_of_token)
        # No policy applies to these: an owner can always undo one.
        for kind, model in {"user": User, "group": Group, "access_policy": AccessPolicy, "sign_in": SignIn, "attempt": AccessAttempt}.items():
            scopes.register_kind(kind, model, open=True, policies=False)
