"""Wire shapes of jobs, for people and for the node, and the bodies of their routes."""

from rest_framework import serializers

from config.kernel.names import FreeForm
from config.kernel.serializers import BulkIds, CleanCharField, ModelSerializer, Number, Serializer, Switch, UtcDateTimeField, Whole
from recordings.jobs.models import Job
from recordings.jobs.states import AGENT_FAILURES, GapCause, Phase


class StopSerializer(Serializer):
    """The operator's intent."""

    requested_at = UtcDateTimeField(source="stop_requested_at")
    by = serializers.CharField(source="stop_by")
    at = UtcDateTimeField(source="stop_at")
    mode = serializers.CharField(source="stop_mode")
    reason = serializers.CharField(source="stop_reason")


class AgentJobSerializer(ModelSerializer):
    """The job of 06 §7, as the node gets it. `context["source"]` (job → dict) fills in the source with its password."""

    recording_id = serializers.UUIDField()
    node_id = serializers.UUIDField(allow_null=True)
    claim_id = serializers.UUIDField(allow_null=True)
    lease_expires_at = UtcDateTimeField(source="lease_until", allow_null=True)
    stop = serializers.SerializerMethodField()
    command = serializers.SerializerMethodField()

    def get_stop(self, job) -> dict | None:
        return StopSerializer.show(job) if job.stop_requested_at else None

    def get_command(self, job) -> dict:
        find = self.context.get("source")
        return FreeForm({**job.command, "source": find(job)}) if find else FreeForm(job.command)

    class Meta:
        model = Job
        fields = (
            "id", "recording_id", "node_id", "status", "attempt", "claim_id", "claim_epoch", "lease_state", "lease_expires_at", "not_before",
            "capture_start_at", "capture_end_at", "stop", "command",
        )  # fmt: skip


class JobSerializer(AgentJobSerializer):
    """The job for people: the same and what is known of its progress. `results` is a list by track."""

    results = serializers.SerializerMethodField()
    phase = serializers.SerializerMethodField()
    failure_reason = serializers.SerializerMethodField()

    def get_results(self, job) -> list:
        return [job.results[key] for key in sorted(job.results, key=int)]

    def get_phase(self, job) -> str | None:
        return job.phase or None

    def get_failure_reason(self, job) -> str | None:
        return job.failure_reason or None

    class Meta(AgentJobSerializer.Meta):
        fields = (
            *AgentJobSerializer.Meta.fields, "executor", "session_id", "phase", "slot", "agent_instance_id", "heartbeat_at", "bytes_written",
            "frames_captured", "xruns", "segments", "upload_offset", "gaps", "results", "failure_reason", "failure_detail", "captured_at", "ended_at",
            "created_at",
        )  # fmt: skip


class ClaimBody(Serializer):
    claim_id = serializers.UUIDField()
    agent_instance_id = CleanCharField(min_length=1, max_length=64)
    process_id = CleanCharField(min_length=1, max_length=64)
    free_slots = Whole(min_value=0, max_value=128)
    agent_time = UtcDateTimeField(required=False)
    extra = serializers.DictField(required=False)


class GapBody(Serializer):
    at_seconds = Number(min_value=0)
    length_seconds = Number(min_value=0)
    cause = serializers.ChoiceField([cause.value for cause in GapCause])


class ResultBody(Serializer):
    """A closed track."""

    track_index = Whole(min_value=1, max_value=100_000)
    final = Switch()
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")
    size_bytes = Whole(min_value=0)
    duration_seconds = Number(min_value=0, max_value=31 * 86400)
    capture_start_at = UtcDateTimeField()
    capture_end_at = UtcDateTimeField()
    partial = Switch()
    peak_dbfs = Number(required=False, allow_null=True)
    lufs_integrated = Number(required=False, allow_null=True)
    drift_ppm = Number(required=False, allow_null=True)
    render_fallback = CleanCharField(max_length=12, required=False, allow_null=True)


_COUNT = {"min_value": 0, "max_value": 2**62, "required": False}


class ReportBody(Serializer):
    """A job heartbeat."""

    claim_epoch = Whole(min_value=0, max_value=2**31 - 1)
    agent_instance_id = CleanCharField(min_length=1, max_length=64)
    phase = serializers.ChoiceField([phase.value for phase in Phase])
    bytes_written = Whole(**_COUNT)
    frames_captured = Whole(**_COUNT)
    xruns = Whole(**_COUNT)
    segments = Whole(min_value=0, max_value=2**31 - 1, required=False)
    gaps = GapBody(many=True, required=False, max_length=20_000)
    free_disk_bytes = Whole(min_value=0, max_value=2**62, required=False, allow_null=True)
    upload_offset = Whole(**_COUNT)
    results = ResultBody(many=True, required=False, max_length=5000)
    extra = serializers.DictField(required=False)


class CancelledBody(Serializer):
    claim_epoch = Whole(min_value=0, max_value=2**31 - 1)
    reason = serializers.ChoiceField(["nothing_captured"])
    note = CleanCharField(max_length=2000, required=False, allow_blank=True, multiline=True)


class FailedBody(Serializer):
    claim_epoch = Whole(min_value=0, max_value=2**31 - 1)
    reason = serializers.ChoiceField([reason.value for reason in AGENT_FAILURES])
    detail = CleanCharField(max_length=2000, required=False, allow_blank=True, multiline=True)


class BulkJobsBody(BulkIds):
    reason = CleanCharField(max_length=500, required=False, allow_blank=True, multiline=True)


class AbandonBody(Serializer):
    reason = CleanCharField(min_length=3, max_length=500, multiline=True)
