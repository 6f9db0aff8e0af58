"""Playback and download: links, and the bytes behind them (07 §1)."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from config.kernel.access import Perm, Route, holds
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.viewsets import TallyViewSet
from recordings.library import grants, missing, selectors, serving, storage
from recordings.library.grants import Purpose
from recordings.library.models import Recording
from recordings.library.serializers import LinkBody

_READ = "a read, no production command"
_SERVE = ("recording_not_cached", "link_expired", "range_not_satisfiable")
_BYTES = {(200, "audio/*"): OpenApiTypes.BINARY, (206, "audio/*"): OpenApiTypes.BINARY, 304: None}


class MediaViewSet(TallyViewSet):
    """Links to a recording's bytes."""

    routes = {
        "playback": Route(
            Perm.RECORDING_PLAYBACK,
            exempt=_READ,
            errors=("recording_not_cached", "rendition_pending", "recording_unplayable", "concurrency_limit_reached"),
        ),
        "download": Route(Perm.RECORDING_DOWNLOAD, exempt=_READ, errors=("recording_not_cached", "concurrency_limit_reached")),
        "stream": Route(Perm.RECORDING_PLAYBACK, query=("playbackId",), errors=_SERVE),
        "file": Route(Perm.RECORDING_DOWNLOAD, query=("downloadId",), errors=_SERVE),
    }
    read_permission = Perm.RECORDING_READ
    # A media element asks for audio/*, errors are JSON all the same.
    any_accept = True

    def get_queryset(self):
        return selectors.recordings()

    def rows(self, permission=None):
        """What is in the trash is there only for those who may delete."""
        rows = super().rows(permission)
        return rows if holds(self.actor, Perm.RECORDING_DELETE) else rows.filter(deleted_at=None)

    @extend_schema(request=LinkBody, responses={201: dict})
    def playback(self, request, id):  # noqa: A002 - the path's name
        recording = self.get_object()
        grant = grants.make(actor=self.actor, recording=recording, purpose=Purpose.PLAYBACK, file_id=self.body(LinkBody).get("file_id"))
        _, _, _, mime_type = grants.served(grant)
        url = f"/api/v1/recordings/{recording.pk}/stream?playbackId={grant.pk}"
        reply = {
            "playbackId": str(grant.pk),
            "streamUrl": url,
            "mode": "rendition" if grant.rendition else "original",
            "mimeType": mime_type,
            "durationSeconds": grant.file.duration_seconds,
            "expiresAt": grant.expires_at,
        }
        return Response(reply, status=201, headers={"Location": url})

    @extend_schema(request=LinkBody, responses={201: dict})
    def download(self, request, id):  # noqa: A002
        recording = self.get_object()
        grant = grants.make(actor=self.actor, recording=recording, purpose=Purpose.DOWNLOAD, file_id=self.body(LinkBody).get("file_id"))
        url = f"/api/v1/recordings/{recording.pk}/file?downloadId={grant.pk}"
        reply = {
            "downloadId": str(grant.pk),
            "url": url,
            "fileName": serving.name_for(recording.name, grant.file.path),
            "size": grant.file.size,
            "sha256": grant.file.sha256,
            "expiresAt": grant.expires_at,
        }
        return Response(reply, status=201, headers={"Location": url})

    @extend_schema(parameters=[OpenApiParameter("playbackId", OpenApiTypes.UUID, required=True)], responses=_BYTES)
    def stream(self, request, id):  # noqa: A002
        recording = self.get_object()
        grant = grants.find(actor=self.actor, recording=recording, purpose=Purpose.PLAYBACK, grant_id=self.id_in_query("playbackId", "link"))
        return self._send(recording, grant)

    @extend_schema(parameters=[OpenApiParameter("downloadId", OpenApiTypes.UUID, required=True)], responses=_BYTES)
    def file(self, request, id):  # noqa: A002
        recording = self.get_object()
        grant = grants.find(actor=self.actor, recording=recording, purpose=Purpose.DOWNLOAD, grant_id=self.id_in_query("downloadId", "link"))
        return self._send(recording, grant)

    stream.query_documented = ("playbackId",)
    file.query_documented = ("downloadId",)

    def _send(self, recording: Recording, grant):
        path, size, sha256, mime_type = grants.served(grant)
        download = grant.purpose == Purpose.DOWNLOAD
        item = serving.Sendable(path, size, sha256, mime_type, serving.name_for(recording.name, path), attachment=download, digest=download)
        try:
            return serving.send(self.request, item)
        except storage.Missing as error:
            missing.report(recording, grant.file, error)
            raise ApiError("recording_not_cached") from error
