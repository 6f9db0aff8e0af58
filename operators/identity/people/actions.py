"""What can be done to a user now, and why not: the writes, `/actions`, the detail and the admin ask here."""

from config.kernel.access import Actor
from config.kernel.actions import Action
from operators.identity.models import User
from operators.identity.people import rules, services


def href(user: User) -> str:
    return f"/api/v1/auth/users/{user.pk}"


def of(user: User, actor: Actor) -> dict[str, Action]:
    """updateAccess, resetPassword, disable, enable, delete."""
    asked = rules.asked_of(user)
    removal = None if user.disabled_at else rules.removal_refusal(actor, user)
    return {
        "updateAccess": Action("PATCH", asked, f"{href(user)}/access"),
        "resetPassword": Action("PATCH", asked, f"{href(user)}/password", services.password_refusal(user)),
        "disable": Action("PATCH", asked, f"{href(user)}/status", removal),
        "enable": Action("PATCH", asked, f"{href(user)}/status"),
        "delete": Action("DELETE", asked, href(user), rules.deletion_refusal(actor, user)),
    }


def links(user: User) -> dict[str, str]:
    path = href(user)
    return {
        "self": path,
        "access": f"{path}/access",
        "password": f"{path}/password",
        "status": f"{path}/status",
        "sign_ins": f"/api/v1/auth/sign-ins?userId={user.pk}",
        "audit": f"/api/v1/audit-events?subjectKind=user&subjectId={user.pk}",
    }
