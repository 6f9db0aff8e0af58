"""Bases of the direct grant tables that stand beside each granted kind (03 §8): "this object is in reach of this user or group".

    class NodeUserGrant(UserGrant):
        content_object = models.ForeignKey(Node, on_delete=models.CASCADE)

        class Meta(UserGrant.Meta):
            pass

Only `operators.access.holdings` writes them.
"""

from django.core.exceptions import ValidationError
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase


class _OneCodename:
    """Guardian takes any codename of the content type; a grant is the kind's `scope_…` and nothing else."""

    def save(self, *args, **kwargs):
        if not self.permission.codename.startswith("scope_"):
            raise ValidationError(f"A grant says what is in reach (scope_…), not {self.permission.codename}.")
        return super().save(*args, **kwargs)


class UserGrant(_OneCodename, UserObjectPermissionBase):
    """Abstract: `user`, `permission`; subclasses add `content_object`."""

    class Meta(UserObjectPermissionBase.Meta):
        abstract = True
        default_permissions = ()


class GroupGrant(_OneCodename, GroupObjectPermissionBase):
    """Abstract: `group`, `permission`; subclasses add `content_object`."""

    class Meta(GroupObjectPermissionBase.Meta):
        abstract = True
        default_permissions = ()
