"""Filters, sorts and facets of the list of jobs."""

from config.kernel.filters import Choice, FilterSet, Moment, Uuid
from recordings.jobs.states import FailureReason, JobStatus, LeaseState, Phase


class JobFilters(FilterSet):
    status = Choice("status", choices=JobStatus)
    lease_state = Choice("lease_state", choices=LeaseState)
    phase = Choice("phase", choices=Phase)
    failure_reason = Choice("failure_reason", choices=FailureReason)
    node_id = Uuid("node_id")
    recording_id = Uuid("recording_id")
    created_from = Moment("created_at__gte")
    created_to = Moment("created_at__lt")
    sorts = {"createdAt": "created_at", "captureStartAt": "capture_start_at", "status": "status"}
    default_sort = "-createdAt"
    search_fields = ("recording__name",)
    facet_fields = {"status": "status", "leaseState": "lease_state", "phase": "phase", "failureReason": "failure_reason", "nodeId": "node_id"}
