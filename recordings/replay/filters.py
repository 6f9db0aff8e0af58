"""Filters, sorts and facets of clips."""

from config.kernel.filters import Choice, Each, FilterSet, Flag, Uuid
from recordings.library.filters import Tag
from recordings.replay.states import ClipStatus


class ClipFilters(FilterSet):
    session_id = Uuid("session_id")
    recording_id = Uuid("recording_id")
    status = Choice("status", choices=ClipStatus)
    pinned = Flag("pinned")
    tag = Tag("tag_keys", doc="All of these tags, ignoring case.")
    sorts = {"createdAt": "created_at", "name": "name"}
    default_sort = "-createdAt"
    search_fields = ("name",)
    facet_fields = {"sessionId": "session_id", "recordingId": "recording_id", "status": "status", "pinned": "pinned", "tag": Each("tags")}
