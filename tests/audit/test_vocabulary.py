"""Every verb that the code records is listed by its app, so that no row is refused at run time."""

import ast
from pathlib import Path

import pytest
from django.conf import settings

from audit import vocabulary
from config.kernel.checks import api_routes
from config.kernel.viewsets import ExportMixin

APPS = ("audit", "operators", "nodes", "recordings", "sessions", "config/kernel")


def recorded_verbs():
    """(file:line, verb) of each call of `record` or `_record` whose verb is spelled out."""
    for app in APPS:
        for path in sorted((Path(settings.BASE_DIR) / app).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                called = getattr(node, "func", None)
                name = getattr(called, "attr", getattr(called, "id", "")) if called is not None else ""
                if name.lstrip("_") == "record" and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                    yield f"{path.relative_to(settings.BASE_DIR)}:{node.lineno}", node.args[0].value


def test_the_search_finds_verbs():
    assert list(recorded_verbs())


@pytest.mark.parametrize(("where", "verb"), list(recorded_verbs()))
def test_a_recorded_verb_is_listed(where, verb):
    assert verb in vocabulary.known(), where


def test_every_export_has_its_verb():
    exporting = {view for _, view, actions in api_routes() if issubclass(view, ExportMixin) and "export" in actions.values()}
    assert exporting
    assert sorted(view.__name__ for view in exporting if f"{view.export_name}.exported" not in vocabulary.known()) == []
