"""Filters of captions."""

from config.kernel.filters import FilterSet, Moment


class CaptionFilters(FilterSet):
    from_ = Moment("start_at__gte")
    to = Moment("start_at__lt")
    search_fields = ("text",)
    sorts = {"startAt": "start_at"}
    default_sort = "-startAt"
