"""A control room with a director, and cameras of a workspace that belongs to an owner of the installation."""

import pytest

from operators.access.models import Role
from operators.console.identity import actor_of
from operators.console.models import ConsoleOperator
from sessions.field.models import FieldSession
from tests.factories.sessions import make_operator, make_session, make_workspace
from tests.factories.users import make_user
from tests.operators.console.conftest import Room, Someone


class Studio(Room):
    """The room, its consumer workspace and what publishes for it."""

    def __init__(self, api):
        super().__init__(api)
        self.workspace = make_workspace(roles=["CONSUMER"], OWNER=make_user("studio-owner", roles=(Role.OWNER,)))
        self.suppliers = make_workspace(roles=["SUPPLIER"], OWNER=make_user("supplier-owner"))

    def camera(self, label="Bridge", state="LIVE", workspace=None, **fields) -> FieldSession:
        """A field session in this state; LIVE unless said."""
        operator = make_operator(self.suppliers, f"Phone {label}") if state != "REQUESTED" else None
        return make_session(workspace or self.workspace, state, operator=operator, label=label, rate_micro=0, **fields)

    @staticmethod
    def actor(someone: Someone):
        return actor_of(ConsoleOperator.objects.get(public_id=someone.id))

    def state(self) -> dict:
        return self.api(self.owner).get("/control-room/state").json()["data"]

    @property
    def owner(self):
        return self.workspace.member_set.get().user if hasattr(self.workspace, "member_set") else self.workspace.members.get().user


@pytest.fixture
def studio(api):
    return Studio(api)


@pytest.fixture
def director(studio):
    return studio.join(name="Alice")


def on(session) -> str:
    return f"session:{session.pk}"
