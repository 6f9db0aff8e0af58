"""Recordings of sessions that begin, and those into which nothing more is written."""

from collections.abc import Callable

import structlog

from config.kernel.tasks import periodic, queued
from recordings.sessions import services

log = structlog.get_logger("recordings.sessions")


@queued("recordings.finish_session", queue="media")
def finish_session(session_id: str) -> None:
    services.confirm(session_id)
    services.finish(session_id)


@periodic("recordings.finish_sessions", every=15, queue="media")
def finish_sessions() -> dict:
    """Those whose task was lost, or whose worker was killed in the middle; one that fails holds up no other."""
    waiting = services.waiting()
    return {"begun": sum(_tried(services.confirm, one) for one in waiting), "finished": sum(_tried(services.finish, one) for one in waiting)}


def _tried(act: Callable[..., bool], session_id) -> bool:
    try:
        return act(session_id)
    except Exception:
        log.exception("session_recording_set_aside", session=str(session_id))
        return False
