"""What lists of users and groups are filtered and sorted by."""

from django.db.models import Q

from config.kernel.filters import Choice, Filter, FilterSet, Flag, Uuid
from operators.access.models import Role, UserRole
from operators.identity.models import User

PROVIDERS = ("local", "oidc", "wallet")


class HasRole(Choice):
    """Users with one of these roles of their own."""

    def q(self, values):
        return Q(pk__in=UserRole.objects.filter(role__in=values).values("user_id"))


class InGroup(Filter):
    """Users in one of these groups."""

    schema = {"type": "integer", "minimum": 1}

    def parse(self, text):
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:11]) < 2**31):
            raise ValueError("must be the id of a group")
        return int(text)

    def q(self, values):
        return Q(pk__in=User.groups.through.objects.filter(group_id__in=values).values("user_id"))


class SignsInBy(Choice):
    """Users who can sign in this way."""

    def q(self, values):
        ways = {
            "local": ~Q(password__startswith="!") & ~Q(password=""),
            "oidc": Q(pk__in=User.objects.filter(oidc_identities__isnull=False).values("pk")),
            "wallet": Q(pk__in=User.objects.filter(wallets__isnull=False).values("pk")),
        }
        combined = Q(pk__in=())
        for value in values:
            combined |= ways[value]
        return combined


class Disabled(Flag):
    """Whether they may not sign in."""

    def q(self, values):
        return Q(disabled_at__isnull=not values[-1])


class UserFilters(FilterSet):
    role = HasRole("role_rows__role", choices=Role)
    group_id = InGroup("groups")
    provider = SignsInBy("pk", choices=PROVIDERS)
    disabled = Disabled("disabled_at")
    must_change_password = Flag("must_change_password")
    search_fields = ("name", "email", "username")
    sorts = {"name": "name", "email": "email_sort", "createdAt": "created_at", "lastSignInAt": "seen_sort"}
    default_sort = "name"


class HasMember(Uuid):
    """Groups with one of these users in them."""

    def q(self, values):
        return Q(pk__in=User.groups.through.objects.filter(user_id__in=values).values("group_id"))


class GroupFilters(FilterSet):
    user_id = HasMember("user")
    search_fields = ("name",)
    sorts = {"name": "name"}
    default_sort = "name"
