"""What is known of a user before any object is looked at, in one statement.

Every request asks it, and its parts lie in nine tables: composed by the ORM it took four statements, and a quarter of a small request.
"""

from dataclasses import dataclass, field
from functools import cache

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from operators.access.models import AccessPolicy, GroupRole, UserRole
from operators.console.models import ConsoleOperator
from operators.identity.models import User
from operators.workspaces.models import Member

_STATEMENT = """
WITH crew AS (SELECT group_id AS id FROM {user_groups} WHERE user_id = %(user)s)
SELECT 'group', id::text, '', '', '', NULL::text[] FROM crew
UNION ALL SELECT 'role', role, '', '', '', NULL FROM {user_role} WHERE user_id = %(user)s
UNION ALL SELECT 'role', role, '', '', '', NULL FROM {group_role} WHERE group_id IN (SELECT id FROM crew)
UNION ALL SELECT 'member', workspace_id::text, role, '', '', NULL FROM {member} WHERE user_id = %(user)s
UNION ALL SELECT 'production', role, picked_with, '', '', NULL FROM {operator} WHERE user_id = %(user)s AND deleted_at IS NULL
UNION ALL SELECT 'grant', app_label, codename, '', '', NULL
    FROM {permission} AS held JOIN {content_type} AS kind ON kind.id = held.content_type_id
    WHERE starts_with(codename, 'scope_') AND held.id IN (
        SELECT permission_id FROM {user_permissions} WHERE user_id = %(user)s
        UNION ALL SELECT permission_id FROM {group_permissions} WHERE group_id IN (SELECT id FROM crew))
UNION ALL SELECT 'rule', id::text, effect, resource_type, resource_id, permissions::text[] FROM {policy}
    WHERE subject_type = 'everyone' OR (subject_type = 'user' AND subject_id = %(user)s::text)
        OR (subject_type = 'group' AND subject_id IN (SELECT id::text FROM crew))
"""


@dataclass
class Facts:
    """Of one user.

    group_ids   · roles  of the installation: their own and their groups'
    members     (workspace id, role there)
    production  (role, the permission it was picked with or "") of their console operator, if they are one
    grants      (app label, codename) of grants without an object
    rules       (id, effect, resource type, resource id, permissions) of the policies about them, their groups and everyone, in the policies' order
    """

    group_ids: list[int] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)
    members: list[tuple[str, str]] = field(default_factory=list)
    production: tuple[str, str] | None = None
    grants: set[tuple[str, str]] = field(default_factory=set)
    rules: list[tuple[str, str, str, str, list[str]]] = field(default_factory=list)


def of(user: User) -> Facts:
    """As they are now."""
    found = Facts()
    with connection.cursor() as cursor:
        cursor.execute(_statement(), {"user": user.pk})
        for kind, first, second, third, fourth, permissions in cursor.fetchall():
            match kind:
                case "group":
                    found.group_ids.append(int(first))
                case "role":
                    found.roles.add(first)
                case "member":
                    found.members.append((first, second))
                case "production":
                    found.production = (first, second)
                case "grant":
                    found.grants.add((first, second))
                case _:
                    found.rules.append((first, second, third, fourth, permissions))
    found.rules.sort(key=lambda rule: (rule[1], rule[2], rule[0]))
    return found


@cache
def _statement() -> str:
    tables = {
        "user_groups": User.groups.through, "user_permissions": User.user_permissions.through, "group_permissions": Group.permissions.through,
        "user_role": UserRole, "group_role": GroupRole, "member": Member, "operator": ConsoleOperator, "policy": AccessPolicy,
        "permission": Permission, "content_type": ContentType,
    }  # fmt: skip
    return _STATEMENT.format(**{name: connection.ops.quote_name(model._meta.db_table) for name, model in tables.items()})
