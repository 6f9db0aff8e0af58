"""Topic `recordings`: each change of a recording or a job, told with the change itself and seen by whoever may read it."""

from config.kernel import realtime
from config.kernel.access import Actor, Perm, ports
from recordings.jobs.models import Job
from recordings.jobs.states import ACTIVE as ACTIVE_JOBS
from recordings.library.models import Recording
from recordings.library.states import ACTIVE
from recordings.replay.models import ReplayClip

TOPIC = "recordings"
SNAPSHOT_ROWS = 200


def changed(recording: Recording) -> None:
    """Publish a recording as it is now. Last in its transaction: the topic's counter is the last lock."""
    from recordings.library.serializers import RecordingSerializer

    realtime.publish(TOPIC, "recording.changed", RecordingSerializer.show(recording), subject=("recording", recording.pk))


def removed(recording_id) -> None:
    """Publish that a recording is gone for good. Nobody may read it any more, so its id goes to every reader of the topic."""
    realtime.publish(TOPIC, "recording.removed", {"id": recording_id})


def job_changed(job: Job) -> None:
    """Publish a job as it is now."""
    from recordings.jobs.serializers import JobSerializer

    realtime.publish(TOPIC, "job.changed", JobSerializer.show(job), subject=("recording", job.recording_id))


def clip_changed(clip: ReplayClip) -> None:
    """Publish a clip as it is now."""
    from recordings.replay.serializers import ClipShape

    realtime.publish(TOPIC, "clip.changed", ClipShape.show(clip), subject=("replay_clip", clip.pk))


def clip_removed(clip: ReplayClip) -> None:
    """Publish that a clip is no longer there; its id goes to every reader of the topic."""
    realtime.publish(TOPIC, "clip.removed", {"id": clip.pk})


def snapshot(actor: Actor, argument: str | None) -> dict:
    """What is under way now and may be seen: `{recordings, jobs}`, newest first."""
    from recordings.jobs.serializers import JobSerializer
    from recordings.library.serializers import RecordingSerializer

    recordings = ports.scoped(Recording.objects.filter(status__in=ACTIVE).select_related("primary_file"), actor, Perm.RECORDING_READ)
    jobs = ports.scoped(Job.objects.filter(status__in=ACTIVE_JOBS), actor, Perm.RECORDING_READ)
    return {
        "recordings": RecordingSerializer(recordings.order_by("-sort_at")[:SNAPSHOT_ROWS], many=True).data,
        "jobs": JobSerializer(jobs.order_by("-created_at")[:SNAPSHOT_ROWS], many=True).data,
    }


def visible(actor: Actor, subjects: list) -> set:
    """Those of `[("recording" | "replay_clip", id)]` that the actor may see now, one query for each kind."""
    seen = set()
    for kind, model in (("recording", Recording), ("replay_clip", ReplayClip)):
        if ids := {pk for what, pk in subjects if what == kind}:
            rows = ports.scoped(model.objects.filter(pk__in=ids), actor, Perm.RECORDING_READ)
            seen |= {(kind, pk) for pk in rows.values_list("pk", flat=True)}
    return seen
