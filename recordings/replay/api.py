"""`/control-room/replay/…` and `/replay-clips` (07 §9, 04 §6)."""

from functools import partial

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from config.kernel.access import Perm, Route, Subsystem
from config.kernel.actions import states
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.etags import etag, unless_changed
from config.kernel.names import camelized
from config.kernel.serializers import NoBody
from config.kernel.viewsets import FacetsMixin, ListMixin, TallyViewSet
from recordings.library import serving, storage
from recordings.replay import clips, marking, transport
from recordings.replay.filters import ClipFilters
from recordings.replay.serializers import (
    ClipAnswer,
    ClipBody,
    ClipShape,
    MarkAnswer,
    MarkInBody,
    MarkOutBody,
    MarkShape,
    NewClip,
    PlaybackAnswer,
    PlayBody,
    QuickBody,
)
from sessions.control_room.routes import command, given
from sessions.control_room.serializers import ReplayAnswer

_UPKEEP = "clip upkeep, under its own permission"
_VIDEO = {(200, "video/*"): OpenApiTypes.BINARY, (206, "video/*"): OpenApiTypes.BINARY, 304: None}


_command = partial(command, Subsystem.REPLAY)


def _made(clip) -> Response:
    return Response({"clip": ClipShape.show(clip)}, status=202, headers={"Location": f"/api/v1/replay-clips/{clip.pk}"})


class ReplayViewSet(TallyViewSet):
    """Marks and the transport: commands of the control room."""

    routes = {
        "mark_in": _command("reference_not_found", "no_session_recording", "mark_open"),
        "mark_out": _command("reference_not_found", "no_open_mark", "limit_reached", "clip_out_of_range"),
        "quick": _command("reference_not_found", "no_session_recording", "limit_reached", "clip_out_of_range"),
        "drop_mark": _command("reference_not_found", "no_open_mark", query=("sessionId",)),
        "play": _command("reference_not_found", "clip_not_ready", "replay_empty", "clip_out_of_range"),
        "pause": _command("replay_empty"),
        "stop": _command("replay_empty"),
    }

    @extend_schema(request=MarkInBody, responses={201: MarkAnswer})
    def mark_in(self, request):
        mark = marking.mark_in(actor=self.actor, **given(self.body(MarkInBody)))
        where = f"/api/v1/control-room/replay/mark?sessionId={mark.session_id}"
        return Response({"mark": MarkShape.show(mark)}, status=201, headers={"Location": where})

    @extend_schema(request=MarkOutBody, responses={202: ClipAnswer})
    def mark_out(self, request):
        return _made(marking.mark_out(actor=self.actor, **given(self.body(MarkOutBody))))

    @extend_schema(request=QuickBody, responses={202: ClipAnswer})
    def quick(self, request):
        return _made(marking.quick(actor=self.actor, **given(self.body(QuickBody))))

    @extend_schema(parameters=[OpenApiParameter("sessionId", OpenApiTypes.UUID, required=True)], responses={204: None})
    def drop_mark(self, request):
        marking.drop_mark(actor=self.actor, session_id=self.id_in_query("sessionId", "session"))
        return Response(status=204)

    drop_mark.query_documented = ("sessionId",)

    @extend_schema(request=PlayBody, responses={200: ReplayAnswer})
    def play(self, request):
        return Response(camelized(transport.play(actor=self.actor, **given(self.body(PlayBody)))))

    @extend_schema(request=NoBody, responses={200: ReplayAnswer})
    def pause(self, request):
        self.body(NoBody)
        return Response(camelized(transport.pause(actor=self.actor)))

    @extend_schema(request=NoBody, responses={200: ReplayAnswer})
    def stop(self, request):
        self.body(NoBody)
        return Response(camelized(transport.stop(actor=self.actor)))


class ClipViewSet(ListMixin, FacetsMixin, TallyViewSet):
    """Clips, and their bytes."""

    routes = {
        "list": Route(Perm.RECORDING_READ),
        "facets": Route(Perm.RECORDING_READ),
        "retrieve": Route(Perm.RECORDING_READ),
        "actions": Route(Perm.RECORDING_READ),
        "create": Route(
            Perm.RECORDING_CREATE, exempt=_UPKEEP, errors=("reference_not_found", "recording_not_cached", "limit_reached", "clip_out_of_range")
        ),
        "partial_update": Route(Perm.RECORDING_EDIT, exempt=_UPKEEP),
        "destroy": Route(Perm.RECORDING_DELETE, exempt=_UPKEEP, errors=("clip_in_use", "legal_hold")),
        "playback": Route(Perm.RECORDING_PLAYBACK, exempt="a read, no production command", errors=("clip_not_ready", "concurrency_limit_reached")),
        "stream": Route(
            Perm.RECORDING_PLAYBACK, query=("playbackId",), errors=("clip_not_ready", "recording_not_cached", "link_expired", "range_not_satisfiable")
        ),
    }
    filters = ClipFilters
    serializer_class = ClipShape
    read_permission = Perm.RECORDING_READ
    # A media element asks for video/*, errors are JSON all the same.
    any_accept = True

    def get_queryset(self):
        return clips.clips()

    def _reply(self, clip) -> Response:
        return Response(self.shape(clip), headers={"ETag": etag(clip.pk, clip.revision)})

    @extend_schema(responses={200: ClipShape})
    def retrieve(self, request, id):  # noqa: A002 - the path's name
        return self._reply(self.get_object())

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        clip = self.get_object()
        return Response(states(clips.actions(clip), self.actor, clip))

    @extend_schema(request=NewClip, responses={202: ClipAnswer})
    def create(self, request):
        return _made(clips.from_library(actor=self.actor, **self.body(NewClip)))

    @extend_schema(request=ClipBody, responses={200: ClipShape})
    def partial_update(self, request, id):  # noqa: A002
        clip = self.get_object()
        body = self.body(ClipBody, partial=True)
        row = clips.edit(actor=self.actor, clip=clip, body=body, check=unless_changed(request))
        return self._reply(row)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request, id):  # noqa: A002
        clips.delete(actor=self.actor, clip=self.get_object())
        return Response(status=204)

    @extend_schema(request=NoBody, responses={201: PlaybackAnswer})
    def playback(self, request, id):  # noqa: A002
        clip = self.get_object()
        self.body(NoBody)
        grant = clips.grant(actor=self.actor, clip=clip)
        url = f"/api/v1/replay-clips/{clip.pk}/stream?playbackId={grant.pk}"
        reply = {
            "playbackId": str(grant.pk),
            "streamUrl": url,
            "mimeType": clip.mime_type,
            "playFromMs": clip.play_from_ms,
            "durationMs": clip.duration_ms,
            "expiresAt": grant.expires_at,
        }
        return Response(reply, status=201, headers={"Location": url})

    @extend_schema(parameters=[OpenApiParameter("playbackId", OpenApiTypes.UUID, required=True)], responses=_VIDEO)
    def stream(self, request, id):  # noqa: A002
        clip = self.get_object()
        clips.find_grant(actor=self.actor, clip=clip, grant_id=self.id_in_query("playbackId", "link"))
        try:
            return serving.send(request, transport.sendable(clip))
        except storage.Missing as error:
            raise ApiError("recording_not_cached") from error

    stream.query_documented = ("playbackId",)
