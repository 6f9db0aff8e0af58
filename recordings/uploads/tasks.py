"""Read large files back whose parts went through several processes."""

from config.kernel.tasks import queued
from recordings.uploads import storing


@queued("uploads.verify_incoming", queue="storage")
def verify(incoming_id: str) -> None:
    """Hash, then store or discard; the node asks again with HEAD."""
    storing.verify_and_store(incoming_id)
