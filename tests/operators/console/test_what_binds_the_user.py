"""What is said about a user, or done to them, holds for the operator token that they made: it is the same person."""

import pytest
from django.contrib.auth.models import Group

from audit.models import AuditEvent
from operators.access.models import AccessPolicy, policy_id
from operators.console.models import ConsoleOperator
from operators.identity.models import User
from tests.factories.nodes import make_node
from tests.operators.console.conftest import Room

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(api):
    return Room(api)


def _denied(node, subject_type: str, subject_id) -> None:
    rule = {
        "effect": "deny",
        "subject_type": subject_type,
        "subject_id": str(subject_id),
        "permissions": ["*"],
        "resource_type": "node",
        "resource_id": str(node.pk),
    }
    AccessPolicy.objects.create(pk=policy_id(**rule), **rule)


def _user_of(operator) -> User:
    return ConsoleOperator.objects.get(public_id=operator.id).user


def test_a_deny_policy_on_the_user_or_their_group_hides_it_from_their_operator(here):
    director, other = here.join(), here.join()
    guest = here.guest("audio", director)
    mine, ours = make_node(), make_node()
    crew = Group.objects.create(name="Crew")
    _user_of(director).groups.add(crew)
    _denied(mine, "user", _user_of(director).pk)
    _denied(ours, "group", crew.pk)
    for node in (mine, ours):
        asked = [someone.client.get(f"/nodes/{node.pk}").status_code for someone in (director, other, guest)]
        assert asked == [404, 200, 200]
    assert director.client.get("/nodes").json()["data"] == []


@pytest.mark.parametrize("end", ["reset", "disabled", "deleted"])
def test_what_ends_a_users_sign_ins_ends_their_operators_token(here, api, alice, end):
    user = here.user()
    user.set_password("correct horse battery")
    user.save()
    operator = here.someone(here.register(user, name="Dora", role="director"))
    assert operator.client.get("/control-room/state").status_code == 200
    path = f"/auth/users/{user.pk}"
    if end == "reset":
        assert api(alice).patch(f"{path}/password", {"generate": True}).status_code == 200
    elif end == "disabled":
        for disabled in (True, False):
            assert api(alice).patch(f"{path}/status", {"disabled": disabled}).status_code == 200
    else:
        assert api(alice).delete(path).status_code == 204
    for route in ("/control-room/state", "/auth/me"):
        assert operator.client.get(route).status_code == 401
    if end != "deleted":
        row = AuditEvent.objects.get(verb="control_room.operator.token_rotated")
        assert (row.reason, row.actor_id) == ("password reset" if end == "reset" else "disabled", str(alice.pk))


def test_a_password_that_must_be_changed_comes_first_for_the_operator_too(here):
    director = here.join()
    User.objects.filter(pk=_user_of(director).pk).update(must_change_password=True)
    assert director.client.get("/control-room/state").json()["code"] == "password_change_required"
    assert director.client.get("/auth/me").status_code == 200


def test_taking_a_lock_away_is_recorded_by_its_name(here):
    director, holder = here.join(), here.join("audio")
    holder.lock("audio")
    assert director.client.post("/operator/force-unlock", {"subsystem": "audio"}).status_code == 200
    assert AuditEvent.objects.filter(verb="control_room.lock.force_released").count() == 1
