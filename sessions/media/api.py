"""Where providers knock: events, and the question whether somebody may come in (05 §5)."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.response import Response

from config.kernel import authentication, loops, ratelimit, wire
from config.kernel.access import Perm, Route
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.viewsets import TallyViewSet
from sessions.field.routes import SessionRoutes
from sessions.media import admission, events, provider, services, stats, tokens
from sessions.media.serializers import MediaStatsShape

FRAMES_PER_SECOND = (2, 2)
_BODY = {("application/json"): OpenApiTypes.OBJECT}


class ProviderViewSet(TallyViewSet):
    """A media server speaks: the token in the path is one proof, what the provider's own scheme adds is the other."""

    routes = {
        "events": Route(public=True, kinds=frozenset(), exempt="a media server's report, no production command", errors=("signature_invalid",)),
        "auth": Route(public=True, kinds=frozenset(), exempt="a media server's question, no production command", errors=("signature_invalid",)),
    }
    # A provider's `Authorization` is its own proof, read by its adapter, and no credential of ours.
    stores_replies = False

    def perform_authentication(self, request):
        authentication.skip(request)

    # The raw body is what was signed.
    parser_classes = []
    body_limit_bytes = 64 * 1024

    @extend_schema(request=_BODY, responses={204: None})
    def events(self, request, token):
        """File what a provider reports; the same again changes nothing. It is applied a moment later."""
        self._known(token)
        adapter = provider.current()
        raw = request._request.body
        found = adapter.verify_webhook({name.lower(): value for name, value in request.headers.items()}, raw)
        events.receive(adapter, found, raw.decode(errors="replace"))
        # Whatever was said, something happened: the poll looks at once.
        loops.wake("media.reconcile")
        return Response(status=204)

    @extend_schema(request=_BODY, responses={204: None})
    def auth(self, request, token):
        """Whether a publisher or viewer may come in, as MediaMTX asks with `authMethod: http`: 204, or 401 (which also means: ask them)."""
        self._known(token)
        try:
            asked = wire.loads(request._request.body)
            given = str(asked.get("token") or _from_query(asked.get("query", "")))
            action, path = asked.get("action"), asked.get("path")
        except (ValueError, AttributeError) as error:
            raise ApiError("signature_invalid") from error
        try:
            ref = admission.publisher(given).ref if action == "publish" else admission.viewer(given).ref if action == "read" else None
        except admission.Refused as refused:
            raise ApiError("signature_invalid") from refused
        if ref is None or ref != path:
            raise ApiError("signature_invalid")
        return Response(status=204)

    @staticmethod
    def _known(token: str) -> None:
        if not tokens.same(token, tokens.events_path()):
            raise ApiError("signature_invalid")


def _from_query(query: str) -> str:
    from urllib.parse import parse_qs

    return (parse_qs(query).get("t") or [""])[0] if isinstance(query, str) else ""


class SessionMediaViewSet(SessionRoutes):
    """What a session shows, for both its sides."""

    routes = {
        "frame": Route(Perm.SESSIONS_READ, errors=("frame_not_available", "provider_timeout", "provider_unavailable", "provider_error", "throttled")),
        "media": Route(Perm.SESSIONS_READ, errors=("not_started",)),
    }
    # A picture is asked for with the Accept of an <img>.
    any_accept = True

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def frame(self, request, id):  # noqa: A002
        """A JPEG of what is shown now, at most 1280 px wide and a second old; at most twice a second."""
        session = self.get_object()
        actor = self.actor
        ratelimit.demand(f"frame:{actor.kind}:{actor.credential_id or actor.sign_in_id or actor.id}:{session.pk}", *FRAMES_PER_SECOND)
        picture = services.frame(session)
        return HttpResponse(picture, content_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @extend_schema(responses={200: MediaStatsShape})
    def media(self, request, id):  # noqa: A002
        """What the media server measures now; `measured` is false where it has said nothing for ten seconds."""
        session = self.get_object()
        row = services.ready_input(session)
        return Response(self.shape({"video_backend_ref": row.pk, "provider": row.provider, **stats.shown(row)}, MediaStatsShape))
