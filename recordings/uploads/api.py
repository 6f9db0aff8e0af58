"""HEAD and PUT `/recordings/:rid/cache-file` (06 §8): a raw body, read in chunks, never parsed."""

import math

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from config.kernel.access import Kind, Perm, Route
from config.kernel.documenting import extend_schema
from nodes.fleet.agent_api import AgentViewSet
from recordings.jobs import selectors
from recordings.jobs.agent_api import agent_shape
from recordings.library.models import Recording
from recordings.library.serializers import FileSerializer, RecordingSerializer
from recordings.uploads import content_range, receiving
from recordings.uploads.request import offer, track

_HEADERS = [
    OpenApiParameter("Recording-Job-Id", OpenApiTypes.UUID, OpenApiParameter.HEADER, required=True),
    OpenApiParameter("Claim-Epoch", OpenApiTypes.INT, OpenApiParameter.HEADER, required=True),
    OpenApiParameter("Track-Index", OpenApiTypes.INT, OpenApiParameter.HEADER),
    OpenApiParameter("Track-Final", OpenApiTypes.BOOL, OpenApiParameter.HEADER),
]
_PUT_HEADERS = [
    OpenApiParameter("Content-Digest", OpenApiTypes.STR, OpenApiParameter.HEADER, required=True, description="sha-256 of this body (RFC 9530)"),
    OpenApiParameter("Repr-Digest", OpenApiTypes.STR, OpenApiParameter.HEADER, required=True, description="sha-256 of the whole file"),
    OpenApiParameter("Content-Range", OpenApiTypes.STR, OpenApiParameter.HEADER, description="bytes a-b/total, unless the body is the whole file"),
    OpenApiParameter("Media-Duration-Seconds", OpenApiTypes.FLOAT, OpenApiParameter.HEADER),
]
_MEDIA = ("audio/flac", "audio/wav", "audio/mpeg", "audio/ogg")
_ERRORS = (
    "file_empty", "content_range_invalid", "digest_required", "length_required", "duration_invalid", "part_too_large", "file_too_large",
    "upload_offset_mismatch", "upload_changed", "upload_busy", "claim_superseded", "recording_has_other_file", "checksum_mismatch", "storage_full",
)  # fmt: skip


class CacheFileViewSet(AgentViewSet):
    """A captured file on its way in."""

    routes = {
        "cache_file_state": Route(kinds=frozenset({Kind.NODE}), label=Perm.RECORDING_CONTROL),
        "cache_file": Route(
            kinds=frozenset({Kind.NODE}), label=Perm.RECORDING_CONTROL, exempt="a machine's report, no production command", errors=_ERRORS
        ),
    }
    lookup_url_kwarg = "recording_id"
    audit_model = Recording
    parser_classes = []
    # A part that is too large is refused by its own code, before a byte of it is read (`request.offer`).
    body_limit_bytes = math.inf

    @extend_schema(parameters=_HEADERS, responses={200: None})
    def cache_file_state(self, request, recording_id):
        which = track(request.headers)
        job = receiving.find_job(self.node.pk, recording_id, which)
        state, offset, length, sha256 = receiving.state(job, which, content_range.sha256_of(request.headers.get("Repr-Digest")))
        reply = HttpResponse(status=200)
        reply["Upload-State"] = state
        reply["Upload-Offset"] = str(offset)
        if length is not None:
            reply["Upload-Length"] = str(length)
        if sha256:
            reply["Repr-Digest"] = content_range.field(sha256)
        return reply

    @extend_schema(
        parameters=_HEADERS + _PUT_HEADERS, request=dict.fromkeys(_MEDIA, OpenApiTypes.BINARY), responses={200: dict, 201: dict, 202: dict}
    )
    def cache_file(self, request, recording_id):
        put = offer(request.headers, request.META.get("CONTENT_LENGTH", ""))
        # Django's own request: it hands out the body as it comes, DRF's would look for a parser.
        status, facts = receiving.receive(actor=self.actor, node_id=self.node.pk, recording_id=recording_id, offer=put, body=request._request)
        if status == 202:
            return Response({"state": "verifying"} if facts.get("verifying") else {"offset": facts["offset"]}, status=202)
        return Response(self._stored(facts["file"], facts["job"]), status=status)

    @staticmethod
    def _stored(file, job) -> dict:
        recording = selectors.recording(file.recording_id)
        return {
            "file": {**FileSerializer.show(file), "durationSeconds": file.duration_seconds},
            "recording": RecordingSerializer.show(recording),
            "job": agent_shape(job),
            "uploadQueueItems": [],
        }
