"""What was taken in of a session's telemetry."""

from django.db.models import QuerySet

from sessions.telemetry.models import TelemetrySample


def samples(session_id) -> QuerySet[TelemetrySample]:
    """The log of one session; evidence that is shown nowhere stays in the database."""
    return TelemetrySample.objects.filter(session_id=session_id).defer("signature", "digest")
