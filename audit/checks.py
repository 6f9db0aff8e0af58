"""System checks of the append-only tables (`manage.py check --database default`, and every `migrate`)."""

from django.conf import settings
from django.core.checks import Error, Tags, register

from audit import schema

MONTHS_MINIMUM = 3


@register(Tags.database)
def triggers_stand(app_configs=None, databases=None, **kwargs):
    """audit.E001: a table of the trail, or a partition, without one of its triggers."""
    if not databases or "default" not in databases or not schema.is_installed():
        return []
    return [
        Error(
            f"{table} lacks the trigger {trigger}, so what was recorded there can be changed unseen.",
            hint="Find out who removed it, run manage.py audit_verify, and restore the trigger as in audit/migrations/0001_initial.py.",
            id="audit.E001",
        )
        for table, trigger in schema.missing_triggers()
    ]


@register()
def kept_long_enough(app_configs=None, **kwargs):
    """audit.E002: AUDIT_RETENTION_MONTHS is 0 (for ever) or at least 3."""
    if settings.AUDIT_RETENTION_MONTHS == 0 or settings.AUDIT_RETENTION_MONTHS >= MONTHS_MINIMUM:
        return []
    return [Error(f"AUDIT_RETENTION_MONTHS is {settings.AUDIT_RETENTION_MONTHS}.", hint="0 keeps every month; else 3 is the least.", id="audit.E002")]
