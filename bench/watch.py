"""What a piece of code asks of the database: how many statements, for how long."""

import time
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Asked:
    """Statements and the seconds that were waited for them."""

    statements: list[str] = field(default_factory=list)
    seconds: float = 0.0


@contextmanager
def asked():
    """Count what Django's connection executes inside; yields an `Asked` that fills."""
    from django.db import connection

    found = Asked()

    def watch(execute, sql, params, many, context):
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            found.seconds += time.perf_counter() - began
            found.statements.append(sql)

    with connection.execute_wrapper(watch):
        yield found
