"""Ways into the control room: `room.join(...)` registers somebody and answers who they are, with a client of their own."""

import itertools
from dataclasses import dataclass

import pytest

from operators.access.models import Role
from tests.cast import ApiClient
from tests.factories.users import make_user

_numbers = itertools.count(1)


@dataclass
class Someone:
    """An operator with their own credential."""

    id: str
    name: str
    role: str
    token: str
    client: ApiClient

    def lock(self, subsystem, **body):
        return self.client.post("/operator/lock", {"subsystem": subsystem, **body})

    def unlock(self, subsystem):
        return self.client.post("/operator/unlock", {"subsystem": subsystem})

    def heartbeat(self):
        return self.client.post("/operator/heartbeat")


class Room:
    """The control room of a test, with a user for each registration."""

    def __init__(self, api):
        self.api = api

    def user(self, *roles):
        return make_user(f"operator{next(_numbers)}", roles=roles or (Role.ADMIN,))

    def register(self, user=None, **body):
        """The raw answer; without `user`, as nobody."""
        return self.api(user).post("/operator/register", body)

    def join(self, role="director", name=None, **body) -> Someone:
        """A signed-in user's operator, acting with their operator token."""
        reply = self.register(self.user(), name=name or f"Op {next(_numbers)}", role=role, **body)
        assert reply.status_code == 200, reply.content
        return self.someone(reply)

    def guest(self, role, director: Someone, **body) -> Someone:
        """Somebody without an account, by a personal invite."""
        invite = director.client.post("/operator/invites", {"kind": "personal", "role": role}).json()["data"]["token"]
        reply = self.register(name=f"Guest {next(_numbers)}", inviteToken=invite, **body)
        assert reply.status_code == 200, reply.content
        return self.someone(reply)

    def someone(self, reply) -> Someone:
        data = reply.json()["data"]
        return Someone(**data, client=self.api(token=data["token"]))


@pytest.fixture
def room(api):
    return Room(api)


def code(reply):
    """(status, code) of a refusal, (status, None) of a success."""
    return reply.status_code, reply.json().get("code") if reply.content else None


def field_codes(reply):
    """The codes of a 400's fields."""
    return {error["code"] for error in reply.json()["data"]["errors"]}
