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

VERBS = (SIGNED_IN, SIGN_IN_FAILED, SIGN_IN_REVOKED, SIGNED_OUT, PASSWORD_CHANGED, USER_UNLOCKED, USER_CREATED, ROLES_CHANGED, GRANTS_REPLACED)
