"""Routes of the recorder agent under `/nodes/:id` (06 §4): its node's credential only, nothing of another node."""

from rest_framework.response import Response

from config.kernel import clock
from config.kernel.access import Kind, Perm, Route
from config.kernel.documenting import extend_schema
from config.kernel.etags import etag, not_modified
from config.kernel.names import camelized
from config.kernel.viewsets import TallyViewSet
from nodes import metrics
from nodes.fleet import config, credentials, heartbeat, hints, shapes
from nodes.fleet.models import Node
from nodes.fleet.serializers import HeartbeatBody
from nodes.fleet.wire_shapes import HeartbeatReply

NODE_ONLY = frozenset({Kind.NODE})
AGENT_BODY_LIMIT_BYTES = 256 * 1024


class AgentViewSet(TallyViewSet):
    """Base of agent routes: the authenticator brought the node; refusals are counted, successes are not audited."""

    body_limit_bytes = AGENT_BODY_LIMIT_BYTES

    @property
    def node(self) -> Node:
        """The node behind the credential, with its site and state."""
        return self.actor.subject.node

    def finalize_response(self, request, response, *args, **kwargs):
        reply = super().finalize_response(request, response, *args, **kwargs)
        if error := getattr(reply, "tally_error", None):
            metrics.AGENT_REFUSALS.labels(error.code).inc()
        return reply


def agent_route(label: Perm | None, **kwargs) -> Route:
    """A route for the credential of the node in the path; `label` is the permission that its audit rows name."""
    return Route(kinds=NODE_ONLY, node_kwarg="id", label=label, **kwargs)


class NodeAgentViewSet(AgentViewSet):
    """What an agent asks and says of its node."""

    routes = {
        "config": agent_route(Perm.NODE_CONTROL),
        "channel_map_assignments": agent_route(Perm.NODE_CONTROL),
        "heartbeat": agent_route(Perm.NODE_CONTROL, exempt="a machine's report", errors=("agent_instance_conflict",)),
    }

    @extend_schema(responses={200: dict, 304: None})
    def config(self, request, id):  # noqa: A002 - the path's name
        body = config.body(self.node)
        tag = etag(config.fingerprint(body))
        if not_modified(request, tag):
            return Response(status=304, headers={"ETag": tag})
        return Response(body, headers={"ETag": tag})

    @extend_schema(responses={200: list[dict]})
    def channel_map_assignments(self, request, id):  # noqa: A002
        """The templates assigned to this node or its interfaces; where none is, the identity holds and the list is empty."""
        return Response([])

    @extend_schema(request=HeartbeatBody, responses={202: HeartbeatReply})
    def heartbeat(self, request, id):  # noqa: A002
        heartbeat.receive(actor=self.actor, node=self.node, said=self.body(HeartbeatBody))
        token = credentials.deliver_fresh(self.actor.subject)
        reply = {
            "node": shapes.heartbeat_node(self.node),
            "server_time": clock.now(),
            "hints": hints.current(self.node),
            "commands": [],
            "credential": {"token": token} if token else None,
        }
        response = Response(camelized(reply), status=202)
        if token:
            response.replay_body = {**camelized(reply), "credential": None}
        return response
