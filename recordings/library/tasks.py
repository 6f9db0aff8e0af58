"""Analysis of stored files, and the sweep that holds disk and rows against each other."""

from config.kernel.tasks import periodic, queued
from recordings.library import analysing, sweeping


@queued("recordings.analyse", queue="media")
def analyse(file_id: str) -> None:
    """Analyse one stored file; a doubled message finds nothing to do."""
    analysing.run(file_id)


@periodic("analysis.pending", every=120, queue="media")
def pending() -> dict:
    """Files whose analysis is due: its message was lost, or an earlier try failed."""
    return {"analysed": sum(analysing.run(pk) for pk in analysing.due())}


@periodic("grants.purge", every=600)
def purge_grants() -> dict:
    """Links that expired more than a day ago."""
    return {"deleted": sweeping.purge_grants()}


@periodic("storage.sweep", every=3600, queue="storage")
def sweep() -> dict:
    """Files of the last days: those without a row go to quarantine, rows without their file are told."""
    return sweeping.sweep()
