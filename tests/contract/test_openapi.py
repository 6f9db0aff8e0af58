"""The OpenAPI document is valid, made without a warning, and readable with no network."""

import json

import pytest
from django.core.management import call_command
from openapi_spec_validator import OpenAPIV31SpecValidator

from config.kernel.checks import api_routes

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document(django_db_blocker):
    from drf_spectacular.generators import SchemaGenerator

    with django_db_blocker.unblock():
        return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))


def test_it_is_made_without_a_warning(tmp_path):
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(tmp_path / "schema.yaml"))


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
