"""The admin opens by the product's sign-in, to staff only, and shows but does not leak or edit."""

import pytest
from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path

from operators.identity.models import SignIn, User
from tests.cast import ApiClient, token_of
from tests.factories.users import make_user

pytestmark = pytest.mark.django_db
SCREENS = ["operators/user", "operators/signin", "operators/accesspolicy", "auth/group", "axes/accessattempt"]

READ_ONLY = {"operators/signin", "axes/accessattempt"}


@pytest.fixture
def browse(api):
    return lambda user: api(user)


def test_nobody_is_sent_to_the_sign_in_page_and_the_unprivileged_are_refused(api, carol):
    response = api().get("/admin/")
    assert (response.status_code, response["Location"]) == (302, "/admin/login/?next=/admin/")
    assert api().get("/admin/login/?next=/admin/")["Location"] == "/sign-in?next=%2Fadmin%2F"
    assert api(carol).get("/admin/login/").status_code == 403


def test_whoever_must_change_their_password_does_that_first(api, alice):
    User.objects.filter(pk=alice.pk).update(must_change_password=True)
    assert api(alice).get("/admin/").status_code == 302
    assert api(alice).get("/admin/login/")["Location"] == "/account"


def test_leaving_the_admin_ends_the_sign_in(api, alice):
    assert api(alice).get("/admin/logout/").status_code == 405
    api(alice).client.handler.enforce_csrf_checks = False
    assert api(alice).request("POST", "/admin/logout/")["Location"] == "/sign-in"
    assert api(alice).get("/auth/me").json()["code"] == "credential_revoked"


@pytest.mark.parametrize("screen", SCREENS)
def test_an_owner_sees_every_screen_and_adds_neither_sign_ins_nor_attempts(browse, alice, screen):
    assert browse(alice).get(f"/admin/{screen}/").status_code == 200
    assert browse(alice).get(f"/admin/{screen}/add/").status_code == (403 if screen in READ_ONLY else 200)


def test_an_operator_opens_the_admin_but_not_the_users(browse, bob):
    assert browse(bob).get("/admin/").status_code == 200
    assert browse(bob).get("/admin/operators/user/").status_code == 403


def test_a_user_screen_shows_no_hash_and_renames_nobody(browse, alice):
    dora = make_user("dora", password="correct horse battery", roles=["viewer"])
    page = browse(alice).get(f"/admin/operators/user/{dora.pk}/change/")
    assert page.status_code == 200 and b"argon2" not in page.content and b"dora@example.org" in page.content
    browse(alice).client.handler.enforce_csrf_checks = False
    assert browse(alice).request(
        "POST", f"/admin/operators/user/{dora.pk}/change/", data=b"name=Eve", content_type="application/x-www-form-urlencoded"
    ).status_code in (200, 302, 400)
    assert User.objects.get(pk=dora.pk).name == "Dora"


@pytest.mark.parametrize("query", ["password__startswith=argon2", "last_login__isnull=true", "group__name=x"])
def test_no_column_that_is_no_filter_is_read_out_by_one(browse, alice, query):
    assert browse(alice).get(f"/admin/operators/user/?{query}").status_code == 400
    reply = browse(alice).get(f"/admin/operators/user/?{query}", accept="application/json")
    assert (reply.status_code, reply.json()["code"]) == (400, "validation_failed")


def test_every_screen_opens_by_the_filters_that_it_offers(browse, alice):
    for model, screen in admin.site._registry.items():
        for name in [name for name in screen.list_filter if isinstance(name, str)]:
            field = get_fields_from_path(model, name)[-1]
            lookup = f"{name}__id__exact" if field.is_relation else f"{name}__isnull" if field.null else f"{name}__exact"
            value = "True" if lookup.endswith("isnull") else "0"
            path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/?{lookup}={value}"
            assert browse(alice).get(path).status_code in {200, 302, 403}, path


def test_chosen_sign_ins_are_revoked_by_the_service(browse, alice, carol):
    token, pk = token_of(carol), SignIn.objects.get(user=carol).pk
    browse(alice).client.handler.enforce_csrf_checks = False
    form = f"action=revoke&_selected_action={pk}".encode()
    assert browse(alice).request("POST", "/admin/operators/signin/", data=form, content_type="application/x-www-form-urlencoded").status_code == 302
    assert ApiClient(token).get("/auth/me").json()["code"] == "credential_revoked"


def test_unlocking_a_user_forgets_their_failures(browse, api, alice):
    dora = make_user("dora", password="correct horse battery")
    for _ in range(5):
        api().post("/auth/login", {"email": "dora@example.org", "password": "wrong"})
    right = {"email": "dora@example.org", "password": "correct horse battery"}
    assert api().post("/auth/login", right).json()["code"] == "sign_in_locked"
    browse(alice).client.handler.enforce_csrf_checks = False
    form = f"action=unlock&_selected_action={dora.pk}".encode()
    assert browse(alice).request("POST", "/admin/operators/user/", data=form, content_type="application/x-www-form-urlencoded").status_code == 302
    assert api().post("/auth/login", right).status_code == 200


def test_every_screen_builds_on_ours():
    from config.kernel.admin import TallyAdmin

    assert [model.__name__ for model, screen in admin.site._registry.items() if not isinstance(screen, TallyAdmin)] == []
