"""Every list declares how it is filtered, searched and sorted; what it declares it answers."""

import pytest

from config.kernel.checks import api_routes
from config.kernel.filters import FilterSet


def lists() -> dict[str, type[FilterSet]]:
    """Path → the filter set of its list."""
    return {path: view.filters for path, view, actions in api_routes() if actions.get("get") == "list"}


def test_there_are_lists():
    assert len(lists()) > 20


@pytest.mark.parametrize("path", sorted(lists()))
def test_a_list_is_filtered_searched_and_sorted(path):
    filters = lists()[path]
    missing = [name for name in ("declared", "search_fields", "sorts", "default_sort") if not getattr(filters, name)]
    assert not missing, f"{filters.__name__} declares no {', '.join(missing)}"
    assert filters.default_sort.removeprefix("-") in filters.sorts
