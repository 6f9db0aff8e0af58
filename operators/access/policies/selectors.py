"""The policies in force, and whether what they name is still there."""

from collections import defaultdict

from django.contrib.auth.models import Group

from config.kernel.etags import etag
from operators.access import scopes
from operators.access.models import EVERYTHING, AccessPolicy, SubjectType
from operators.identity.models import User


def policies() -> list[AccessPolicy]:
    """All of them, in their order; each knows whether it is `stale`: what it names is gone."""
    rows = list(AccessPolicy.objects.all())
    there = _existing(rows)
    for row in rows:
        row.stale = any(named not in there for named in _named(row))
    return rows


def is_stale(row: AccessPolicy) -> bool:
    """The same for one."""
    return any(named not in _existing([row]) for named in _named(row))


def tag(rows) -> str:
    """The ETag of the whole set."""
    return etag("access-policies", *sorted((str(row.pk), row.reason) for row in rows))


def _named(row: AccessPolicy) -> list[tuple[str, str]]:
    """(kind, id) of what a rule names."""
    found = [] if row.subject_type == SubjectType.EVERYONE else [(row.subject_type, row.subject_id)]
    return found if row.resource_id == EVERYTHING else [*found, (row.resource_type, row.resource_id)]


def _existing(rows) -> set[tuple[str, str]]:
    """Which of all named things exist: a query for each kind."""
    asked = defaultdict(set)
    for row in rows:
        for kind, pk in _named(row):
            asked[kind].add(pk)
    return {(kind, pk) for kind, ids in asked.items() for pk in _ids_of(kind, ids)}


def _ids_of(kind: str, ids: set[str]) -> set[str]:
    model = {SubjectType.USER.value: User, SubjectType.GROUP.value: Group}.get(kind) or (scopes.named(kind) and scopes.named(kind).model)
    if model is None:
        return set()
    known = {text: pk for text in ids if (pk := scopes.pk_of(model, text)) is not None}
    there = set(model._base_manager.filter(pk__in=set(known.values())).values_list("pk", flat=True))
    return {text for text, pk in known.items() if pk in there}
