"""`audit_grants`: with a role that does not own the tables, not even the triggers' absence lets anyone rewrite them."""

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction

from audit import sealing, services
from tests.audit.conftest import ANNA


@pytest.mark.django_db
def test_the_role_appends_seals_and_reads_but_changes_nothing(capsys, trail):
    call_command("audit_grants", "tally_web")
    statements = capsys.readouterr().out
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE tally_web")
        cursor.execute(statements)
        cursor.execute("SET LOCAL ROLE tally_web")
        pk = services.record("audit.trail.verified", actor=ANNA, outcome="succeeded")
        cursor.execute("SELECT audit_ensure_month(%s)", [trail.start])
        assert sealing.seal() >= 1
        for statement in (
            "UPDATE audit_event SET verb = 'x'",
            "DELETE FROM audit_event",
            "TRUNCATE audit_event",
            "DELETE FROM audit_chain",
            "DELETE FROM audit_checkpoint",
            "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        ):
            with pytest.raises(ProgrammingError), transaction.atomic():
                cursor.execute(statement)
        cursor.execute("RESET ROLE")
        cursor.execute("SELECT count(*) FROM audit_chain WHERE event_id = %s", [pk])
        assert cursor.fetchone() == (1,)
