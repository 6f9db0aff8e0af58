"""Replacing the access policies: all at once, in one transaction, with what changed in the audit."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import connection, transaction

from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from operators import verbs
from operators.access.models import EVERYTHING, AccessPolicy, policy_id
from operators.access.policies import selectors
from operators.access.policies.serializers import LIMIT
from operators.access.services import access_changed


@dataclass(frozen=True)
class Wanted:
    """A rule to be in force. `unknown` are the fields of it that name nothing that there is."""

    columns: dict
    unknown: tuple[str, ...] = ()

    @property
    def id(self):
        facts = {name: value for name, value in self.columns.items() if name != "reason"}
        return policy_id(**facts)


def wanted(item: dict) -> Wanted:
    """A validated `PolicyBody`, whose known references are rows by now."""
    subject, resource = item.get("subject_id"), item["resource_id"]
    named = {"subjectId": subject, "resourceId": resource}
    columns = {
        "effect": item["effect"],
        "subject_type": item["subject_type"],
        "subject_id": _text(subject),
        "permissions": item["permissions"],
        "resource_type": item["resource_type"],
        "resource_id": _text(resource),
        "reason": item.get("reason", ""),
    }
    return Wanted(columns, tuple(name for name, value in named.items() if isinstance(value, str) and value != EVERYTHING))


def _text(named) -> str:
    return named if isinstance(named, str) else "" if named is None else str(named.pk)


def replace(*, actor: Actor, rules: Iterable[Wanted], check: Callable[[list[AccessPolicy]], None] = lambda _rows: None) -> list[AccessPolicy]:
    """Put `rules` in the place of all there are. `check(rows)` sees the present ones under the lock (If-Match).

    A new rule must name what exists; one that was there already may go on naming what has gone (it reads `stale`).
    ApiError validation_failed (the same rule twice), reference_not_found.
    """
    rules = list(rules)
    _demand_different(rules)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('access.policies', 0))")
        held = {row.pk: row for row in AccessPolicy.objects.all()}
        _demand_known(rules, held)
        check(list(held.values()))
        _write(actor, held, {rule.id: rule for rule in rules})
    return selectors.policies()


def add(*, actor: Actor, rule: Wanted) -> None:
    """One more rule beside those in force. ApiError as `replace`, limit_reached (500)."""
    held = [_as_wanted(row) for row in AccessPolicy.objects.all()]
    if len(held) >= LIMIT:
        raise ApiError("limit_reached", data={"limit": LIMIT})
    replace(actor=actor, rules=[*held, rule], check=_unchanged(held))


def remove(*, actor: Actor, policy: AccessPolicy) -> None:
    """All rules but this one."""
    held = [_as_wanted(row) for row in AccessPolicy.objects.all()]
    replace(actor=actor, rules=[rule for rule in held if rule.id != policy.pk], check=_unchanged(held))


def _as_wanted(row: AccessPolicy) -> Wanted:
    names = ("effect", "subject_type", "subject_id", "permissions", "resource_type", "resource_id", "reason")
    return Wanted({name: getattr(row, name) for name in names})


def _unchanged(rules: list[Wanted]) -> Callable[[list[AccessPolicy]], None]:
    """412 if somebody replaced the rules between reading and writing."""

    def check(rows):
        if {row.pk for row in rows} != {rule.id for rule in rules}:
            raise ApiError("edit_conflict")

    return check


def _demand_different(rules: list[Wanted]) -> None:
    seen, errors = set(), []
    for index, rule in enumerate(rules):
        if rule.id in seen:
            errors.append({"path": f"policies[{index}]", "code": "duplicate", "message": "This rule stands in the list already."})
        seen.add(rule.id)
    if errors:
        raise ApiError("validation_failed", data={"errors": errors})


def _demand_known(rules: list[Wanted], held: dict) -> None:
    for index, rule in enumerate(rules):
        if rule.unknown and rule.id not in held:
            raise ApiError("reference_not_found", data={"path": f"policies[{index}].{rule.unknown[0]}"})


def _write(actor: Actor, held: dict, asked: dict) -> None:
    gone = [row for pk, row in held.items() if pk not in asked]
    new = [AccessPolicy(pk=pk, **rule.columns) for pk, rule in asked.items() if pk not in held]
    reworded = [row for pk, row in held.items() if pk in asked and row.reason != asked[pk].columns["reason"]]
    if not (gone or new or reworded):
        return
    before = [_line(row) for row in [*gone, *reworded]]
    for row in reworded:
        row.reason = asked[row.pk].columns["reason"]
    AccessPolicy.objects.filter(pk__in=[row.pk for row in gone]).delete()
    AccessPolicy.objects.bulk_create(new)
    AccessPolicy.objects.bulk_update(reworded, ["reason"])
    ports.record(
        verbs.POLICIES_REPLACED,
        actor=actor,
        outcome="succeeded",
        permission=Perm.AUTH_MANAGE,
        before={"policies": before},
        after={"policies": [_line(row) for row in [*new, *reworded]]},
        details={"removed": len(gone), "added": len(new), "reworded": len(reworded), "total": len(asked)},
    )
    access_changed()


def _line(row: AccessPolicy) -> str:
    whom = f"{row.subject_type}:{row.subject_id}" if row.subject_id else row.subject_type
    reason = f" ({row.reason})" if row.reason else ""
    return f"{row.effect} {whom} {','.join(row.permissions)} on {row.resource_type}:{row.resource_id}{reason}"
