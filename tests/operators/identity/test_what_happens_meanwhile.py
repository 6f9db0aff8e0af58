"""A reset, a ban or a deletion that comes between the check of a password and what is made of it."""

import pytest

from audit.models import AuditEvent
from config.kernel import clock
from operators.access.models import Role
from operators.identity import services
from operators.identity.models import SignIn, User
from operators.identity.people import services as people
from operators.identity.selectors import actor_of
from tests.cast import ApiClient, token_of
from tests.factories.users import make_user

pytestmark = pytest.mark.django_db
PASSWORD, NEW, SET = "correct horse battery", "a staple of new hopes", "set by an administrator"


@pytest.fixture
def dora(db):
    return make_user("dora", roles=[Role.OPERATOR], password=PASSWORD)


@pytest.fixture
def boss(alice):
    token_of(alice)
    return actor_of(SignIn.objects.get(user=alice))


def meanwhile(monkeypatch, name: str, act) -> None:
    """Once `services.<name>` has answered for the first time, `act()` happens before anything is made of it."""
    original, acts = getattr(services, name), [act]

    def then(*args, **options):
        answer = original(*args, **options)
        if acts:
            acts.pop()()
        return answer

    monkeypatch.setattr(services, name, then)


CHANGES = {
    "reset": lambda boss, user: people.reset_password(actor=boss, user=user, password=SET),
    "disabled": lambda boss, user: people.set_status(actor=boss, user=user, disabled=True),
    "deleted": lambda boss, user: people.delete(actor=boss, user=user),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_password_that_was_good_a_moment_ago_signs_nobody_in(monkeypatch, api, boss, dora, change):
    meanwhile(monkeypatch, "verify_password", lambda: CHANGES[change](boss, User.objects.get(pk=dora.pk)))
    reply = api().post("/auth/login", {"email": "dora@example.org", "password": PASSWORD})
    assert (reply.status_code, reply.json()["code"]) == (401, "sign_in_failed")
    assert not SignIn.objects.filter(user_id=dora.pk).exists()
    assert AuditEvent.objects.get(verb="auth.sign_in.failed").reason == "sign_in_failed"


@pytest.mark.parametrize("change", ["reset", "deleted"])
def test_an_own_change_that_began_before_does_not_undo_it(monkeypatch, api, boss, dora, change):
    caller = api(dora)
    meanwhile(monkeypatch, "demand_good_password", lambda: CHANGES[change](boss, User.objects.get(pk=dora.pk)))
    reply = caller.patch("/auth/me/password", {"currentPassword": PASSWORD, "newPassword": NEW})
    assert (reply.status_code, reply.json()["code"]) == (401, "credential_revoked")
    left = User.objects.filter(pk=dora.pk).first()
    assert left is None or (left.must_change_password and left.check_password(SET))


def test_of_two_own_changes_the_second_is_told_that_its_password_is_old(monkeypatch, api, dora):
    caller = api(dora)
    meanwhile(monkeypatch, "make_password", lambda: User.objects.filter(pk=dora.pk).update(password="changed by the other window"))
    reply = caller.patch("/auth/me/password", {"currentPassword": PASSWORD, "newPassword": NEW})
    assert (reply.status_code, reply.json()["code"]) == (403, "current_password_wrong")
    assert User.objects.get(pk=dora.pk).password == "changed by the other window"


def test_a_dead_key_of_a_suspended_workspace_is_out_already(api, dora):
    """`logout` is 204 whatever the credential is worth."""
    from tests.operators.workspaces.conftest import make_key, make_workspace

    workspace = make_workspace(OWNER=dora)
    key = ApiClient(make_key(workspace, dora))
    workspace.suspended_at = clock.now()
    workspace.save()
    assert key.get(f"/workspaces/{workspace.pk}").json()["code"] == "workspace_suspended"
    assert key.post("/auth/logout").status_code == 204
