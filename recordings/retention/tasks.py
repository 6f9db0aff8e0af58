"""What leaves the disk, and when. Retention policies come with their own table; until then only a person's delete gets here."""

from config.kernel.tasks import periodic
from recordings.library import storage
from recordings.retention import disposal


@periodic("retention.run", every=300, queue="storage")
def run() -> dict:
    """Rename what is owed to the trash, unlink what lay there for its time."""
    if not storage.is_ready():
        return {}
    return {"moved": disposal.move_owed(), "unlinked": disposal.unlink_due() + disposal.unlink_clips_due()}
