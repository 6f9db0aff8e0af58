"""`/recordings`: list, detail, start, stop, edit, delete (07 §1, §2). Links and bytes are in `media_api.py`."""

from rest_framework.response import Response

from config.kernel import clock, pagination
from config.kernel.access import Perm, Route, Subsystem, holds, require
from config.kernel.actions import states
from config.kernel.documenting import extend_schema
from config.kernel.errors import ApiError
from config.kernel.etags import etag, not_modified, unless_changed
from config.kernel.exports import in_order
from config.kernel.viewsets import ExportMixin, FacetsMixin, ListMixin, TallyViewSet
from recordings.jobs import starting, stopping
from recordings.jobs.api import outcome
from recordings.jobs.models import Job
from recordings.library import actions, editing, manifest, markers, selectors, waveform
from recordings.library.filters import RecordingFilters
from recordings.library.models import Recording
from recordings.library.serializers import (
    BulkDeleteBody,
    BulkMetadataBody,
    MarkerSerializer,
    MetadataBody,
    NewMarker,
    RecordingSerializer,
    StartBody,
    StopBody,
)
from recordings.retention import disposal
from recordings.sessions import starting as session_recordings
from recordings.wish import Wish

_UPKEEP = "library upkeep, under its own permission"
_START = (
    "node_offline", "node_retired", "active_recording_job_exists", "interface_unavailable", "profile_disabled", "codec_channel_limit", "storage_full",
    "session_not_live", "active_recording_exists", "session_recording_unsupported",
)  # fmt: skip
_DELETE = ("recording_active", "legal_hold", "upload_in_progress")


