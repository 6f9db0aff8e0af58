"""What `/sessions/:id/actions` says of the session's recording: the same questions as `POST /recordings` and its stop ask."""

from config.kernel.access import Actor, Perm
from config.kernel.actions import Action, states
from recordings.jobs import demands, stopping
from recordings.jobs.models import Job
from recordings.jobs.states import LIVE, Executor
from recordings.sessions import starting
from sessions.field.models import FieldSession


def of(actor: Actor, session: FieldSession) -> dict[str, dict]:
    """`startRecording` with the body `{sessionId}`, and `stopRecording` of the one that runs."""
    refused = starting.start_refusal(session) or demands.storage_refusal()
    start = Action("POST", Perm.RECORDING_CREATE, "/api/v1/recordings", code=refused.code if refused else None)
    running = Job.objects.filter(session_id=session.pk, executor=Executor.MEDIA, status__in=LIVE).select_related("recording").first()
    href = f"/api/v1/recordings/{running.recording_id}/stop" if running else None
    stop = Action("POST", Perm.RECORDING_CONTROL, href, code=stopping.refusal(running))
    return (
        states({"startRecording": start}, actor, session)["actions"]
        | states({"stopRecording": stop}, actor, running.recording if running else session)["actions"]
    )
