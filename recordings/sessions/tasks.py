"""Recordings of sessions that begin, and those into which nothing more is written."""

from config.kernel.tasks import periodic, queued
from recordings.sessions import services


@queued("recordings.finish_session", queue="media")
def finish_session(session_id: str) -> None:
    services.confirm(session_id)
    services.finish(session_id)


@periodic("recordings.finish_sessions", every=15, queue="media")
def finish_sessions() -> dict:
    """Those whose task was lost, or whose worker was killed in the middle."""
    waiting = services.waiting()
    return {
        "begun": sum(services.confirm(session_id) for session_id in waiting),
        "finished": sum(services.finish(session_id) for session_id in waiting),
    }
