"""What audit tells the apps above it."""

from django.dispatch import Signal

# Arguments: month (date), findings (list of dicts {finding, …}). Sent by the nightly verification when the trail is not sound.
audit_broken = Signal()
# Arguments: month (date). Sent by the same for a month that is.
audit_sound = Signal()
# Arguments: month (date), reason (text). Sent when a month that is due could not be archived; and audit_archived when it was.
audit_archive_failed = Signal()
audit_archived = Signal()
