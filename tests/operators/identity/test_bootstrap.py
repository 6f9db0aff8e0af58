"""`manage.py bootstrap` and `createsuperuser`: a first owner, once."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from config.kernel import bootstrap
from operators.access.selectors import roles_of
from operators.identity.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_steps(monkeypatch):
    monkeypatch.setattr(bootstrap, "_steps", {})


def run(*arguments) -> dict:
    out = StringIO()
    call_command("bootstrap", *arguments, stdout=out)
    return json.loads(out.getvalue())


def test_it_makes_an_owner_with_a_generated_password_and_says_it_once(api):
    first = run("--bare", "--json")["owner"]
    assert first["created"] and len(first["password"]) == 20
    assert api().post("/auth/login", {"email": first["email"], "password": first["password"]}).json()["data"]["user"]["roles"] == ["owner"]
    assert run()["owner"] == {"email": first["email"], "password": None, "created": False}
    assert User.objects.count() == 1


def test_the_environment_names_the_owner_and_its_password_is_not_repeated(api, monkeypatch):
    monkeypatch.setenv("TALLYROOM_OWNER_EMAIL", "Olga@Example.org")
    monkeypatch.setenv("TALLYROOM_OWNER_PASSWORD", "a very long first word")
    assert run()["owner"] == {"email": "olga@example.org", "password": None, "created": True}
    assert api().post("/auth/login", {"email": "olga@example.org", "password": "a very long first word"}).status_code == 200


def test_a_bad_password_from_the_environment_is_said_and_makes_nobody(monkeypatch):
    monkeypatch.setenv("TALLYROOM_OWNER_PASSWORD", "short")
    with pytest.raises(CommandError, match="TALLYROOM_OWNER_PASSWORD"):
        run()
    assert not User.objects.exists()


def test_steps_of_the_apps_run_in_order_and_bare_leaves_out_those_of_this_machine():
    bootstrap.register("node", lambda: {"id": "n1"})
    bootstrap.register("profiles", lambda: {"made": 3}, bare=True)
    assert list(run()) == ["owner", "node", "profiles"]
    assert list(run("--bare")) == ["owner", "profiles"]


def test_a_superuser_is_an_owner():
    call_command("createsuperuser", "--no-input", "--username", "root@example.org")
    assert roles_of(User.objects.get(email="root@example.org")) == ["owner"]
