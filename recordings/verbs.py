"""What the audit may say of recordings: `<area>.<thing>.<past>`."""

RECORDING_STARTED = "recording.recording.started"
RECORDING_STOPPED = "recording.recording.stopped"
RECORDING_EDITED = "recording.recording.edited"
RECORDING_TRASHED = "recording.recording.trashed"
RECORDING_RESTORED = "recording.recording.restored"
RECORDING_REMOVED = "recording.recording.removed"
RECORDINGS_EXPORTED = "recording.recording.exported"
MARKER_CREATED = "recording.marker.created"
MARKER_DELETED = "recording.marker.deleted"
PLAYBACK_GRANTED = "recording.playback.granted"
DOWNLOAD_GRANTED = "recording.download.granted"
FILE_STORED = "recording.file.stored"
JOB_CLAIMED = "recording.job.claimed"
JOB_CANCELLED = "recording.job.cancelled"
JOB_FAILED = "recording.job.failed"
JOB_COMPLETED = "recording.job.completed"
JOB_REQUEUED = "recording.job.requeued"
JOB_RETRIED = "recording.job.retried"
JOB_ABANDONED = "recording.job.abandoned"
JOB_RETURNED = "recording.job.returned"
JOBS_EXPORTED = "recording.job.exported"
PROFILE_CREATED = "recording.profile.created"
PROFILE_EDITED = "recording.profile.edited"
PROFILE_DELETED = "recording.profile.deleted"

VERBS = (
    RECORDING_STARTED, RECORDING_STOPPED, RECORDING_EDITED, RECORDING_TRASHED, RECORDING_RESTORED, RECORDING_REMOVED, RECORDINGS_EXPORTED,
    MARKER_CREATED, MARKER_DELETED, PLAYBACK_GRANTED, DOWNLOAD_GRANTED, FILE_STORED, JOB_CLAIMED, JOB_CANCELLED, JOB_FAILED, JOB_COMPLETED,
    JOB_REQUEUED, JOB_RETRIED, JOB_ABANDONED, JOB_RETURNED, JOBS_EXPORTED, PROFILE_CREATED, PROFILE_EDITED, PROFILE_DELETED,
)  # fmt: skip
