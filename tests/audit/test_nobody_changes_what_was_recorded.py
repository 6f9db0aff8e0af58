"""Append-only: in Python, in SQL, on the parent and on the partition, with the triggers silenced."""

import pytest
from django.core.checks import run_checks
from django.db import IntegrityError, connection, transaction

from audit import sealing, services
from audit.models import AppendOnlyError, AuditCheckpoint, AuditEvent
from audit.vocabulary import UnknownVerb
from tests.audit.conftest import ANNA

pytestmark = pytest.mark.django_db


def refused(sql: str) -> bool:
    with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    return caught.value.__cause__.sqlstate == "23A01"


def test_the_orm_refuses_before_the_database_is_asked(write):
    event = write()
    for attempt in (
        event.save,
        event.delete,
        AuditEvent.objects.all().delete,
        lambda: AuditEvent.objects.filter(pk=event.pk).update(verb="x"),
        lambda: AuditEvent.objects.create(pk=event.pk),
        lambda: AuditEvent.objects.bulk_update([event], ["verb"]),
    ):
        with pytest.raises(AppendOnlyError):
            attempt()


@pytest.mark.parametrize("family", ["audit_event", "audit_chain", "audit_checkpoint"])
@pytest.mark.parametrize("on_partition", [False, True])
def test_raw_sql_is_refused_on_parent_and_partition(write, family, on_partition):
    event = write()
    sealing.seal()
    table = f"{family}_{event.occurred_at:%Y_%m}" if on_partition and family != "audit_checkpoint" else family
    column = {"audit_event": "verb = 'x'", "audit_chain": "position = 0", "audit_checkpoint": "position = 0"}[family]
    assert refused(f"UPDATE {table} SET {column}")
    assert refused(f"DELETE FROM {table}")
    assert refused(f"TRUNCATE {table}")


def test_a_replica_session_does_not_silence_the_triggers(write):
    event = write()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    assert refused("DELETE FROM audit_event")
    assert refused(f"TRUNCATE audit_event_{event.occurred_at:%Y_%m}")
    queued = write()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_pending WHERE event_id = %s", [queued.pk])
        assert cursor.fetchone() == (1,)


def test_a_truncate_that_cascades_from_elsewhere_does_not_reach_it():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND (conrelid::regclass::text LIKE 'audit%' OR confrelid::regclass::text LIKE 'audit%')"
        )
        assert cursor.fetchone() == (0,)


def test_the_flush_of_a_test_run_leaves_the_tables_out():
    assert not {AuditEvent._meta.db_table, AuditCheckpoint._meta.db_table} & set(connection.introspection.django_table_names(only_existing=True))


def test_a_missing_or_silenced_trigger_is_a_system_check(trail):
    trail.grow(1)
    partition = f"audit_event_{trail.month:%Y_%m}"
    assert [error for error in run_checks(databases=["default"]) if error.id == "audit.E001"] == []
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {partition} ENABLE TRIGGER audit_no_change")
        cursor.execute("DROP TRIGGER audit_no_truncate ON audit_checkpoint")
    messages = [error.msg for error in run_checks(databases=["default"]) if error.id == "audit.E001"]
    assert [message.split(",")[0] for message in messages] == [
        "audit_checkpoint lacks the trigger audit_no_truncate",
        f"{partition} lacks the trigger audit_no_change",
    ]


def test_a_rollback_takes_the_row_along(write):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        pk = services.record("audit.trail.verified", actor=ANNA, outcome="succeeded")
        raise ZeroDivisionError
    assert not AuditEvent.objects.filter(pk=pk).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_pending WHERE event_id = %s", [pk])
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_a_success_outside_a_transaction_raises_and_the_rest_opens_its_own():
    for outcome in ("succeeded", "partial"):
        with pytest.raises(RuntimeError, match="in the transaction that did it"):
            services.record("audit.trail.verified", actor=ANNA, outcome=outcome)
    for outcome in ("allowed", "denied", "failed"):
        assert AuditEvent.objects.get(pk=services.record("audit.trail.verified", actor=ANNA, outcome=outcome)).outcome == outcome


def test_only_listed_verbs_and_known_outcomes_are_recorded():
    with pytest.raises(UnknownVerb):
        services.record("audit.trail.invented", actor=ANNA, outcome="succeeded")
    with pytest.raises(ValueError, match="no outcome"):
        services.record("audit.trail.verified", actor=ANNA, outcome="done")
