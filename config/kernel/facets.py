"""Facets: `{field: [{value, count}]}`, each counted over what the caller may see, under the other filters."""

from django.db.models import Count, F, Func

from config.kernel.filters import Each, FilterSet
from config.kernel.names import snake

LIMIT = 100


def facets(queryset, filters: FilterSet) -> dict:
    """`queryset` is scoped, not yet filtered. Values are as in the list; empty values are left out."""
    counted = {}
    for wire_name, source in filters.facet_fields.items():
        rows = filters.apply(queryset, without=snake(wire_name)).order_by()
        if isinstance(source, Each):
            rows = rows.annotate(_facet=Func(F(source.field), function="unnest"))
        else:
            rows = rows.annotate(_facet=F(source))
        grouped = rows.values("_facet").annotate(_count=Count("pk", distinct=True)).order_by("-_count", "_facet")[:LIMIT]
        counted[wire_name] = [{"value": row["_facet"], "count": row["_count"]} for row in grouped if row["_facet"] not in (None, "")]
    return counted
