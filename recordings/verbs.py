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
MARK_SET = "recording.mark.set"
MARK_DROPPED = "recording.mark.dropped"
CLIP_MARKED = "recording.clip.marked"
CLIP_CREATED = "recording.clip.created"
CLIP_READY = "recording.clip.cut"
CLIP_FAILED = "recording.clip.failed"
CLIP_EDITED = "recording.clip.edited"
CLIP_TRASHED = "recording.clip.trashed"
CLIP_REMOVED = "recording.clip.removed"
CLIP_PLAYBACK_GRANTED = "recording.clip_playback.granted"
PROFILE_CREATED = "recording.profile.created"
PROFILE_EDITED = "recording.profile.edited"
PROFILE_DELETED = "recording.profile.deleted"

VERBS = (
    RECORDING_STARTED, RECORDING_STOPPED, RECORDING_EDITED, RECORDING_TRASHED, RECORDING_RESTORED, RECORDING_REMOVED, RECORDINGS_EXPORTED,
    MARKER_CREATED, MARKER_DELETED, PLAYBACK_GRANTED, DOWNLOAD_GRANTED, FILE_STORED, JOB_CLAIMED, JOB_CANCELLED, JOB_FAILED, JOB_COMPLETED,
    JOB_REQUEUED, JOB_RETRIED, JOB_ABANDONED, JOB_RETURNED, JOBS_EXPORTED, PROFILE_CREATED, PROFILE_EDITED, PROFILE_DELETED,
    MARK_SET, MARK_DROPPED, CLIP_MARKED, CLIP_CREATED, CLIP_READY, CLIP_FAILED, CLIP_EDITED, CLIP_TRASHED, CLIP_REMOVED, CLIP_PLAYBACK_GRANTED,
)  # fmt: skip
