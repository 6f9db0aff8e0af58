"""Row locks in the one order of the house: node, job, recording."""

from config.kernel.errors import ApiError
from nodes.fleet.models import Node
from recordings.jobs.models import Job
from recordings.library.models import Recording


def node(node_id) -> Node:
    """The node's row, locked: captures of one node are decided one after the other."""
    return Node.objects.select_for_update(of=("self",)).get(pk=node_id)


def job(job_id, *, node_id=None) -> Job:
    """The job's row, locked; 404 for an absent one and for another node's. Its recording is read when asked for: after the wait, so as it is now."""
    rows = Job.objects.select_for_update(of=("self",)).select_related("node")
    if node_id is not None:
        rows = rows.filter(node_id=node_id)
    found = rows.filter(pk=job_id).first()
    if found is None:
        raise ApiError("not_found")
    return found


def recording(recording_id) -> Recording:
    """The recording's row, locked; after its job."""
    return Recording.objects.select_for_update(of=("self",)).get(pk=recording_id)
