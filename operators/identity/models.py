"""People who sign in, and their sign-ins (never "session": that is a piece of live work)."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q

from config.kernel.access import Perm
from config.kernel.ids import uuid7
from operators.identity.names import normal_email


class UserManager(BaseUserManager):
    """Makes users; roles are given by `operators.access.services`."""

    def create_user(self, username: str, password: str | None = None, *, email: str | None = None, name: str = "", **fields) -> "User":
        """A user without any role; without `password` there is no local sign-in."""
        user = self.model(username=username, email=normal_email(email) if email else None, name=name or username, **fields)
        if password is None:
            user.set_unusable_password()
        else:
            user.set_password(password)
        user.save()
        return user

    def create_superuser(self, username: str, password: str | None = None, *, email: str | None = None, name: str = "") -> "User":
        """What Django calls a superuser is an owner here: a role that a deny policy still binds."""
        from operators.access.services import create_owner

        return create_owner(email=email or username, name=name, password=password)

    def get_by_natural_key(self, username):
        return self.get(username=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. What they may do is decided by `operators.access` alone.

    username    e-mail of a local user, `0x…` of a wallet's, `oidc:` + 16 hex of a provider's; never null, never used to link
    email       NFKC, lower case, unique; null for who has none
    disabled_at since when nobody signs in as this user; disabling revokes every sign-in
    must_change_password   set when somebody else chose the password: until it is changed only `me`, `logout` and `me/password` answer
    """

    AUDIT_FIELDS = ("username", "email", "name", "must_change_password", "disabled_at")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(max_length=254, unique=True)
    email = models.EmailField(max_length=254, unique=True, null=True, blank=True)
    name = models.CharField(max_length=120)
    must_change_password = models.BooleanField(default=False)
    disabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # No flag goes round a deny policy.
    is_superuser = None

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []
    objects = UserManager()

    class Meta:
        default_permissions = ()
        ordering = ["name", "id"]
        # Those of the installation; the others are declared by the models of their kinds.
        permissions = [
            (Perm.SYSTEM_ADMIN.codename, Perm.SYSTEM_ADMIN.value),
            (Perm.AUTH_MANAGE.codename, Perm.AUTH_MANAGE.value),
            (Perm.SETTINGS_MANAGE.codename, Perm.SETTINGS_MANAGE.value),
            (Perm.SETTINGS_READ.codename, Perm.SETTINGS_READ.value),
            (Perm.METRICS_READ.codename, Perm.METRICS_READ.value),
        ]

    def __str__(self):
        return self.label

    @property
    def label(self) -> str:
        """What people and the audit call this user."""
        return self.email or self.username

    @property
    def is_active(self) -> bool:
        return self.disabled_at is None

    @property
    def is_staff(self) -> bool:
        """Whether the admin opens: one of five permissions, by a user role."""
        from operators.access.selectors import is_staff

        return is_staff(self)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


class SignInKind(models.TextChoices):
    """How a sign-in is carried."""

    TOKEN = "token"
    COOKIE = "cookie"


class SignInQuerySet(models.QuerySet):
    """`live(at)`: neither revoked nor expired."""

    def live(self, at):
        return self.filter(revoked_at=None, expires_at__gt=at)


class SignIn(models.Model):
    """One sign-in of a user, read on every request; 12 h absolute, never sliding.

    digest         SHA-256 of the token, or of the session key: neither is stored
    last_four      of the token, so that a person recognises it; empty for a cookie
    last_seen_at   written at most once a minute
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    kind = models.CharField(max_length=6, choices=SignInKind)
    digest = models.BinaryField(max_length=32, unique=True)
    last_four = models.CharField(max_length=4, blank=True)
    active_workspace_id = models.UUIDField(null=True, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    objects = SignInQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["user", "created_at"], condition=Q(revoked_at=None), name="sign_in_live"),
            models.Index(fields=["expires_at"], name="sign_in_expiry"),
        ]

    def __str__(self):
        return f"{self.kind} of {self.user_id}"
