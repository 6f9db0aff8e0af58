"""Copies that stay on the node after their upload was confirmed, and when they go (07 §7).

Only a job in phase `done` is ever touched: its file is stored at the controller, by content.
"""

import logging
import shutil
import time

from nodes.agent.jobs import Job
from nodes.agent.jobstore import JobStore

log = logging.getLogger("tallyroom.agent.cache")

DAY_SECONDS = 86400.0


def sweep(store: JobStore, policies: list[dict], *, urgent: bool = False) -> int:
    """Remove confirmed copies that their policy no longer keeps, oldest first; how many went.

    `urgent`: a capture needs the space, all of them go.
    """
    by_id = {policy.get("policyId"): policy for policy in policies}
    kept: dict[str | None, int] = {}
    removed = 0
    for job in sorted(store.done(), key=_age):
        policy_id = (job.command.get("recorderCache") or {}).get("policyId")
        size = sum(path.stat().st_size for path in job.folder.rglob("*") if path.is_file())
        kept[policy_id] = kept.get(policy_id, 0) + size
        if urgent or not job.keeps_copy or _expired(job, by_id.get(policy_id) or {}, kept[policy_id]):
            store.remove(job)
            kept[policy_id] -= size
            removed += 1
    if removed:
        log.info("%d confirmed copies were removed", removed)
    return removed


def _age(job: Job) -> float:
    return time.time() - (job.folder / "state.json").stat().st_mtime


def _expired(job: Job, policy: dict, kept_bytes: int) -> bool:
    """Newest first, so that what passes a limit is the oldest."""
    max_age, max_bytes = policy.get("maxAgeDays"), policy.get("maxBytes")
    least_free = policy.get("minFreeDiskPercent")
    if policy.get("deleteAfterUpload"):
        return True
    if max_age is not None and _age(job) > max_age * DAY_SECONDS:
        return True
    if max_bytes is not None and kept_bytes > max_bytes:
        return True
    if least_free is None:
        return False
    usage = shutil.disk_usage(job.folder)
    return usage.free * 100 < least_free * usage.total
