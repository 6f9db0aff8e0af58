"""The outbox of inputs that must go: nobody's state waits for a provider that is down (05 §5)."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import F

from config.kernel import clock
from config.kernel.errors import ApiError
from sessions.media import provider
from sessions.media.models import MediaInput, MediaTeardown
from sessions.media.signals import input_gone
from sessions.media.states import InputState

log = structlog.get_logger("media.teardown")
# After the first try, at once: 1, 5, 30 s, then each minute until it is absent.
_DELAYS = (1, 5, 30, 60)
_LEASE = timedelta(seconds=30)
BATCH = 50


def run_due() -> dict:
    """Remove every input whose time has come; returns counts."""
    done = failed = 0
    due = MediaTeardown.objects.filter(done_at=None, next_at__lte=clock.now()).order_by("next_at")
    for row in list(due.select_related("input")[:BATCH]):
        # Held by one worker at a time; a crash gives it back after the lease.
        if MediaTeardown.objects.filter(pk=row.pk, done_at=None, next_at=row.next_at).update(next_at=clock.now() + _LEASE):
            if _removed(row):
                done += 1
            else:
                failed += 1
    return {"removed": done, "failed": failed}


def _removed(row: MediaTeardown) -> bool:
    try:
        _remove(row)
        return True
    except ApiError as error:
        _later(row, error.code)
    except Exception:
        # Whatever it is, it holds up no other row.
        log.exception("teardown_broke", input=str(row.input_id))
        _later(row, "internal_error")
    return False


def _later(row: MediaTeardown, code: str) -> None:
    delay = _DELAYS[min(row.tries, len(_DELAYS) - 1)]
    changes = {"next_at": clock.now() + timedelta(seconds=delay), "tries": F("tries") + 1, "last_error": code}
    MediaTeardown.objects.filter(pk=row.pk).update(**changes)
    log.info("teardown_failed", input=str(row.input_id), code=code, tries=row.tries + 1)


def _remove(row: MediaTeardown) -> None:
    adapter = provider.named(row.input.provider)
    ref = row.input.ref or adapter.find(str(row.input_id))
    if ref:
        adapter.delete(ref)
    now = clock.now()
    with transaction.atomic():
        MediaTeardown.objects.filter(pk=row.pk).update(done_at=now, last_error="")
        MediaInput.objects.filter(pk=row.input_id).update(state=InputState.GONE, gone_at=now, whip_sealed="", whep_sealed="", updated_at=now)
        input_gone.send(sender=MediaInput, session_id=row.input.session_id)
