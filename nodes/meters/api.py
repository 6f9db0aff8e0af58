"""Meters in by POST, and out by GET and SSE (06 §9). Sockets: `consumers.py` in, `hub.py` out."""

from rest_framework import serializers
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.access import Kind, Perm, Route
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError, FieldError
from config.kernel.names import camelized
from config.kernel.serializers import Serializer, UtcDateTimeField
from config.kernel.streaming import live_stream
from config.kernel.viewsets import TallyViewSet
from nodes import metrics
from nodes.fleet import hints, selectors
from nodes.fleet.agent_api import AgentViewSet, agent_route
from nodes.fleet.models import Node
from nodes.meters import events, owned, reading, ring, wire

BATCH_LIMIT = 60
_FRAME_KEYS = {"nodeId", "interfaceId", "seq", "capturedAt", "periodMs", "source", "levels"}
_LEVEL_KEYS = {
    "channelIndex", "label", "rmsDbfs", "peakDbfs", "truePeakDbtp", "clipping", "clippedSamples", "longestClipRun", "clipRuns", "dcOffset", "stuckRunMs",
    "noiseFloorDbfs", "correlation", "lufsM", "lufsS", "quality",
}  # fmt: skip


class TakenShape(Serializer):
    received_at = UtcDateTimeField()
    accepted = serializers.IntegerField()
    hints = serializers.DictField()


class MetersShape(Serializer):
    node_id = serializers.UUIDField()
    frames = serializers.ListField(child=serializers.DictField())


class MeterFrameViewSet(AgentViewSet):
    """POST /nodes/:id/meter-frame: one frame, or {frames[1–60]}; one Valkey round trip, no database write. The one agent route without audit label."""

    routes = {"take": agent_route(None, exempt="levels, no command", errors=("meter_node_mismatch", "reference_not_found"))}

    @extend_schema(request=dict, responses={202: TakenShape})
    def take(self, request, id):  # noqa: A002 - the path's name
        frames = [self._frame(body, path) for path, body in _bodies(request.data)]
        if not ring.store(frames):
            # The agent keeps its features and replays them.
            raise ApiError("not_ready", headers={"Retry-After": "2"})
        for _, header in frames:
            metrics.taken(header, "http")
        reply = {"receivedAt": clock.now(), "accepted": len(frames), "hints": _wire_hints(self.node)}
        return Response(reply, status=202)

    def _frame(self, body, path: str) -> tuple[bytes, wire.Header]:
        if not isinstance(body, dict):
            raise FieldError(path or "frame", "invalid", "A frame is an object.")
        _refuse_unknown(body, path)
        if str(body.get("nodeId", self.node.pk)).lower() != str(self.node.pk):
            raise ApiError("meter_node_mismatch", data={"path": f"{path}nodeId"})
        try:
            frame = wire.from_json(body)
            payload = wire.encode(frame)
            header = wire.check(payload)
        except wire.WireError as error:
            raise FieldError(f"{path}{error.path}", "invalid", f"{error.reason[:1].upper()}{error.reason[1:]}.") from error
        if not owned.owns(self.node.pk, header.interface_id):
            raise ApiError("reference_not_found", data={"path": f"{path}interfaceId"})
        return payload, header


def _bodies(data) -> list[tuple[str, object]]:
    """(path prefix, frame) of a body that is a frame or a batch."""
    if not isinstance(data, dict) or "frames" not in data:
        return [("", data)]
    frames = data["frames"]
    if not isinstance(frames, list) or not 1 <= len(frames) <= BATCH_LIMIT:
        raise FieldError("frames", "invalid", f"1 to {BATCH_LIMIT} frames.")
    if unknown := [key for key in data if key != "frames"]:
        _unknown(unknown)
    return [(f"frames[{index}].", frame) for index, frame in enumerate(frames)]


def _refuse_unknown(body: dict, path: str) -> None:
    unknown = [f"{path}{key}" for key in body if key not in _FRAME_KEYS]
    levels = body.get("levels")
    for index, level in enumerate(levels if isinstance(levels, list) else ()):
        if isinstance(level, dict):
            unknown += [f"{path}levels[{index}].{key}" for key in level if key not in _LEVEL_KEYS]
    if unknown:
        _unknown(unknown)


def _unknown(paths: list[str]) -> None:
    errors = [{"path": path[:100], "code": "unknown_parameter", "message": "This field is not known here."} for path in paths[:20]]
    raise ApiError("unknown_parameter", data={"errors": errors})


def _wire_hints(node: Node) -> dict:
    return camelized(hints.recent(node))


class MetersViewSet(TallyViewSet):
    """GET /nodes/:id/meters: the newest frame of each interface in reach; never a made-up one."""

    routes = {"meters": Route(Perm.NODE_READ, query=("interfaceId",), errors=("meter_frame_not_found",))}

    def get_queryset(self):
        return selectors.nodes()

    def queryset_is_scoped(self):
        return False

    @extend_schema(responses={200: MetersShape})
    def meters(self, request, id):  # noqa: A002
        if not selectors.visible_nodes(self.actor).filter(pk=id).exists():
            raise ApiError("not_found")
        frames = reading.newest(self.actor, id, events.ids_of(request.GET, "interfaceId"))
        if not frames:
            raise ApiError("meter_frame_not_found")
        return Response({"nodeId": str(id), "frames": frames})


class MeterEventsViewSet(TallyViewSet):
    """GET /meter-events: meters as server-sent events; `event: meter`, `id:` the frame's seq, newest first on connect."""

    routes = {"stream": Route(Perm.NODE_READ, kinds=frozenset({Kind.USER}), query=("nodeId", "rate"), errors=("concurrency_limit_reached",))}
    any_accept = True

    @extend_schema(responses={(200, "text/event-stream"): str})
    def stream(self, request):
        chosen = events.Chosen.of(request.GET)
        feed = events.open_feed(self.actor, chosen)
        return live_stream(
            request, feed.live, feed.polled, content_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
