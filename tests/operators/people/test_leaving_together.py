"""Two OWNERs of one workspace who go at the same moment, each another way."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction

from config.kernel.errors import ApiError
from operators.identity.models import SignIn
from operators.identity.people import services as people
from operators.identity.selectors import actor_of
from operators.workspaces import services as workspaces
from operators.workspaces.models import Member
from tests.at_once import alone, until_somebody_waits
from tests.cast import token_of
from tests.factories.users import make_user
from tests.operators.workspaces.conftest import make_workspace


def acting(user):
    token_of(user)
    return actor_of(SignIn.objects.select_related("user").get(user=user))


@pytest.mark.django_db(transaction=True)
def test_one_who_is_deleted_waits_for_one_who_leaves_and_stays():
    boss, anna, ben = acting(make_user("boss", roles=["owner"])), make_user("anna"), make_user("ben")
    workspace = make_workspace(OWNER=anna)
    leaving = Member.objects.create(workspace=workspace, user=ben, role="OWNER")

    def delete():
        try:
            people.delete(actor=boss, user=anna)
        except ApiError as error:
            return error.code

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            workspaces.remove_member(actor=acting(ben), member=leaving)
            deleting = pool.submit(alone, delete)
            until_somebody_waits()
        assert deleting.result(20) == "last_owner"
    assert [row.user for row in Member.objects.filter(workspace=workspace, role="OWNER")] == [anna]
