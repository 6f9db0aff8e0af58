"""Jobs and the recordings they are shown with; scoping is the viewset's (`ports.scoped`)."""

from recordings.jobs.models import Job
from recordings.library.models import Recording


def jobs():
    """Every job with what its shape and its actions need."""
    return Job.objects.select_related("recording", "node")


def recording(pk) -> Recording:
    """A recording as it is now, with the file that its shape shows."""
    return Recording.objects.select_related("primary_file").get(pk=pk)
