"""Facets: `{field: [{value, count}]}`, each counted over what the caller may see, under the other filters."""

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Count, F, Func

from config.kernel.filters import Each, FilterSet
from config.kernel.names import snake

LIMIT = 100


def facets(queryset, filters: FilterSet) -> dict:
    """`queryset` is scoped, not yet filtered. Values are as in the list; empty values are left out.

    Plain columns that no filter of their own narrows share all filters: they are counted in one pass over the rows. The others, one by one.
    """
    together, counted = {}, {}
    filtered = filters.apply(queryset)
    shareable = not _multiplies_rows(filtered)
    for wire_name, source in filters.facet_fields.items():
        own = snake(wire_name)
        if shareable and isinstance(source, str) and "__" not in source and own not in filters.values:
            together[wire_name] = source
        else:
            rows = filters.apply(queryset, without=own)
            # Sorting by id to count it once costs four times the count: only where rows can repeat.
            counted[wire_name] = _alone(rows, source, repeated=_multiplies_rows(rows) or (isinstance(source, str) and "__" in source))
    counted |= _in_one_pass(filtered, together)
    return {name: [{"value": value, "count": count} for value, count in counted[name] if value not in (None, "")] for name in filters.facet_fields}


def _alone(rows, source, *, repeated: bool) -> list[tuple]:
    facet = Func(F(source.field), function="unnest") if isinstance(source, Each) else F(source)
    grouped = rows.order_by().annotate(_facet=facet).values_list("_facet")
    return list(grouped.annotate(_count=Count("pk", distinct=repeated)).order_by("-_count", "_facet")[:LIMIT])


def _multiplies_rows(queryset) -> bool:
    """Whether a filter joined a table with several rows for one of ours: then only distinct ids may be counted."""
    joins = (getattr(table, "join_field", None) for table in queryset.query.alias_map.values())
    return any(field is not None and (field.one_to_many or field.many_to_many) for field in joins)


def _in_one_pass(rows, sources: dict[str, str]) -> dict[str, list[tuple]]:
    """`{wire name: [(value, count)]}`, most frequent first, from one statement with a grouping set for each column."""
    found: dict[str, list[tuple]] = {name: [] for name in sources}
    if not sources:
        return found
    # Each facet has a column of its own, also where two count the same one.
    names = [f"facet_{number}" for number in range(len(sources))]
    annotated = rows.order_by().annotate(**{name: F(source) for name, source in zip(names, sources.values(), strict=True)})
    try:
        inner, params = annotated.values_list(*names).query.sql_with_params()
    except EmptyResultSet:
        return found
    listed = ", ".join(names)
    query = f"""
        SELECT which, position, {listed}, amount FROM (
            SELECT grouping({listed}) AS which, {listed}, count(*) AS amount,
                row_number() OVER (PARTITION BY grouping({listed}) ORDER BY count(*) DESC, {listed}) AS position
            FROM ({inner}) AS rows ({listed}) GROUP BY GROUPING SETS ({", ".join(f"({name})" for name in names)})
        ) AS counted WHERE position <= {LIMIT} ORDER BY which, position
    """
    # A set's own column is the one whose bit is clear; the first column has the highest bit.
    everything = 2 ** len(names) - 1
    index_of = {everything ^ 2 ** (len(names) - 1 - number): number for number in range(len(names))}
    wire_names = list(sources)
    with connections[rows.db].cursor() as cursor:
        cursor.execute(query, params)
        for which, _, *values, amount in cursor.fetchall():
            number = index_of[which]
            found[wire_names[number]].append((values[number], amount))
    return found
