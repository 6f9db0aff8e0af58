"""What is over without anybody saying so."""

from config.kernel.tasks import periodic
from sessions.field import services


@periodic("sessions.expire", every=5)
def expire() -> dict:
    """Deadlines, caps and sessions whose media was lost for too long. A refused call does the same for what it meets, so nobody waits for this."""
    return {"moved": services.expire_due()}
