"""Declared filters, search and sort of a list: one declaration serves the query, the facets, the export and the OpenAPI document.

    class NodeFilters(FilterSet):
        status = Choice("status", choices=NodeStatus)
        site_id = Uuid("site_id")
        last_seen_from = Moment("state__last_seen_at__gte")
        search_fields = ("alias", "notes")
        sorts = {"alias": "alias", "lastSeenAt": "seen_sort"}
        default_sort = "alias"
        facet_fields = {"status": "status", "tag": Each("tags")}

Repeated parameters are OR (`In`), except `AllOf`. Names are snake_case here, camelCase on the wire.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from config.kernel.errors import ApiError, FieldError
from config.kernel.names import camel

PAGING = ("limit", "cursor", "sort", "search")


class Filter:
    """One query parameter. `lookup` is a Django lookup; several values are OR-ed. Subclasses parse."""

    schema = {"type": "string"}

    def __init__(self, lookup: str, *, doc: str = ""):
        self.lookup, self.doc = lookup, doc

    def parse(self, text: str):
        if "\x00" in text or len(text) > 500:
            raise ValueError("not a usable text")
        return text

    def q(self, values: list) -> Q:
        combined = Q()
        for value in values:
            combined |= Q(**{self.lookup: value})
        return combined

    def apply(self, queryset, values: list):
        return queryset.filter(self.q(values))


class Text(Filter):
    """Exact text."""


class Choice(Filter):
    """One of an enum's values."""

    def __init__(self, lookup: str, *, choices, doc: str = ""):
        super().__init__(lookup, doc=doc)
        self.choices = [str(getattr(choice, "value", choice)) for choice in choices]
        self.schema = {"type": "string", "enum": self.choices}

    def parse(self, text):
        if text not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        return text


class Uuid(Filter):
    """An id."""

    schema = {"type": "string", "format": "uuid"}

    def parse(self, text):
        try:
            return uuid.UUID(text)
        except ValueError as error:
            raise ValueError("must be an id") from error


class Moment(Filter):
    """An instant, RFC 3339 with offset."""

    schema = {"type": "string", "format": "date-time"}

    def parse(self, text) -> datetime:
        # A plus sign that was not escaped arrives as a space.
        try:
            value = parse_datetime(text.replace(" ", "+"))
        except ValueError:
            value = None
        if value is None or value.tzinfo is None:
            raise ValueError("must be a time with offset, like 2026-05-13T08:42:00Z")
        try:
            # The database takes no offset beyond 15:59, Python's end at 23:59.
            return value.astimezone(UTC)
        except (OverflowError, ValueError) as error:
            raise ValueError("is out of range") from error


class Flag(Filter):
    """true or false."""

    schema = {"type": "boolean"}

    def parse(self, text):
        if text not in {"true", "false"}:
            raise ValueError("must be true or false")
        return text == "true"


class Number(Filter):
    """A finite number."""

    schema = {"type": "number"}

    def parse(self, text) -> float:
        value = float(text)
        if not abs(value) < 1e15:
            raise ValueError("is out of range")
        return value


class AllOf(Text):
    """Repeated values must all be in an array column."""

    def q(self, values):
        return Q(**{f"{self.lookup}__contains": values})


@dataclass(frozen=True)
class Each:
    """A facet over the elements of an array column that holds none of them twice."""

    field: str


class FilterSet:
    """See the module. `search_fields` take words with `icontains`; override `search` for an index of its own."""

    search_fields: tuple[str, ...] = ()
    sorts: dict[str, str] = {}
    default_sort: str = ""
    facet_fields: dict[str, object] = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        declared = {}
        for base in reversed(cls.__mro__):
            declared.update({name: value for name, value in vars(base).items() if isinstance(value, Filter)})
        cls.declared = declared
        cls.by_wire_name = {camel(name): (name, value) for name, value in declared.items()}

    declared: dict[str, Filter] = {}
    by_wire_name: dict[str, tuple[str, Filter]] = {}

    @classmethod
    def known(cls) -> set[str]:
        names = set(cls.by_wire_name)
        return names | {"search"} if cls.search_fields else names

    def __init__(self, query):
        """`query` is a QueryDict; FieldError for a value that does not parse."""
        self.values: dict[str, list] = {}
        for wire_name, (name, item) in self.by_wire_name.items():
            texts = query.getlist(wire_name)
            if len(texts) > 200:
                raise FieldError(wire_name, "too_many", "At most 200 values.")
            if texts:
                self.values[name] = [self._parse(wire_name, item, text) for text in texts]
        self.text = query.get("search", "").strip()
        if self.search_fields and "search" in query and not 2 <= len(self.text) <= 200 or "\x00" in self.text:
            raise FieldError("search", "length", "Search with 2 to 200 characters.")

    @staticmethod
    def _parse(wire_name, item, text):
        try:
            return item.parse(text)
        except ValueError as error:
            raise FieldError(wire_name, "invalid", f"{wire_name} {error}.") from error

    def apply(self, queryset, *, without: str | None = None):
        """`queryset` under every filter but `without` (a facet is counted under the others)."""
        for name, values in self.values.items():
            if name != without:
                queryset = self.declared[name].apply(queryset, values)
        return self.search(queryset) if self.text else queryset

    def search(self, queryset):
        for word in self.text.split():
            match = Q()
            for name in self.search_fields:
                match |= Q(**{f"{name}__icontains": word})
            queryset = queryset.filter(match)
        return queryset

    def fingerprint(self) -> str:
        """Binds a cursor to its filters."""
        return repr(sorted((name, sorted(map(str, values))) for name, values in self.values.items())) + self.text

    @classmethod
    def order(cls, text: str | None) -> tuple[str, bool]:
        """(column or annotation, descending) for a `sort` parameter."""
        text = text or cls.default_sort
        name = text.removeprefix("-")
        if name not in cls.sorts:
            raise FieldError("sort", "invalid", f"sort must be one of {', '.join(cls.sorts)}, with - in front to descend.")
        return cls.sorts[name], text.startswith("-")


class NoFilters(FilterSet):
    """For lists that are short by nature."""

    sorts = {"createdAt": "created_at"}
    default_sort = "createdAt"


def refuse_unknown(query, known) -> None:
    """400 unknown_parameter for the first query parameter that the action does not declare."""
    unknown = [name for name in query if name not in known]
    if unknown:
        errors = [{"path": name[:100], "code": "unknown_parameter", "message": "This query parameter is not known here."} for name in unknown[:20]]
        raise ApiError("unknown_parameter", data={"errors": errors})
