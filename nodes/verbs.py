"""Every verb that this app records (10): `<area>.<thing>.<past>`."""

VERBS = (
    "node.site.created",
    "node.site.updated",
    "node.site.deleted",
    "node.enrolled",
    "node.updated",
    "node.retired",
    "node.exported",
    "node.interface.updated",
    "node.instance.changed",
    "node.credential.rotated",
    "node.credential.delivered",
    "node.credential.confirmed",
    "node.credential.revoked",
    "health.event.reported",
    "health.event.opened",
    "health.event.reopened",
    "health.event.escalated",
    "health.event.resolved",
    "health.event.exported",
)
