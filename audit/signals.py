"""What audit tells the apps above it."""

from django.dispatch import Signal

# Arguments: month (date), findings (list of dicts {finding, …}). Sent by the nightly verification when the trail is not sound.
audit_broken = Signal()
