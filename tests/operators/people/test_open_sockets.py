"""What changes a person's access reaches their open sockets within five seconds."""

import asyncio
import time
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import connections

from config.kernel import clock
from operators.access import holdings
from operators.access.backend import actor_of_user
from operators.access.models import AccessPolicy
from operators.identity.models import SignIn
from operators.workspaces import keys
from operators.workspaces.models import ApiKey
from tests.cast import token_of
from tests.factories.nodes import make_node
from tests.factories.sessions import key_token, owned_workspace
from tests.factories.users import make_user
from tests.realtime.client import Socket

pytestmark = pytest.mark.django_db(transaction=True)
WITHIN_SECONDS = 5
# Long enough for a slow machine to open a socket and follow something.
ENDS_IN_SECONDS = 4
PASSWORD = "a long enough passphrase 7"


@pytest.fixture(autouse=True)
async def _threads_let_go_of_the_database():
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def dora(api):
    return make_user("dora", roles=["viewer"], password=PASSWORD)


async def follow_and(socket, act) -> float:
    """Follow the nodes, do it, and when it was done; the socket has heard of the epoch before."""
    await socket.follow("nodes")
    await asyncio.sleep(1.2)
    assert (await sync_to_async(act)()).status_code in (200, 204)
    return time.monotonic()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/password", {"generate": True}),
        ("PATCH", "/status", {"disabled": True}),
        ("DELETE", "", None),
    ],
    ids=["password reset", "disabled", "deleted"],
)
async def test_whoever_is_reset_disabled_or_deleted_is_cut_off(api, alice, dora, method, path, body):
    async with Socket(await sync_to_async(token_of)(dora)) as socket:
        done = await follow_and(socket, lambda: api(alice).request(method, f"/auth/users/{dora.pk}{path}", body))
        said = await socket.hear(WITHIN_SECONDS)
        assert said["type"] == "unsubscribed" and said["code"] in {"credential_revoked", "credential_invalid"}
        assert (await socket.hear(1))["type"] == "error"
        assert await socket.closed(1) == 4401
        assert time.monotonic() - done < WITHIN_SECONDS


async def test_a_role_taken_through_a_group_ends_the_subscription(api, alice, mallory):
    def watch():
        group = Group.objects.create(name="Watch")
        holdings.set_roles(group, ["viewer"])
        mallory.groups.add(group)
        return group

    group = await sync_to_async(watch)()
    async with Socket(await sync_to_async(token_of)(mallory)) as socket:
        await follow_and(socket, lambda: api(alice).patch(f"/auth/groups/{group.pk}", {"memberIds": []}))
        said = await socket.hear(WITHIN_SECONDS)
        assert (said["type"], said["code"]) == ("unsubscribed", "permission_denied")


async def test_a_policy_hides_a_node_from_an_open_socket_and_shows_it_again(api, alice, dora):
    node = await sync_to_async(make_node)("rec-1")
    open_to_all = {"effect": "allow", "subjectType": "everyone", "permissions": ["*"], "resourceType": "site", "resourceId": "*"}
    deny = {
        "effect": "deny",
        "subjectType": "user",
        "subjectId": str(dora.pk),
        "permissions": ["*"],
        "resourceType": "node",
        "resourceId": str(node.pk),
    }

    def put(*policies):
        return api(alice).patch("/auth/access-policies", {"policies": list(policies)})

    async with Socket(await sync_to_async(token_of)(dora)) as socket:
        await follow_and(socket, lambda: put(open_to_all, deny))
        assert (await socket.hear(WITHIN_SECONDS))["data"]["nodes"] == []
        assert (await sync_to_async(put)(open_to_all)).status_code == 200
        assert [row["id"] for row in (await socket.hear(WITHIN_SECONDS))["data"]["nodes"]] == [str(node.pk)]
    assert await sync_to_async(AccessPolicy.objects.count)() == 1


async def test_a_sign_in_that_runs_out_takes_its_socket_along(api, dora):
    token = await sync_to_async(token_of)(dora)
    await sync_to_async(lambda: SignIn.objects.filter(user=dora).update(expires_at=clock.now() + timedelta(seconds=ENDS_IN_SECONDS)))()
    async with Socket(token) as socket:
        await socket.follow("nodes")
        said = await socket.hear(WITHIN_SECONDS + ENDS_IN_SECONDS)
        assert (said["type"], said["code"]) == ("unsubscribed", "credential_expired")


async def test_a_key_after_its_grace_takes_its_socket_along(api, dora):
    def made():
        workspace = owned_workspace(roles=["CONSUMER"])
        token = key_token(workspace)
        row = ApiKey.objects.get(workspace=workspace)
        keys.revoke(actor=actor_of_user(workspace.owner), key=row, grace_seconds=ENDS_IN_SECONDS)
        return token

    async with Socket(await sync_to_async(made)()) as socket:
        await socket.follow("sessions")
        said = await socket.hear(WITHIN_SECONDS + ENDS_IN_SECONDS)
        assert (said["type"], said["code"]) == ("unsubscribed", "credential_revoked")
