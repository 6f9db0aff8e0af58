"""Every table of the app; the classes live in their capability."""

from recordings.jobs.models import Job
from recordings.library.models import Marker, MediaGrant, Recording, RecordingFile, RecordingGroupGrant, RecordingUserGrant
from recordings.profiles.models import RecordingProfile
from recordings.replay.models import ClipGrant, ReplayClip, ReplayMark
from recordings.retention.models import Disposal
from recordings.uploads.models import IncomingFile

__all__ = [
    "ClipGrant", "Disposal", "IncomingFile", "Job", "Marker", "MediaGrant", "Recording", "RecordingFile", "RecordingGroupGrant", "RecordingProfile",
    "RecordingUserGrant", "ReplayClip", "ReplayMark",
]  # fmt: skip
