"""Routes of the recorder agent that touch a job (06 §4): claim, job heartbeat, ends, and the read that people share."""

from rest_framework.response import Response

from config.kernel.access import Kind, Perm, Route
from config.kernel.documenting import extend_schema
from nodes.fleet import hints, sources
from nodes.fleet.agent_api import AgentViewSet
from nodes.fleet.heartbeat import demand_current_process
from nodes.fleet.models import Interface
from recordings.jobs import claiming, ending, reports
from recordings.jobs.models import Job
from recordings.jobs.serializers import AgentJobSerializer, CancelledBody, ClaimBody, FailedBody, GapBody, ReportBody, ResultBody

NODE_ONLY = frozenset({Kind.NODE})
_MACHINE = "a machine's report, no production command"
_STORED = {"gaps": GapBody, "results": ResultBody}


def source_for_node(job: Job) -> dict:
    """The source of the job's interface with its password; the snapshot's if the interface is gone."""
    interface = Interface.objects.filter(pk=job.command.get("interfaceId")).first()
    return sources.real(interface) if interface else job.command.get("source")


def agent_shape(job: Job) -> dict:
    return AgentJobSerializer(job, context={"source": source_for_node}).data


class ClaimViewSet(AgentViewSet):
    """`/nodes/:id/recording-jobs/claim-next`."""

    routes = {
        "claim_next": Route(kinds=NODE_ONLY, node_kwarg="id", label=Perm.RECORDING_CONTROL, exempt=_MACHINE, errors=("agent_instance_conflict",)),
    }

    @extend_schema(request=ClaimBody, responses={200: AgentJobSerializer, 204: None})
    def claim_next(self, request, id):  # noqa: A002 - the path's name
        body = self.body(ClaimBody)
        demand_current_process(node_id=self.node.pk, process_id=body["process_id"])
        claim = claiming.Claim(body["claim_id"], body["agent_instance_id"], body["free_slots"])
        job = claiming.claim_next(actor=self.actor, node_id=self.node.pk, claim=claim)
        return Response(status=204) if job is None else Response(agent_shape(job))


class AgentJobViewSet(AgentViewSet):
    """`/recording-jobs/:id/…` for the node that holds the job; another node's job is 404."""

    lookup_url_kwarg = "job_id"
    # A capture of weeks lists many gaps and tracks; its report must never be too large to be heard.
    body_limit_bytes = 4 * 1024**2
    audit_model = Job
    routes = {
        "heartbeat": Route(kinds=NODE_ONLY, label=Perm.RECORDING_CONTROL, exempt=_MACHINE, errors=("claim_superseded", "job_terminal")),
        "cancelled": Route(
            kinds=NODE_ONLY, label=Perm.RECORDING_CONTROL, exempt=_MACHINE, errors=("claim_superseded", "job_terminal", "job_not_stopping")
        ),
        "failed": Route(kinds=NODE_ONLY, label=Perm.RECORDING_CONTROL, exempt=_MACHINE, errors=("claim_superseded", "job_terminal")),
    }

    @extend_schema(request=ReportBody, responses={200: dict})
    def heartbeat(self, request, job_id):
        body = self.body(ReportBody)
        body.pop("extra", None)
        # Gaps and results are stored as they are shown: checked, under the names of the wire.
        body |= {name: [shape.show(one) for one in body[name]] for name, shape in _STORED.items() if name in body}
        job = reports.heartbeat(actor=self.actor, node_id=self.node.pk, job_id=job_id, report=reports.Report(**body))
        return Response({"job": agent_shape(job), "hints": hints.recent(self.node)})

    @extend_schema(request=CancelledBody, responses={200: AgentJobSerializer})
    def cancelled(self, request, job_id):
        body = self.body(CancelledBody)
        job = ending.nothing_captured(actor=self.actor, node_id=self.node.pk, job_id=job_id, epoch=body["claim_epoch"], note=body.get("note", ""))
        return Response(agent_shape(job))

    @extend_schema(request=FailedBody, responses={200: AgentJobSerializer})
    def failed(self, request, job_id):
        body = self.body(FailedBody)
        job = ending.agent_failed(
            actor=self.actor, node_id=self.node.pk, job_id=job_id, epoch=body["claim_epoch"], reason=body["reason"], detail=body.get("detail", "")
        )
        return Response(agent_shape(job))
