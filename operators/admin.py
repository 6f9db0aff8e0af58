"""Found by Django's autodiscovery; each screen lives in its capability."""

from operators.access import admin as access
from operators.console import admin as console
from operators.identity import admin as identity
from operators.identity.oidc import admin as oidc
from operators.identity.people import admin as people
from operators.identity.wallets import admin as wallets
from operators.webhooks import admin as webhooks
from operators.workspaces import admin as workspaces

__all__ = ["access", "console", "identity", "oidc", "people", "wallets", "webhooks", "workspaces"]
