"""`/recording-jobs` for people (07 §3). The agent's routes are in `agent_api.py`; reading one job is shared."""

from rest_framework.response import Response

from config.kernel.access import Kind, Perm, Route, Subsystem, holds
from config.kernel.actions import states
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.exports import in_order
from config.kernel.serializers import NoBody
from config.kernel.viewsets import ExportMixin, FacetsMixin, ListMixin, TallyViewSet
from recordings.jobs import actions, ending, retrying, selectors, stopping
from recordings.jobs.agent_api import agent_shape
from recordings.jobs.filters import JobFilters
from recordings.jobs.models import Job
from recordings.jobs.serializers import AbandonBody, BulkJobsBody, JobSerializer
from recordings.library.models import Recording
from recordings.library.serializers import RecordingSerializer

_START = ("node_offline", "node_retired", "active_recording_job_exists", "storage_full")
_RETRY = ("job_not_retryable", "active_job_exists", "window_passed", "attempts_exhausted", *_START)
_OUTPUT = {"subsystem": Subsystem.OUTPUT}


def outcome(recording: Recording, job: Job) -> dict:
    """`{recording, job}`, as starts, stops and retries answer."""
    return {"recording": RecordingSerializer.show(selectors.recording(recording.pk)), "job": JobSerializer.show(job)}


class JobViewSet(ListMixin, FacetsMixin, ExportMixin, TallyViewSet):
    """Attempts to capture a recording."""

    routes = {
        "list": Route(Perm.RECORDING_READ),
        "facets": Route(Perm.RECORDING_READ),
        "export": Route(Perm.RECORDING_READ),
        "export_selected": Route(Perm.RECORDING_READ, exempt="reads"),
        "retrieve": Route(Perm.RECORDING_READ, kinds=frozenset({Kind.USER, Kind.NODE}), label=Perm.RECORDING_CONTROL),
        "actions": Route(Perm.RECORDING_READ),
        "retry": Route(Perm.RECORDING_CONTROL, errors=_RETRY, **_OUTPUT),
        "bulk_retry": Route(Perm.RECORDING_CONTROL, errors=_RETRY, **_OUTPUT),
        "bulk_stop": Route(Perm.RECORDING_CONTROL, errors=("job_not_active",), **_OUTPUT),
        "abandon": Route(Perm.RECORDING_CONTROL, errors=("job_lease_held", "job_not_active"), **_OUTPUT),
    }
    filters = JobFilters
    serializer_class = JobSerializer
    read_permission = Perm.RECORDING_READ
    export_name = "recording.job"
    export_columns = [
        ("id", lambda job: job.pk),
        ("recording_id", lambda job: job.recording_id),
        ("recording", lambda job: job.recording.name),
        ("attempt", lambda job: job.attempt),
        ("status", lambda job: job.status),
        ("phase", lambda job: job.phase),
        ("node_id", lambda job: job.node_id),
        ("node", lambda job: job.recording.node_label),
        ("lease_state", lambda job: job.lease_state),
        ("capture_start_at", lambda job: job.capture_start_at),
        ("capture_end_at", lambda job: job.capture_end_at),
        ("stop_requested_at", lambda job: job.stop_requested_at),
        ("ended_at", lambda job: job.ended_at),
        ("bytes_written", lambda job: job.bytes_written),
        ("failure_reason", lambda job: job.failure_reason),
        ("created_at", lambda job: job.created_at),
    ]

    def get_queryset(self):
        return selectors.jobs()

    def rows(self, permission=None):
        """Jobs of what is in the trash are there only for those who may delete it."""
        rows = super().rows(permission)
        return rows if holds(self.actor, Perm.RECORDING_DELETE) else rows.filter(recording__deleted_at=None)

    @extend_schema(responses={200: JobSerializer})
    def retrieve(self, request, id):  # noqa: A002 - the path's name
        if self.actor.kind is not Kind.NODE:
            return Response(self.shape(self.get_object()))
        job = selectors.jobs().filter(pk=id, node_id=self.actor.id).first()
        if job is None:
            raise ApiError("not_found")
        return Response(agent_shape(job))

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        job = self.get_object()
        return Response(states(actions.of(job), self.actor, job))

    @extend_schema(request=NoBody, responses={201: dict})
    def retry(self, request, id):  # noqa: A002
        job = self.get_object()
        self.body(NoBody)
        recording, made = retrying.retry(actor=self.actor, job=job)
        return Response(outcome(recording, made), status=201, headers={"Location": f"/api/v1/recording-jobs/{made.pk}"})

    def _chosen(self) -> tuple[list[Job], str]:
        """The jobs of a bulk body, all in reach for the route's permission, no two of one recording."""
        body = self.body(BulkJobsBody)
        jobs = in_order(self.rows(), body["ids"])
        if len({job.recording_id for job in jobs}) < len(jobs):
            message = "Two of these jobs belong to one recording."
            raise ApiError("validation_failed", data={"errors": [{"path": "ids", "code": "duplicate", "message": message}]})
        return jobs, body.get("reason", "")

    @extend_schema(request=BulkJobsBody, responses={200: dict})
    def bulk_retry(self, request):
        jobs, _ = self._chosen()
        made = retrying.bulk_retry(actor=self.actor, jobs=jobs)
        return Response({"count": len(made), "ids": [str(job.pk) for job in made]})

    @extend_schema(request=BulkJobsBody, responses={200: dict})
    def bulk_stop(self, request):
        jobs, reason = self._chosen()
        stopping.bulk_stop(actor=self.actor, jobs=jobs, reason=reason)
        return Response({"count": len(jobs), "ids": [str(job.pk) for job in jobs]})

    @extend_schema(request=AbandonBody, responses={200: JobSerializer})
    def abandon(self, request, id):  # noqa: A002
        job = self.get_object()
        job = ending.abandon(actor=self.actor, job_id=job.pk, reason=self.body(AbandonBody)["reason"])
        return Response(self.shape(job))
