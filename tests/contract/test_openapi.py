"""The OpenAPI document is valid, made without a warning, and readable with no network."""

import json

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from config.kernel.checks import api_routes

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def made(django_db_blocker):
    """The document, and what its making complained of."""
    from drf_spectacular.drainage import GENERATOR_STATS

    from config.kernel.openapi import Generator

    with django_db_blocker.unblock():
        GENERATOR_STATS.reset()
        document = json.loads(json.dumps(Generator().get_schema(request=None, public=True), default=str))
    return document, {
        kind: dict(found) for kind, found in (("warning", GENERATOR_STATS._warn_cache), ("error", GENERATOR_STATS._error_cache)) if found
    }


@pytest.fixture(scope="module")
def document(made):
    return made[0]


def test_it_is_made_without_a_warning(made):
    assert made[1] == {}


def test_it_is_valid_openapi_3_1(document):
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1")


def test_every_route_of_the_api_is_in_it(document):
    documented = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    for path, _, actions in api_routes():
        template = (
            path.replace("<uuid:", "{").replace("<str:", "{").replace("<int:", "{").replace("<slug:", "{").replace("<own_id:", "{").replace(">", "}")
        )
        for method in actions:
            if method != "head":
                assert (method.upper(), template) in documented


def test_success_is_enveloped_and_errors_are_flat(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, reply in operation["responses"].items():
                schema = reply.get("content", {}).get("application/json", {}).get("schema")
                if schema and status.startswith("2"):
                    assert "data" in schema.get("properties", {}), (method, path, status)
                if schema and status[0] in "45":
                    assert schema == {"$ref": "#/components/schemas/Error"}, (method, path, status)


def test_the_reader_needs_no_network(client):
    page = client.get("/api/docs").content.decode()
    assert "drf_spectacular_sidecar" in page
    assert "https://" not in page
