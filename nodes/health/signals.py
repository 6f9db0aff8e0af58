"""Facts that travel upward from health.

health_event_changed  sent inside the transaction that changed an event, with `event` (HealthEvent) and `change`
                      (opened, reopened, rose, repeated, cleared, fired, resolved, stale)
"""

from django.dispatch import Signal

health_event_changed = Signal()
