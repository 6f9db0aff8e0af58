"""Words of workspaces: their roles, the roles in them, their availability, the two worlds of keys; and which slugs nobody may have."""

from django.db import models


class WorkspaceRole(models.TextChoices):
    """What a workspace does; fixed for good."""

    CONSUMER = "CONSUMER"
    SUPPLIER = "SUPPLIER"


class MemberRole(models.TextChoices):
    """What a person is in one workspace; the catalogue says what that allows."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    VIEWER = "VIEWER"


class Environment(models.TextChoices):
    """TEST and LIVE are two worlds: what a TEST key makes is TEST, and each kind of key gets 404 for the other's rows."""

    LIVE = "LIVE"
    TEST = "TEST"


class Availability(models.TextChoices):
    """OFFLINE: declared so. BUSY: computed from its sessions, never set by hand. Else ONLINE."""

    ONLINE = "ONLINE"
    BUSY = "BUSY"
    OFFLINE = "OFFLINE"


class DeviceKind(models.TextChoices):
    """What kind of device an operator of a supplier is (05 §1)."""

    PHONE = "phone"
    LAPTOP = "laptop"
    DRONE = "drone"
    PTZ = "ptz"
    FIXED = "fixed"
    ROBOT = "robot"
    OTHER = "other"


# Words that are, or may become, part of a path or speak in the product's name.
RESERVED_SLUGS = frozenset(
    [
        "account",
        "admin",
        "api",
        "app",
        "assets",
        "audit",
        "auth",
        "billing",
        "challenge",
        "console",
        "docs",
        "edge",
        "export",
        "facets",
        "health",
        "healthz",
        "help",
        "live",
        "login",
        "logout",
        "media",
        "metrics",
        "new",
        "nodes",
        "operator",
        "operators",
        "owner",
        "program",
        "readyz",
        "recordings",
        "root",
        "schema",
        "sessions",
        "settings",
        "sign-in",
        "static",
        "status",
        "support",
        "system",
        "tallyroom",
        "test",
        "webhooks",
        "whep",
        "whip",
        "workspace",
        "workspaces",
        "ws",
        "www",
    ]
)
