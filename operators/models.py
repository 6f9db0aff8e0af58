"""The app's tables, found by Django here; each lives in its capability."""

from operators.access.models import AccessPolicy, GroupRole, UserRole
from operators.console.models import ConsoleOperator, ControlRoom, ControlRoomEvent, Handover, Invite, SubsystemLock
from operators.identity.models import SignIn, User
from operators.identity.oidc.models import OidcIdentity, OidcState
from operators.identity.wallets.models import Wallet, WalletChallenge
from operators.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookSequence
from operators.workspaces.devices.models import DeviceKey, DeviceOperator
from operators.workspaces.models import ApiKey, Member, Workspace

__all__ = [
    "AccessPolicy",
    "ApiKey",
    "ConsoleOperator",
    "ControlRoom",
    "ControlRoomEvent",
    "DeviceKey",
    "DeviceOperator",
    "GroupRole",
    "Handover",
    "Invite",
    "Member",
    "OidcIdentity",
    "OidcState",
    "SignIn",
    "SubsystemLock",
    "User",
    "UserRole",
    "Wallet",
    "WalletChallenge",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSequence",
    "Workspace",
]
