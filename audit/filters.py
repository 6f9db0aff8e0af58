"""Filters and facets of the audit."""

import ipaddress

from django.db import connection
from django.db.models import Q

from audit import months
from audit.models import Outcome
from config.kernel.filters import Choice, Filter, FilterSet, Moment, Text, Uuid
from config.kernel.names import snake

FACET_LIMIT = 50
_CORRELATIONS = ("jobId", "recordingId", "sessionId", "conversationId", "scheduleId", "lifecycleJobId", "exportId")


class Verb(Text):
    """A verb, or everything of an area: `recording.*`."""

    def q(self, values):
        combined = Q()
        for value in values:
            combined |= Q(verb__startswith=value[:-1]) if value.endswith(".*") else Q(verb=value)
        return combined


class From(Moment):
    """At or after this instant: as an id range, so that partitions and the key serve it."""

    def q(self, values):
        return Q(id__gte=months.floor_id(max(values)))


class To(Moment):
    """Before this instant."""

    def q(self, values):
        return Q(id__lt=months.floor_id(min(values)))


class Correlation(Uuid):
    """Any of the correlated ids."""

    def q(self, values):
        combined = Q()
        for value in values:
            for name in _CORRELATIONS:
                combined |= Q(correlation__contains={name: str(value)})
        return combined & Q(correlation__isnull=False)


class Workspace(Uuid):
    """Events of a workspace."""

    def q(self, values):
        return Q(workspace_ids__overlap=values)


class Address(Filter):
    """A client address, in any spelling."""

    def parse(self, text):
        try:
            return str(ipaddress.ip_address(text))
        except ValueError as error:
            raise ValueError("must be an IP address") from error


class AuditFilters(FilterSet):
    """See the endpoint's table in `docs/audit.md`."""

    verb = Verb("verb", doc="Exact, or an area: recording.*")
    actor_kind = Text("actor_kind")
    actor_id = Text("actor_id")
    subject_kind = Text("subject_kind")
    subject_id = Text("subject_id")
    permission = Text("permission")
    outcome = Choice("outcome", choices=Outcome.values)
    reason = Text("reason")
    request_id = Text("request_id")
    correlation_id = Correlation("correlation")
    workspace_id = Workspace("workspace_ids")
    environment = Choice("environment", choices=("LIVE", "TEST"))
    ip = Address("ip")
    from_ = From("id", doc="At or after")
    to = To("id", doc="Before")
    search_fields = ("actor_label", "subject_label", "verb")
    sorts = {"id": "id"}
    default_sort = "-id"
    facet_fields = {
        "verb": "verb",
        "area": "area",
        "actorKind": "actor_kind",
        "subjectKind": "subject_kind",
        "permission": "permission",
        "outcome": "outcome",
        "reason": "reason",
    }


_AREA = "split_part(verb, '.', 1)"
_NARROWED_BY = {"area": "verb"}


def facets(queryset, filters: AuditFilters) -> dict:
    """`{field: [{value, count}]}`, each under the other filters. Fields that no filter narrows are counted together, in one pass."""
    free, counted = [], {}
    for wire_name in filters.facet_fields:
        own = snake(_NARROWED_BY.get(wire_name, wire_name))
        if own in filters.values:
            counted |= _count(filters.apply(queryset, without=own), [wire_name])
        else:
            free.append(wire_name)
    if free:
        counted |= _count(filters.apply(queryset), free)
    return {name: counted[name] for name in filters.facet_fields}


def _count(queryset, names: list[str]) -> dict:
    columns = [AuditFilters.facet_fields[name] for name in names]
    needed = sorted({"verb" if column == "area" else column for column in columns})
    sql, params = queryset.order_by().values(*needed).query.sql_with_params()
    expressions = [_AREA if column == "area" else column for column in columns]
    grouping = ", ".join(f"({expression})" for expression in expressions)
    # A set's own column stands among nulls; GROUPING tells which one a row belongs to.
    which = f"GROUPING({', '.join(expressions)})"
    query = (
        f"SELECT which, value, n FROM (SELECT {which} AS which, coalesce({', '.join(expressions)}) AS value, count(*) AS n, "
        f"row_number() OVER (PARTITION BY {which} ORDER BY count(*) DESC, coalesce({', '.join(expressions)})) AS place "
        f"FROM ({sql}) AS rows GROUP BY GROUPING SETS ({grouping})) AS counted WHERE value IS NOT NULL AND place <= {FACET_LIMIT + 1} ORDER BY which, place"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        rows = cursor.fetchall()
    every = (1 << len(names)) - 1
    found: dict[str, list] = {name: [] for name in names}
    for which, value, count in rows:
        name = names[len(names) - (every ^ which).bit_length()]
        if len(found[name]) < FACET_LIMIT:
            found[name].append({"value": value, "count": count})
    return found