class RecordingViewSet(ListMixin, FacetsMixin, ExportMixin, TallyViewSet):
    """The library."""

    routes = {
        "list": Route(Perm.RECORDING_READ),
        "facets": Route(Perm.RECORDING_READ),
        "export": Route(Perm.RECORDING_READ),
        "export_selected": Route(Perm.RECORDING_READ, exempt="reads"),
        "retrieve": Route(Perm.RECORDING_READ),
        "actions": Route(Perm.RECORDING_READ),
        "context": Route(Perm.RECORDING_READ),
        "waveform": Route(Perm.RECORDING_READ, query=("from", "to", "points", "channels"), errors=("analysis_pending", "analysis_failed")),
        "markers": Route(Perm.RECORDING_READ),
        "create_marker": Route(Perm.RECORDING_EDIT, exempt=_UPKEEP, errors=("limit_reached",)),
        "delete_marker": Route(Perm.RECORDING_EDIT, exempt=_UPKEEP, errors=("marker_derived",)),
        "create": Route(Perm.RECORDING_CREATE, subsystem=Subsystem.OUTPUT, errors=_START),
        "stop": Route(Perm.RECORDING_CONTROL, subsystem=Subsystem.OUTPUT, errors=("recording_not_active",)),
        "metadata": Route(Perm.RECORDING_EDIT, exempt=_UPKEEP),
        "bulk_metadata": Route(Perm.RECORDING_EDIT, exempt=_UPKEEP, errors=("limit_reached",)),
        "destroy": Route(Perm.RECORDING_DELETE, exempt=_UPKEEP, errors=_DELETE),
        "bulk_delete": Route(Perm.RECORDING_DELETE, exempt=_UPKEEP, errors=_DELETE),
        "restore": Route(Perm.RECORDING_DELETE, exempt=_UPKEEP, errors=("not_in_trash",)),
    }
    filters = RecordingFilters
    serializer_class = RecordingSerializer
    read_permission = Perm.RECORDING_READ
    export_name = "recording.recording"
    export_columns = manifest.COLUMNS

    def get_queryset(self):
        return selectors.recordings()

    def rows(self, permission=None):
        """What is in the trash is there only for those who may delete."""
        rows = super().rows(permission)
        return rows if holds(self.actor, Perm.RECORDING_DELETE) else rows.filter(deleted_at=None)

    def check_query(self, request):
        super().check_query(request)
        if request.GET.get("deleted") == "true":
            require(self.actor, Perm.RECORDING_DELETE)

    def _reply(self, recording: Recording, **headers) -> Response:
        return Response(self.shape(recording), headers={"ETag": etag(recording.pk, recording.revision), **headers})

    @extend_schema(responses={200: RecordingSerializer})
    def retrieve(self, request, id):  # noqa: A002 - the path's name
        return self._reply(self.get_object())

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        recording = self.get_object()
        return Response(states(actions.of(recording), self.actor, recording))

    @extend_schema(responses={200: dict})
    def context(self, request, id):  # noqa: A002
        return Response(selectors.context(self.get_object(), self.actor, clock.now()))

    @extend_schema(parameters=waveform.PARAMETERS, responses={200: dict, 304: None})
    def waveform(self, request, id):  # noqa: A002
        recording = self.get_object()
        wanted = waveform.Window.parse(request.GET, recording)
        file = waveform.analysed_file(recording)
        tag = etag(file.sha256, file.peaks_path, wanted)
        if not_modified(request, tag):
            return Response(status=304, headers={"ETag": tag})
        return Response(waveform.read(file, wanted), headers={"ETag": tag, "Cache-Control": "private, no-cache"})

    waveform.query_documented = ("from", "to", "points", "channels")

    @extend_schema(responses={200: MarkerSerializer(many=True)})
    def markers(self, request, id):  # noqa: A002
        recording = self.get_object()
        own = MarkerSerializer(recording.markers.all(), many=True).data
        rows = sorted([*own, *markers.derived(recording)], key=lambda mark: mark["atSeconds"])
        return pagination.Page(rows, limit=len(rows), next_cursor=None)

    @extend_schema(request=NewMarker, responses={201: MarkerSerializer})
    def create_marker(self, request, id):  # noqa: A002
        recording = self.get_object()
        marker = editing.add_marker(actor=self.actor, recording=recording, **self.body(NewMarker))
        return Response(MarkerSerializer.show(marker), status=201, headers={"Location": f"/api/v1/recordings/{id}/markers/{marker.pk}"})

    @extend_schema(request=None, responses={204: None})
    def delete_marker(self, request, id, marker_id):  # noqa: A002
        recording = self.get_object()
        marker = recording.markers.filter(pk=marker_id).first()
        if marker is None:
            raise ApiError("marker_derived" if markers.is_derived(recording, marker_id) else "not_found")
        editing.delete_marker(actor=self.actor, recording=recording, marker=marker)
        return Response(status=204)

    @extend_schema(request=StartBody, responses={202: dict})
    def create(self, request):
        """Record on a node, or what a LIVE session shows, from now on."""
        body = self.body(StartBody)
        wish = Wish.of(body)
        if body.get("session") is not None:
            return self._started(*session_recordings.start(actor=self.actor, session_id=body["session"].pk, wish=wish))
        device = {"interface_id": body.get("capture_interface_id"), "backend": body.get("capture_backend")}
        return self._started(*starting.start(actor=self.actor, node_id=body["node"].pk, wish=wish, **device))

    @staticmethod
    def _started(recording: Recording, job: Job) -> Response:
        return Response(outcome(recording, job), status=202, headers={"Location": f"/api/v1/recordings/{recording.pk}"})

    @extend_schema(request=StopBody, responses={202: dict})
    def stop(self, request, id):  # noqa: A002
        recording = self.get_object()
        reason = self.body(StopBody).get("reason", "")
        recording, job = stopping.stop(actor=self.actor, recording=recording, reason=reason)
        return Response(outcome(recording, job), status=202)

    @extend_schema(request=MetadataBody, responses={200: RecordingSerializer})
    def metadata(self, request, id):  # noqa: A002
        recording = self.get_object()
        body = self.body(MetadataBody)
        row = editing.edit(actor=self.actor, recording=recording, body=body, check=unless_changed(request))
        return self._reply(row)

    @extend_schema(request=BulkMetadataBody, responses={200: dict})
    def bulk_metadata(self, request):
        body = self.body(BulkMetadataBody)
        ids = body.pop("ids")
        rows = in_order(self.rows(), ids)
        editing.bulk_edit(actor=self.actor, recordings=rows, body=body)
        return Response({"count": len(ids), "ids": [str(pk) for pk in ids]})

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request, id):  # noqa: A002
        disposal.trash(actor=self.actor, recordings=[self.get_object()])
        return Response(status=204)

    @extend_schema(request=BulkDeleteBody, responses={200: dict})
    def bulk_delete(self, request):
        body = self.body(BulkDeleteBody)
        disposal.trash(actor=self.actor, recordings=in_order(self.rows(), body["ids"]), reason=body.get("reason", ""))
        return Response({"count": len(body["ids"]), "ids": [str(pk) for pk in body["ids"]]})

    @extend_schema(request=None, responses={200: RecordingSerializer})
    def restore(self, request, id):  # noqa: A002
        recording = self.get_object()
        disposal.restore(actor=self.actor, recording=recording)
        return self._reply(selectors.recordings().get(pk=recording.pk))
