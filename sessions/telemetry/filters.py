"""How a session's log can be narrowed."""

from config.kernel.filters import Choice, FilterSet, Moment
from sessions.telemetry.states import Source, Verdict


class SampleFilters(FilterSet):
    """Of one session."""

    verdict = Choice("verdict", choices=Verdict)
    source = Choice("source", choices=Source)
    from_ = Moment("captured_at__gte", doc="Captured at or after")
    to = Moment("captured_at__lte", doc="Captured at or before")
    search_fields = ("signer", "verdict")
    sorts = {"capturedAt": "captured_at"}
    default_sort = "capturedAt"
    facet_fields = {"verdict": "verdict", "source": "source"}
