"""`GET /status`: each app registers its section; one that fails is null and named in `degraded`.

register_section("nodes", lambda actor: {"total": 12, …})        # in the app's ready()
"""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import transaction

from config.kernel import clock
from config.kernel.access import Actor
from config.kernel.views import STARTED_AT

log = structlog.get_logger("status")
_sections: dict[str, Callable[[Actor], object]] = {}


def register_section(name: str, read: Callable[[Actor], object]) -> None:
    """`read(actor)` → what `/status` shows under `name` (snake_case keys), counted over what this actor may see."""
    _sections[name] = read


def status(actor: Actor) -> dict:
    """Every section, and facts of the installation."""
    degraded, sections = [], {}
    for name, read in _sections.items():
        try:
            with transaction.atomic():  # so that a failed query does not take the next section along
                sections[name] = read(actor)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one section, the others still tell
            log.warning("status_section_failed", section=name, error=type(error).__name__)
            degraded.append(name)
            sections[name] = None
    now = clock.now()
    return {
        **sections,
        "version": settings.VERSION,
        "started_at": clock.wire(STARTED_AT),
        "uptime_seconds": int((now - STARTED_AT).total_seconds()),
        "server_time": clock.wire(now),
        "degraded": degraded,
    }
