"""Racing sign-ins and first starts, with real threads on the real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import RequestFactory

from config.kernel import clock
from operators.access.tasks import purge
from operators.identity.models import SignIn, User
from operators.identity.selectors import live_sign_ins
from operators.identity.services import sign_in
from operators.management.commands.bootstrap import first_owner
from tests.factories.users import make_user


def at_once(work, times: int) -> list:
    """`work()` in that many threads; each gives its connection back."""

    def run(_):
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


@pytest.mark.django_db(transaction=True)
def test_thirty_racing_sign_ins_leave_twenty():
    user = make_user("dora")
    at_once(lambda: sign_in(request=RequestFactory().post("/"), user=user), 30)
    assert SignIn.objects.filter(user=user).count() == 30
    assert live_sign_ins(user.pk).count() == 20


@pytest.mark.django_db(transaction=True)
def test_racing_first_starts_make_one_owner():
    owners = at_once(first_owner, 5)
    assert sorted(owner["created"] for owner in owners) == [False] * 4 + [True]
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_the_purge_removes_what_is_long_dead_and_repeats_without_harm():
    user = make_user("dora")
    for age in (0, 31):
        with clock.frozen(clock.now() - timedelta(days=age)):
            sign_in(request=RequestFactory().post("/"), user=user)
    Session.objects.create(session_key="old", session_data="", expire_date=clock.now() - timedelta(hours=1))
    assert purge.run_once() == {"sign_ins": 1, "sessions": 1, "spent": 0, "wallets": 0, "attempts": 0}
    assert purge.run_once() == {"sign_ins": 0, "sessions": 0, "spent": 0, "wallets": 0, "attempts": 0}
