"""The house stays laid out: imports one way, tasks importable, routes declared, no permission strings typed out."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core import checks
from django.urls import URLPattern, URLResolver, get_resolver

from config.kernel import checks as kernel_checks
from config.kernel.access import Perm, Route
from config.kernel.filters import FilterSet
from config.kernel.tasks import BEAT, QUEUES
from config.kernel.viewsets import TallyViewSet

APPS = ("config", "operators", "sessions", "nodes", "recordings", "audit")
SOURCES = [path for app in APPS for path in sorted((settings.BASE_DIR / app).rglob("*.py")) if "migrations" not in path.parts]


def test_imports_point_one_way():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=settings.BASE_DIR, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_periodic_task_is_registered_on_a_known_queue_and_expires_before_its_next_tick():
    from config.celery import app

    app.loader.import_default_modules()
    app.autodiscover_tasks(force=True)
    assert BEAT
    for name, entry in BEAT.items():
        assert entry["task"] in app.tasks
        assert entry["options"]["queue"] in QUEUES
        assert 0 < entry["options"]["expires"] < entry["schedule"].total_seconds(), name


def test_the_server_starts_only_with_every_action_declared():
    assert not [found for found in checks.run_checks() if not found.is_silenced()]


def test_an_unsafe_action_without_a_subsystem_or_exemption_is_an_error_that_says_what_to_do():
    class Careless(TallyViewSet):
        routes = {"create": Route(Perm.NODE_READ)}

    found = list(kernel_checks.undeclared(Careless, {"post": "create", "delete": "destroy"}, "/x"))
    assert [error.id for error in found] == ["operators.E002", "operators.E001"]
    assert "subsystem=" in found[0].hint and "exempt=" in found[0].hint


def test_every_list_declares_its_filters_and_a_stable_order():
    for path, view, actions in kernel_checks.api_routes():
        if "list" in actions.values() and issubclass(view, TallyViewSet):
            assert issubclass(view.filters, FilterSet) and view.filters.default_sort.removeprefix("-") in view.filters.sorts, path


def test_static_paths_are_routed_before_ids():
    def walk(patterns, prefix=""):
        for entry in patterns:
            if isinstance(entry, URLResolver):
                yield from walk(entry.url_patterns, prefix + str(entry.pattern))
            elif isinstance(entry, URLPattern):
                yield prefix + str(entry.pattern)

    routes = [route for route in walk(get_resolver().url_patterns) if route.startswith("api/v1/")]
    assert not [route for route in routes if route.endswith("/")], "no trailing slashes"
    assert len(routes) == len(set(routes)), "a path is routed twice"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_sources_keep_the_house_rules(path):
    text = path.read_text()
    name = str(path.relative_to(settings.BASE_DIR))
    if path.name in {"api.py", "pages.py", "consumers.py"}:
        assert ".objects" not in text, "selectors give rows; views never query"
    if not name.startswith(("config/kernel/access.py", "operators/access/catalogue.py", "config/stack", "nodes/agent")):
        strings = "|".join(re.escape(perm.value) for perm in Perm)
        typed = re.search(rf"""Perm\(|["']({strings})["']""", text)
        assert typed is None, f"use a Perm constant, not {typed}"
    if name != "config/kernel/streaming.py":
        assert not re.search(r"\b(StreamingHttpResponse|FileResponse)\(", text), "streams go through kernel.streaming"
    assert not re.search(r"except:\s*$", text, re.M), "bare except"
