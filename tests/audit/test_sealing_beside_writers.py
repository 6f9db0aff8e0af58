"""24 writers with late commits and rollbacks, two sealers: what committed is sealed once, what rolled back never was. No writer waits for another."""

import random
import threading
import time

import pytest
from django.db import connection, transaction

from audit import sealing, services, verification
from audit.models import AuditEvent
from audit.months import month_of
from config.kernel import clock
from tests.at_once import at_once
from tests.audit.conftest import ANNA

WRITERS, ROUNDS = 24, 8


class _RolledBack(Exception):
    pass


def _write(seed: int, committed: list, undone: list) -> None:
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        ids = []
        try:
            with transaction.atomic():
                for _ in range(dice.randint(1, 5)):
                    ids.append(services.record("audit.trail.verified", actor=ANNA, outcome="succeeded"))
                # Ids of this transaction become visible after younger ones of others.
                time.sleep(dice.random() * 0.05)
                if dice.random() < 0.3:
                    raise _RolledBack
            committed += ids
        except _RolledBack:
            undone += ids
    connection.close()


def _seal(stop: threading.Event) -> None:
    while not stop.is_set():
        sealing.seal()
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_each_committed_row_is_sealed_exactly_once():
    committed, undone, stop = [], [], threading.Event()
    writers = [threading.Thread(target=_write, args=(seed, committed, undone)) for seed in range(WRITERS)]
    sealers = [threading.Thread(target=_seal, args=(stop,)) for _ in range(2)]
    for thread in writers + sealers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    sealing.seal()
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_id FROM audit_chain WHERE event_id = ANY(%s)", [committed + undone])
        sealed = [event_id for (event_id,) in cursor.fetchall()]
    assert undone
    assert sorted(sealed) == sorted(committed)
    assert verification.verify_month(month_of(clock.now())).findings == []


@pytest.mark.django_db(transaction=True)
def test_eight_have_all_appended_before_any_has_committed():
    everyone_has = threading.Barrier(8, timeout=20)

    def write():
        with transaction.atomic():
            event = services.record("audit.trail.verified", actor=ANNA, outcome="succeeded")
            everyone_has.wait()
        return event

    assert AuditEvent.objects.filter(pk__in=at_once(*[write] * 8)).count() == 8
