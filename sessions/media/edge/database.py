"""The event loop's way to the database: a few threads, each with a connection of its own that is looked after."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, InterfaceError, close_old_connections

from sessions.media import admission

_THREADS = ThreadPoolExecutor(2, thread_name_prefix="database")
_PATIENCE_SECONDS = 5


def _run(function, arguments):
    close_old_connections()
    try:
        return function(*arguments)
    except (DatabaseError, InterfaceError) as error:
        raise admission.Unavailable from error
    finally:
        close_old_connections()


async def ask(function, *arguments):
    """`function(*arguments)` off the loop. admission.Unavailable when the database does not answer."""
    work = asyncio.get_running_loop().run_in_executor(_THREADS, _run, function, arguments)
    try:
        return await asyncio.wait_for(work, _PATIENCE_SECONDS)
    except TimeoutError as error:
        raise admission.Unavailable from error
