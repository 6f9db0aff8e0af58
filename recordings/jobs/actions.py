"""What can be done to a job now, and why not."""

from config.kernel.access import Perm
from config.kernel.actions import Action
from recordings.jobs import ending, retrying, stopping
from recordings.jobs.models import Job


def of(job: Job) -> dict[str, Action]:
    """stop, retry and abandon, with the codes of their routes."""
    path = f"/api/v1/recording-jobs/{job.pk}"
    refused = retrying.refusal(job)
    return {
        "stop": Action("POST", Perm.RECORDING_CONTROL, "/api/v1/recording-jobs/bulk-stop", code=stopping.refusal(job, "job_not_active")),
        "retry": Action(
            "POST", Perm.RECORDING_CONTROL, f"{path}/retry", code=refused.code if refused else None, data=refused.data if refused else None
        ),
        "abandon": Action("POST", Perm.RECORDING_CONTROL, f"{path}/abandon", code=ending.abandon_refusal(job)),
    }
