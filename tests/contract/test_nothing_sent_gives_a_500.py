"""Schemathesis over the whole OpenAPI document as owner, as viewer and as nobody: no 500, no 5xx that the route does not document.

Who asks takes turns: what one of them sends, another sends a variation of.
"""

import json
from itertools import chain, cycle
from urllib.parse import urlencode

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.cast import ApiClient, token_of
from tests.soak import amount

SHARDS = 6
# Of each route, valid and invalid ones.
PROBES = amount(3, 300)


@schemathesis.serializer("audio/flac", "audio/wav", "audio/mpeg", "audio/ogg", "image/jpeg")
def _media(ctx, value):
    """The bodies of uploads are any bytes."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


@pytest.fixture(scope="session")
def document():
    """The served document, as a client reads it."""
    return json.loads(Client().get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).content)


@pytest.fixture
def callers(alice, carol):
    """Makes clients with sign-ins of their own: one that an example signed out would prove nothing any more. Who can do most comes first."""
    return lambda: [ApiClient(token_of(person)) for person in (alice, carol)]


@pytest.fixture
def known_ids(node, cached):
    """Ids that exist, so that examples get past the 404."""
    return {"node": str(node.pk), "recording": str(cached().pk)}


def _send(caller, case, path):
    body = case.body
    raw = (
        b""
        if body is None or type(body).__name__ == "NotSet"
        else body
        if isinstance(body, bytes)
        else json.dumps(body).encode()
        if not isinstance(body, str)
        else body.encode(errors="surrogatepass")
    )
    headers = {
        name: value
        for name, value in (case.headers or {}).items()
        if isinstance(value, str) and value.isprintable() and value.isascii() and name.lower() not in {"authorization", "cookie"}
    }
    query = urlencode(case.query or {}, doseq=True, errors="surrogatepass")
    return caller.request(case.method, f"{path}?{query}" if query else path, data=raw, content_type=case.media_type or "application/json", **headers)


def _probe(callers, operation, known_ids):
    public = {} in operation.definition.raw["security"]
    # Where nobody is let in unknown, a stranger is turned away before what they sent is looked at: one example tells.
    turns = cycle([ApiClient(), *callers]) if public else chain([ApiClient()], cycle(callers))
    documented = set(operation.definition.raw["responses"])
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)))

    @settings(max_examples=PROBES, deadline=None, database=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=cases, real=st.booleans())
    def send(case, real):
        path = case.formatted_path
        if real and "{id}" in operation.path:
            kind = "recording" if "/recording" in operation.path else "node"
            path = case.path.replace("{id}", known_ids[kind]) if "{" not in case.path.replace("{id}", "") else path
        reply = _send(next(turns), case, path)
        where = f"{case.method} {path} {case.query} {case.body!r} → {reply.status_code}"
        assert reply.status_code != 500, where
        assert reply.status_code < 500 or str(reply.status_code) in documented, where
        if reply.status_code >= 400 and not reply.streaming:
            assert set(reply.json()) <= {"code", "transient", "message", "data"}, where

    send()


@pytest.mark.django_db
@pytest.mark.timeout(amount(600, 7200))
@pytest.mark.parametrize("shard", range(SHARDS))
def test_nothing_sent_to_any_route_gives_a_500(callers, shard, document, known_ids):
    schema = schemathesis.openapi.from_dict(document)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 40
    for operation in operations[shard::SHARDS]:
        _probe(callers(), operation, known_ids)
