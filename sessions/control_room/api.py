"""`/control-room/…`: the commands of the production (04 §3, §6). Guards come before the body; the lock is looked at again where it is written."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.access import Perm, Route, Subsystem
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError, FieldError
from config.kernel.names import camelized
from config.kernel.serializers import NoBody, UtcDateTimeField
from config.kernel.viewsets import ListMixin, TallyViewSet
from operators.console import room
from operators.console.identity import require_director
from sessions.control_room import captions, program_link, services, sources, states, vtt
from sessions.control_room.filters import CaptionFilters
from sessions.control_room.routes import IN_THE_ROOM, command, given
from sessions.control_room.serializers import (
    BusesAnswer,
    BusSourceBody,
    CaptionAnswer,
    CaptionBody,
    CaptionsAnswer,
    CaptionShape,
    CutBody,
    GainBody,
    LowerThirdAnswer,
    LowerThirdShowBody,
    ProgramLinkBody,
    ProgramLinkShape,
    SlateAnswer,
    SourceAnswer,
    SourceMuteBody,
    TakeBody,
    TitleBody,
)

_SOURCE = ("reference_not_found", "session_not_live")
_NO_STORE = {"Cache-Control": "no-store"}


class ProductionViewSet(TallyViewSet):
    """Buses, mix and graphics. Each answers the changed parts and the room's number, which stands still when nothing changed."""

    routes = {
        "preview": command(Subsystem.SWITCHING, *_SOURCE, "replay_empty"),
        "cut": command(Subsystem.SWITCHING, *_SOURCE, "replay_empty"),
        "take": command(Subsystem.SWITCHING, *_SOURCE, "replay_empty", "preview_changed"),
        "gain": command(Subsystem.AUDIO, *_SOURCE),
        "mute": command(Subsystem.AUDIO, *_SOURCE),
        "lower_third": command(Subsystem.GRAPHICS),
        "show_lower_third": command(Subsystem.GRAPHICS),
        "hide_lower_third": command(Subsystem.GRAPHICS),
        "slate": command(Subsystem.GRAPHICS),
    }

    def get_queryset(self):
        return room.every()

    def _do(self, verb, body):
        return Response(camelized(verb(actor=self.actor, **given(self.body(body)))))

    @extend_schema(request=BusSourceBody, responses={200: BusesAnswer})
    def preview(self, request):
        return self._do(services.preview, BusSourceBody)

    @extend_schema(request=CutBody, responses={200: BusesAnswer})
    def cut(self, request):
        return self._do(services.cut, CutBody)

    @extend_schema(request=TakeBody, responses={200: BusesAnswer})
    def take(self, request):
        return self._do(services.take, TakeBody)

    @extend_schema(request=GainBody, responses={200: SourceAnswer})
    def gain(self, request):
        return self._do(services.set_gain, GainBody)

    @extend_schema(request=SourceMuteBody, responses={200: SourceAnswer})
    def mute(self, request):
        return self._do(services.set_mute, SourceMuteBody)

    @extend_schema(request=TitleBody, responses={200: LowerThirdAnswer})
    def lower_third(self, request):
        return self._do(services.edit_lower_third, TitleBody)

    @extend_schema(request=LowerThirdShowBody, responses={200: LowerThirdAnswer})
    def show_lower_third(self, request):
        return self._do(services.show_lower_third, LowerThirdShowBody)

    @extend_schema(request=NoBody, responses={200: LowerThirdAnswer})
    def hide_lower_third(self, request):
        return self._do(services.hide_lower_third, NoBody)

    @extend_schema(request=TitleBody, responses={200: SlateAnswer})
    def slate(self, request):
        return self._do(services.edit_slate, TitleBody)


class CaptionViewSet(ListMixin, TallyViewSet):
    """Captions: the last ninety days, one more, none, and as a file."""

    routes = {
        "list": Route(Perm.CONTROL_ROOM_READ),
        "create": command(Subsystem.CAPTIONS, "throttled"),
        "clear": command(Subsystem.CAPTIONS),
        "vtt": Route(Perm.CONTROL_ROOM_READ, query=("from", "to", "sessionId"), errors=("not_found",)),
    }
    any_accept = True
    filters = CaptionFilters
    serializer_class = CaptionShape

    def get_queryset(self):
        return captions.lines()

    @extend_schema(request=CaptionBody, responses={201: CaptionAnswer})
    def create(self, request):
        return Response(camelized(services.post_caption(actor=self.actor, **self.body(CaptionBody))), status=201)

    @extend_schema(request=NoBody, responses={200: CaptionsAnswer})
    def clear(self, request):
        self.body(NoBody)
        return Response(camelized(services.clear_captions(actor=self.actor)))

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "from", OpenApiTypes.DATETIME, description="Cues begin here, and count from here; default: the first of the last 24 hours."
            ),
            OpenApiParameter("to", OpenApiTypes.DATETIME),
            OpenApiParameter("sessionId", OpenApiTypes.UUID, description="Only what showed while this session was on program, from its start."),
        ],
        responses={(200, vtt.MEDIA_TYPE): OpenApiTypes.STR},
    )
    def vtt(self, request):
        start, end = self._moment("from"), self._moment("to")
        if start and end and end <= start:
            raise FieldError("to", "before_from", "The end must come after the beginning.")
        cues = captions.cues(start=start, end=end, session=self._session())
        name = f"captions-{(start or clock.now()):%Y%m%d}.vtt"
        return HttpResponse(
            vtt.document(cues),
            content_type=f"{vtt.MEDIA_TYPE}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', **_NO_STORE},
        )

    def _moment(self, name: str):
        text = self.request.GET.get(name)
        if text is None:
            return None
        try:
            return UtcDateTimeField().run_validation(text)
        except Exception as error:
            raise FieldError(name, "invalid", "A moment such as 2026-05-13T08:42:00Z.") from error

    def _session(self):
        asked = self.request.GET.get("sessionId")
        if asked is None:
            return None
        pk = states.session_id_of(states.of_session(asked.lower()))
        if pk is None:
            raise FieldError("sessionId", "invalid", "The id of a session.")
        found = sources.in_reach(room.main()).filter(pk=pk).first()
        if found is None:
            raise ApiError("not_found", about=[("session", pk)])
        return found


class ProgramLinkViewSet(TallyViewSet):
    """The link that shows program to whoever has it; a director's."""

    _OWN_CHECK = "program link, the director's own check"
    _ERRORS = ("operator_required", "director_required", "permission_denied")
    routes = {
        "retrieve": Route(kinds=IN_THE_ROOM, errors=_ERRORS),
        "destroy": Route(kinds=IN_THE_ROOM, exempt=_OWN_CHECK, errors=_ERRORS),
        "rotate": Route(kinds=IN_THE_ROOM, exempt=_OWN_CHECK, errors=_ERRORS),
    }

    def get_queryset(self):
        return room.every()

    @extend_schema(responses={200: ProgramLinkShape})
    def retrieve(self, request):
        require_director(self.actor)
        return Response(self.shape(program_link.show(actor=self.actor), ProgramLinkShape), headers=_NO_STORE)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request):
        require_director(self.actor)
        program_link.close(actor=self.actor)
        return Response(status=204)

    @extend_schema(request=ProgramLinkBody, responses={200: ProgramLinkShape})
    def rotate(self, request):
        require_director(self.actor)
        shown = self.shape(program_link.rotate(actor=self.actor, **self.body(ProgramLinkBody)), ProgramLinkShape)
        reply = Response(shown, headers=_NO_STORE)
        reply.replay_body = {**shown, "token": None, "url": None}
        return reply
