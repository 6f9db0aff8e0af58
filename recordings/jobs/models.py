"""Attempts to capture a recording."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q

from config.kernel.models import TimestampedModel
from nodes.fleet.models import Node
from recordings.choices import choices
from recordings.jobs.states import ACTIVE, Executor, FailureReason, JobStatus, LeaseState, Phase

_ACTIVE = sorted(status.value for status in ACTIVE)


class Job(TimestampedModel):
    """One attempt at one recording; its status is written by `jobs.transitions` only.

    command        what the node is to do, a snapshot (06 §7 `command`); secrets of a source are not in it but looked up when the node asks
    claim_id       the node's own id of the claim; claim_epoch counts claims, a lower one is superseded
    slot, span     the place in the node's capacity while it captures: [start, end or ∞), shortened when captured; slot null = holds none
    lease_until    when the lease lapses unless a job heartbeat comes; the database's clock
    heartbeat_at   the last job heartbeat; orphan_since: first node heartbeat of a new agent instance that did not list this job
    stop_*         the operator's intent; stop_at is the instant at which the capture is to end
    results        {"1": {trackIndex, final, sha256, sizeBytes, …}} as the agent reported them
    """

    AUDIT_FIELDS = ("status", "attempt", "failure_reason", "claim_epoch", "stop_requested_at", "stop_reason")

    recording = models.ForeignKey("Recording", on_delete=models.CASCADE, related_name="jobs")
    executor = models.CharField(max_length=6, choices=choices(Executor), default=Executor.NODE)
    node = models.ForeignKey(Node, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    session_id = models.UUIDField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=16, choices=choices(JobStatus), default=JobStatus.QUEUED)
    phase = models.CharField(max_length=12, choices=choices(Phase), blank=True)
    command = models.JSONField(default=dict)

    claim_id = models.UUIDField(null=True, blank=True)
    claim_epoch = models.PositiveIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    agent_instance_id = models.CharField(max_length=64, blank=True)
    slot = models.PositiveSmallIntegerField(null=True, blank=True)
    span = DateTimeRangeField(null=True, blank=True)
    lease_state = models.CharField(max_length=8, choices=choices(LeaseState), default=LeaseState.NONE)
    lease_until = models.DateTimeField(null=True, blank=True)
    lapsed_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    orphan_since = models.DateTimeField(null=True, blank=True)

    not_before = models.DateTimeField()
    capture_start_at = models.DateTimeField()
    capture_end_at = models.DateTimeField(null=True, blank=True)
    captured_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    bytes_written = models.BigIntegerField(default=0)
    frames_captured = models.BigIntegerField(default=0)
    xruns = models.BigIntegerField(default=0)
    segments = models.PositiveIntegerField(default=0)
    upload_offset = models.BigIntegerField(default=0)
    free_disk_bytes = models.BigIntegerField(null=True, blank=True)
    gaps = models.JSONField(default=list, blank=True)
    results = models.JSONField(default=dict, blank=True)

    stop_requested_at = models.DateTimeField(null=True, blank=True)
    stop_at = models.DateTimeField(null=True, blank=True)
    stop_by = models.CharField(max_length=240, blank=True)
    stop_mode = models.CharField(max_length=8, blank=True)
    stop_reason = models.CharField(max_length=500, blank=True)
    failure_reason = models.CharField(max_length=20, choices=choices(FailureReason), blank=True)
    failure_detail = models.TextField(max_length=2000, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["recording", "attempt"], name="job_attempt_once"),
            models.UniqueConstraint(fields=["recording"], condition=Q(status__in=_ACTIVE), name="job_one_active"),
            models.UniqueConstraint(fields=["session_id"], condition=Q(status__in=_ACTIVE) & ~Q(session_id=None), name="job_one_active_per_session"),
            models.UniqueConstraint(fields=["node", "claim_id"], condition=~Q(claim_id=None), name="job_claim_once"),
            models.CheckConstraint(
                condition=Q(status__in=_ACTIVE, ended_at=None) | (~Q(status__in=_ACTIVE) & ~Q(ended_at=None)), name="job_ended_iff_terminal"
            ),
            models.CheckConstraint(condition=Q(capture_end_at=None) | Q(capture_end_at__gt=F("capture_start_at")), name="job_window"),
            models.CheckConstraint(condition=(Q(executor="node") & ~Q(node=None)) | (Q(executor="media") & Q(node=None)), name="job_executor_node"),
            models.CheckConstraint(condition=Q(slot=None) | (Q(slot__range=(1, 128)) & ~Q(span=None)), name="job_slot_1_128"),
            ExclusionConstraint(
                name="job_capacity",
                expressions=[("node", RangeOperators.EQUAL), ("slot", RangeOperators.EQUAL), ("span", RangeOperators.OVERLAPS)],
                condition=~Q(slot=None),
            ),
        ]
        indexes = [
            models.Index(fields=["node", "not_before", "created_at"], condition=Q(status="queued"), name="job_queue"),
            models.Index(fields=["lease_until"], condition=Q(status__in=["running", "stop_requested"]), name="job_leases"),
            models.Index(fields=["node", "status"], name="job_node_status"),
            models.Index(F("created_at").desc(), F("id").desc(), name="job_newest"),
        ]

    def __str__(self):
        return f"{self.recording_id} #{self.attempt}"
