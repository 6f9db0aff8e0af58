"""The production in the background: its second hand, and what is older than it is kept."""

from config.kernel import loops, tasks
from sessions.control_room import captions, fallback, tick


@loops.loop(fallback.SYSTEM_TASK, every=1, idle_every=1)
def tick_production() -> dict:
    return tick.run()


@tasks.periodic("captions.purge", every=86400)
def purge() -> dict:
    """Captions past their ninety days."""
    return {"lines": captions.purge()}
