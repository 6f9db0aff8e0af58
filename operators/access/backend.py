"""The one authentication backend that says yes: passwords by `operators.identity`, permissions by `decide`.

No other backend grants anything: Django ORs them, so one yes would undo a deny.
"""

from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password

from config.kernel.access import Actor, Kind, Perm, ports
from operators.access.catalogue import BY_CODENAME
from operators.identity.models import User
from operators.identity.names import normal_email


def actor_of_user(user: User) -> Actor:
    """The actor that Django's admin asks for, one for each user object, so that what it holds is resolved once."""
    if not hasattr(user, "_tally_actor"):
        user._tally_actor = Actor(kind=Kind.USER, id=str(user.pk), label=user.label, subject=user)
    return user._tally_actor


class AccessBackend(BaseBackend):
    """See the module. `get_user` stays Django's None: whoever is signed in is known by their SignIn alone."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        """The enabled user with this password, else None. An unknown and a disabled account cost one hash too."""
        if username is None or password is None:
            return None
        user = User.objects.filter(username=normal_email(username)).first() or User.objects.filter(email=normal_email(username)).first()
        if user is None:
            make_password(password)
            return None
        return user if user.check_password(password) and user.is_active else None

    def has_perm(self, user_obj, perm, obj=None):
        """`app.codename` asked of `decide`. An unknown codename is a mistake: it raises in development and tests (STRICT_CODENAMES) and is refused in production."""
        permission: Perm | None = BY_CODENAME.get(perm)
        if permission is None:
            if settings.STRICT_CODENAMES:
                raise LookupError(f"{perm} is no permission of the catalogue")
            return False
        if not user_obj.is_active or user_obj.is_anonymous:
            return False
        return ports.decide(actor_of_user(user_obj), permission, obj).allowed

    def has_module_perms(self, user_obj, app_label):
        return not user_obj.is_anonymous and user_obj.is_staff
