"""Media in the background: the poll, the inbox, the outbox of removals, the sweep of what nobody owns (05 §13)."""

from datetime import timedelta

from django.core.exceptions import ValidationError

from config.kernel import clock, loops
from config.kernel.tasks import periodic, queued
from sessions.field.states import OPEN
from sessions.media import events, provider, reconcile, teardown
from sessions.media.models import MediaInput, MediaTeardown, ViewerToken

ORPHAN_AGE = timedelta(minutes=5)
_DAY = timedelta(days=1)


@loops.loop("media.reconcile", every=1, idle_every=1)
def reconcile_media() -> dict:
    return reconcile.run()


@queued("media.apply_events")
def apply_events(input_id: str) -> None:
    events.apply(input_id)


@periodic("media.teardown", every=5)
def teardown_media() -> dict:
    return teardown.run_due()


@queued("media.tear_down_due")
def tear_down_due() -> None:
    teardown.run_due()


@periodic("media.orphans", every=600)
def orphans() -> dict:
    """Inputs at the provider of no open session are removed; viewer tokens that ended a day ago are forgotten."""
    adapter = provider.current()
    removed = 0
    for found in adapter.inputs():
        if _is_orphan(found):
            adapter.delete(found.ref)
            removed += 1
    # One that is minting since long, whose session is over, has no teardown if the process that made it was killed in between.
    stuck = MediaInput.objects.filter(state="CLOSING", teardown=None)
    for row in stuck[:200]:
        MediaTeardown.objects.get_or_create(input=row, defaults={"created_at": clock.now(), "next_at": clock.now()})
    forgotten, _ = ViewerToken.objects.filter(expires_at__lt=clock.now() - _DAY).delete()
    return {"removed": removed, "viewer_tokens": forgotten}


def _is_orphan(found: provider.Listed) -> bool:
    """Of no open session, and older than five minutes: a start that is under way has committed its row long before."""
    try:
        row = MediaInput.objects.select_related("session").filter(pk=found.name).first()
    except (ValueError, ValidationError):
        # A name that is no id of ours was made by somebody else.
        return False
    if row is None:
        return found.created_at is None or clock.now() - found.created_at > ORPHAN_AGE
    return row.session.state not in OPEN and clock.now() - row.updated_at > ORPHAN_AGE
