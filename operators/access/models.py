"""Roles of users and groups, and the policies above them (03 §7–8). Grants stand beside the kinds that they open."""

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models

EVERYTHING = "*"
_POLICIES = uuid.UUID("5b0c6f0e-6a0b-5a7c-9a53-3f0d1c9a7e11")


class Role(models.TextChoices):
    """User roles; what each may do stands in the catalogue."""

    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    AUDITOR = "auditor"


class UserRole(models.Model):
    """This user has this role."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="role_rows")
    role = models.CharField(max_length=8, choices=Role)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "role"], name="user_role_once")]

    def __str__(self):
        return self.role


class GroupRole(models.Model):
    """Everyone in this group has this role."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="role_rows")
    role = models.CharField(max_length=8, choices=Role)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["group", "role"], name="group_role_once")]

    def __str__(self):
        return self.role


class Effect(models.TextChoices):
    """What a policy does: open a way to things, or close it whatever else says yes."""

    ALLOW = "allow"
    DENY = "deny"


class SubjectType(models.TextChoices):
    """Whom a policy is about. `everyone`: users, keys, console operators; not nodes."""

    USER = "user"
    GROUP = "group"
    EVERYONE = "everyone"


def policy_id(effect, subject_type, subject_id, permissions, resource_type, resource_id) -> uuid.UUID:
    """UUIDv5 of everything that makes a policy what it is: the same rule twice has the same id."""
    parts = [effect, subject_type, subject_id or "", ",".join(sorted(permissions)), resource_type, resource_id]
    return uuid.uuid5(_POLICIES, "|".join(map(str, parts)))


class AccessPolicy(models.Model):
    """One rule: (whom) may or may not reach (what), for these permissions.

    Subject and resource are ids as text, not keys: a rule whose target has gone stays, and reads as stale.

    subject_id    of a user or group; empty for everyone
    permissions   permission strings, or ["*"]
    resource_type a registered kind · resource_id an id or "*"
    """

    AUDIT_FIELDS = ("effect", "subject_type", "subject_id", "permissions", "resource_type", "resource_id", "reason")

    id = models.UUIDField(primary_key=True, editable=False)
    effect = models.CharField(max_length=5, choices=Effect)
    subject_type = models.CharField(max_length=8, choices=SubjectType)
    subject_id = models.CharField(max_length=64, blank=True)
    permissions = ArrayField(models.CharField(max_length=64))
    resource_type = models.CharField(max_length=40)
    resource_id = models.CharField(max_length=64)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()
        verbose_name_plural = "access policies"
        ordering = ["effect", "resource_type", "id"]
        indexes = [models.Index(fields=["subject_type", "subject_id"], name="policy_subject")]

    def __str__(self):
        whom = f"{self.subject_type} {self.subject_id}".strip()
        return f"{whom} · {self.effect} · {self.resource_type} {self.resource_id}"


def seed_policies(model=AccessPolicy) -> None:
    """The one policy of a new installation: for the fleet, roles alone suffice until someone narrows them."""
    rule = {"effect": Effect.ALLOW.value, "subject_type": SubjectType.EVERYONE.value, "subject_id": "", "permissions": [EVERYTHING]}
    rule |= {"resource_type": "site", "resource_id": EVERYTHING}
    model.objects.get_or_create(pk=policy_id(**rule), defaults=rule)
