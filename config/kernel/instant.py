"""Reading several things as they are at one and the same moment."""

from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_instant():
    """A transaction that reads one snapshot of the database and writes nothing."""
    with transaction.atomic():
        if not connection.savepoint_ids:  # a test inside its own transaction cannot change the level any more
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield
