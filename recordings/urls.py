"""Routes below /api/v1/. Static paths come before `:id`."""

from django.urls import path

from recordings.jobs.agent_api import AgentJobViewSet, ClaimViewSet
from recordings.jobs.api import JobViewSet
from recordings.library.api import RecordingViewSet
from recordings.library.media_api import MediaViewSet
from recordings.profiles.api import ProfileViewSet
from recordings.replay.urls import urlpatterns as replay
from recordings.uploads.api import CacheFileViewSet

urlpatterns = [
    *replay,
    path("nodes/<uuid:id>/recording-jobs/claim-next", ClaimViewSet.as_view({"post": "claim_next"})),
    path("recording-jobs", JobViewSet.as_view({"get": "list"})),
    path("recording-jobs/facets", JobViewSet.as_view({"get": "facets"})),
    path("recording-jobs/export", JobViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("recording-jobs/bulk-retry", JobViewSet.as_view({"post": "bulk_retry"})),
    path("recording-jobs/bulk-stop", JobViewSet.as_view({"post": "bulk_stop"})),
    path("recording-jobs/<uuid:id>", JobViewSet.as_view({"get": "retrieve"})),
    path("recording-jobs/<uuid:id>/actions", JobViewSet.as_view({"get": "actions"})),
    path("recording-jobs/<uuid:id>/retry", JobViewSet.as_view({"post": "retry"})),
    path("recording-jobs/<uuid:id>/abandon", JobViewSet.as_view({"post": "abandon"})),
    path("recording-jobs/<uuid:job_id>/heartbeat", AgentJobViewSet.as_view({"post": "heartbeat"})),
    path("recording-jobs/<uuid:job_id>/cancelled", AgentJobViewSet.as_view({"post": "cancelled"})),
    path("recording-jobs/<uuid:job_id>/failed", AgentJobViewSet.as_view({"post": "failed"})),
    path("recordings", RecordingViewSet.as_view({"get": "list", "post": "create"})),
    path("recordings/facets", RecordingViewSet.as_view({"get": "facets"})),
    path("recordings/export", RecordingViewSet.as_view({"get": "export", "post": "export_selected"})),
    path("recordings/bulk-metadata", RecordingViewSet.as_view({"patch": "bulk_metadata"})),
    path("recordings/bulk-delete", RecordingViewSet.as_view({"post": "bulk_delete"})),
    path("recordings/<uuid:id>", RecordingViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path("recordings/<uuid:id>/actions", RecordingViewSet.as_view({"get": "actions"})),
    path("recordings/<uuid:id>/context", RecordingViewSet.as_view({"get": "context"})),
    path("recordings/<uuid:id>/waveform", RecordingViewSet.as_view({"get": "waveform"})),
    path("recordings/<uuid:id>/markers", RecordingViewSet.as_view({"get": "markers", "post": "create_marker"})),
    path("recordings/<uuid:id>/markers/<uuid:marker_id>", RecordingViewSet.as_view({"delete": "delete_marker"})),
    path("recordings/<uuid:id>/stop", RecordingViewSet.as_view({"post": "stop"})),
    path("recordings/<uuid:id>/metadata", RecordingViewSet.as_view({"patch": "metadata"})),
    path("recordings/<uuid:id>/restore", RecordingViewSet.as_view({"post": "restore"})),
    path("recordings/<uuid:id>/playback", MediaViewSet.as_view({"post": "playback"})),
    path("recordings/<uuid:id>/download", MediaViewSet.as_view({"post": "download"})),
    path("recordings/<uuid:id>/stream", MediaViewSet.as_view({"get": "stream", "head": "stream"})),
    path("recordings/<uuid:id>/file", MediaViewSet.as_view({"get": "file", "head": "file"})),
    path("recordings/<uuid:recording_id>/cache-file", CacheFileViewSet.as_view({"head": "cache_file_state", "put": "cache_file"})),
    path("settings/recording-profiles", ProfileViewSet.as_view({"get": "list", "post": "create"})),
    path("settings/recording-profiles/<uuid:id>", ProfileViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})),
    path("settings/recording-profiles/<uuid:id>/actions", ProfileViewSet.as_view({"get": "actions"})),
]
