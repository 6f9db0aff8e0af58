"""Who the tests are about, and how they call the API.

alice is an owner, bob an operator, carol a viewer, mallory signs in but holds no role. `api(user)` calls as that user with a token of a real
sign-in; `api()` as nobody; `api(token="tr_node_…")` with any other credential:

    def test_a_viewer_reads_sites(api, carol):
        assert api(carol).get("/sites").json()["data"] == []
"""

import json

import pytest
from django.test import Client, RequestFactory

from operators.access.models import seed_policies
from operators.identity.services import sign_in
from tests.factories.users import make_user


class ApiClient:
    """Calls `/api/v1<path>` with a JSON body; answers Django responses, so `.status_code`, `.json()`, headers.

    A path that starts with `/api/`, or is not of the API (`/healthz`), is taken as it is. Keyword arguments with dashes as underscores are
    headers: `get("/sites", operator_version="2024-11-11")`.
    """

    def __init__(self, token: str | None = None, **defaults):
        self.token = token
        self.client = Client(raise_request_exception=False, enforce_csrf_checks=True, **defaults)

    def request(
        self, method: str, path: str, body=None, *, data: bytes | None = None, content_type: str = "application/json", whole: bool = False, **headers
    ):
        """`body` is sent as JSON; `data` are raw bytes of `content_type`; `whole`: the path is one of the site, not of the API."""
        wire_headers = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        if self.token:
            wire_headers.setdefault("Authorization", f"Bearer {self.token}")
        content = data if data is not None else b"" if body is None else json.dumps(body).encode()
        url = path if whole or path.startswith(("/api/", "/healthz", "/readyz", "/metrics", "/admin", "/ca.pem")) else f"/api/v1{path}"
        return self.client.generic(method, url, content, content_type=content_type, headers=wire_headers)

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, body=None, **options):
        return self.request("POST", path, body, **options)

    def patch(self, path, body=None, **options):
        return self.request("PATCH", path, body, **options)

    def put(self, path, body=None, **options):
        return self.request("PUT", path, body, **options)

    def delete(self, path, body=None, **options):
        return self.request("DELETE", path, body, **options)

    def head(self, path, **headers):
        return self.request("HEAD", path, **headers)


def token_of(user) -> str:
    """The token of a new sign-in of `user`."""
    return sign_in(request=RequestFactory().post("/api/v1/auth/login"), user=user)[1]


@pytest.fixture
def api(db):
    """`api(user)`, `api(token=…)` or `api()`: an ApiClient; one client for each user in a test."""
    seed_policies()
    known = {}

    def client(user=None, *, token: str | None = None) -> ApiClient:
        if user is None:
            return ApiClient(token)
        if user.pk not in known:
            known[user.pk] = ApiClient(token_of(user))
        return known[user.pk]

    return client


def _member(name: str, *roles: str):
    @pytest.fixture(name=name)
    def person(db):
        # A test that flushed the database took the seeded policy along.
        seed_policies()
        return make_user(name, roles=roles)

    return person


alice = _member("alice", "owner")
bob = _member("bob", "operator")
carol = _member("carol", "viewer")
mallory = _member("mallory")
