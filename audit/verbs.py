"""The verbs of audit's own doings, and of refusals, which belong to no app: `<area>.<thing>.<past>`."""

REQUEST_DENIED = "access.request.denied"
REQUEST_FAILED = "access.request.failed"
TASK_FAILED = "access.task.failed"
EXPORTED = "audit.events.exported"
VERIFIED = "audit.trail.verified"
MONTH_ARCHIVED = "audit.month.archived"
HOLD_PLACED = "audit.hold.placed"
HOLD_RELEASED = "audit.hold.released"

VERBS = (REQUEST_DENIED, REQUEST_FAILED, TASK_FAILED, EXPORTED, VERIFIED, MONTH_ARCHIVED, HOLD_PLACED, HOLD_RELEASED)
