"""Every verb that this app records (10): `<area>.<thing>.<past>`."""

SIGNED_IN = "auth.sign_in.succeeded"
SIGN_IN_FAILED = "auth.sign_in.failed"
SIGN_IN_REVOKED = "auth.sign_in.revoked"
SIGNED_OUT = "auth.sign_out.succeeded"
PASSWORD_CHANGED = "auth.password.changed"
USER_UNLOCKED = "auth.user.unlocked"
USER_CREATED = "auth.user.created"
ROLES_CHANGED = "auth.user.roles_changed"
GRANTS_REPLACED = "auth.grants.replaced"
ACCESS_CHANGED = "auth.user.access_changed"
PASSWORD_RESET = "auth.password.reset"
USER_DISABLED = "auth.user.disabled"
USER_ENABLED = "auth.user.enabled"
USER_DELETED = "auth.user.deleted"
GROUP_CREATED = "auth.group.created"
GROUP_UPDATED = "auth.group.updated"
GROUP_DELETED = "auth.group.deleted"
POLICIES_REPLACED = "auth.policies.replaced"
IDENTITY_LINKED = "auth.identity.linked"
CLAIMS_IGNORED = "auth.oidc.claims_ignored"
GROUPS_MAPPED = "auth.user.groups_mapped"
WALLET_USER_EXPIRED = "auth.user.expired"
WORKSPACE_CREATED = "workspace.created"
WORKSPACE_UPDATED = "workspace.updated"
WORKSPACE_SUSPENDED = "workspace.suspended"
WORKSPACE_RESUMED = "workspace.resumed"
WORKSPACE_SELECTED = "workspace.selected"
MEMBER_ADDED = "workspace.member.added"
MEMBER_CHANGED = "workspace.member.changed"
MEMBER_REMOVED = "workspace.member.removed"
KEY_MINTED = "workspace.api_key.minted"
KEY_REVOKED = "workspace.api_key.revoked"
WEBHOOK_ENDPOINT_CREATED = "webhook.endpoint.created"
WEBHOOK_ENDPOINT_UPDATED = "webhook.endpoint.updated"
WEBHOOK_ENDPOINT_DELETED = "webhook.endpoint.deleted"
WEBHOOK_ENDPOINT_DISABLED = "webhook.endpoint.disabled"
WEBHOOK_SECRET_ROTATED = "webhook.secret.rotated"
WEBHOOK_TESTED = "webhook.endpoint.tested"
WEBHOOK_REDELIVERED = "webhook.delivery.redelivered"
WEBHOOK_ENDPOINTS_EXPORTED = "webhook.endpoint.exported"
WEBHOOK_DELIVERIES_EXPORTED = "webhook.delivery.exported"
OPERATOR_REGISTERED = "control_room.operator.registered"
OPERATOR_TOKEN_ROTATED = "control_room.operator.token_rotated"
OPERATOR_DELETED = "control_room.operator.deleted"
INVITE_CREATED = "control_room.invite.created"
INVITE_ROTATED = "control_room.invite.rotated"
INVITE_REVOKED = "control_room.invite.revoked"
INVITES_SHOWN = "control_room.invites.shown"
LOCK_ACQUIRED = "control_room.lock.acquired"
LOCK_RELEASED = "control_room.lock.released"
LOCK_FORCED = "control_room.lock.force_released"
HANDOVER_ASKED = "control_room.handover.asked"
HANDOVER_CLOSED = "control_room.handover.closed"
CONTROL_ROOM_UPDATED = "control_room.updated"
EVENTS_EXPORTED = "control_room.event.exported"

VERBS = (
    SIGNED_IN,
    SIGN_IN_FAILED,
    SIGN_IN_REVOKED,
    SIGNED_OUT,
    PASSWORD_CHANGED,
    USER_UNLOCKED,
    USER_CREATED,
    ROLES_CHANGED,
    GRANTS_REPLACED,
    ACCESS_CHANGED,
    PASSWORD_RESET,
    USER_DISABLED,
    USER_ENABLED,
    USER_DELETED,
    GROUP_CREATED,
    GROUP_UPDATED,
    GROUP_DELETED,
    POLICIES_REPLACED,
    IDENTITY_LINKED,
    CLAIMS_IGNORED,
    GROUPS_MAPPED,
    WALLET_USER_EXPIRED,
    WORKSPACE_CREATED,
    WORKSPACE_UPDATED,
    WORKSPACE_SUSPENDED,
    WORKSPACE_RESUMED,
    WORKSPACE_SELECTED,
    MEMBER_ADDED,
    MEMBER_CHANGED,
    MEMBER_REMOVED,
    KEY_MINTED,
    KEY_REVOKED,
    WEBHOOK_ENDPOINT_CREATED,
    WEBHOOK_ENDPOINT_UPDATED,
    WEBHOOK_ENDPOINT_DELETED,
    WEBHOOK_ENDPOINT_DISABLED,
    WEBHOOK_SECRET_ROTATED,
    WEBHOOK_TESTED,
    WEBHOOK_REDELIVERED,
    WEBHOOK_ENDPOINTS_EXPORTED,
    WEBHOOK_DELIVERIES_EXPORTED,
    OPERATOR_REGISTERED,
    OPERATOR_TOKEN_ROTATED,
    OPERATOR_DELETED,
    INVITE_CREATED,
    INVITE_ROTATED,
    INVITE_REVOKED,
    INVITES_SHOWN,
    LOCK_ACQUIRED,
    LOCK_RELEASED,
    LOCK_FORCED,
    HANDOVER_ASKED,
    HANDOVER_CLOSED,
    CONTROL_ROOM_UPDATED,
    EVENTS_EXPORTED,
)
