"""Claim the next job: one winner for each place in a node's capacity, the same answer to the same claim."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from config.kernel.access import Actor, Perm
from nodes.fleet.models import NodeState
from recordings import live, trail, verbs
from recordings.jobs import leases, locking, transitions
from recordings.jobs.models import Job
from recordings.jobs.states import JobStatus, Phase
from recordings.library import status
from recordings.library.states import Source
from recordings.locks import db_now, frozen_now, patient

_FREE_SLOT = """
    SELECT slot FROM generate_series(1, %s) AS slot
    WHERE NOT EXISTS (SELECT 1 FROM recordings_job held WHERE held.node_id = %s AND held.slot = slot.slot AND held.span && %s)
    ORDER BY slot LIMIT 1
"""
_WORTH_LOCKING = """
    SELECT EXISTS (SELECT 1 FROM recordings_job WHERE node_id = %(node)s AND claim_id = %(claim)s) OR (
        %(free)s > 0
        AND EXISTS (SELECT 1 FROM recordings_job
                    WHERE node_id = %(node)s AND status = 'queued' AND not_before <= coalesce(%(now)s::timestamptz, clock_timestamp()))
        AND (SELECT max_concurrent_recordings FROM nodes_node WHERE id = %(node)s) > (
            SELECT count(DISTINCT slot) FROM recordings_job
            WHERE node_id = %(node)s AND slot IS NOT NULL AND upper_inf(span) AND lower(span) <= clock_timestamp()))
"""
HEAD_START = timedelta(seconds=1)
CLOCK_WRONG_MS = 30_000


@dataclass(frozen=True)
class Claim:
    """What the node says: its own id of this claim, who it is, how many captures it can take."""

    claim_id: UUID
    agent_instance_id: str
    free_slots: int


def claim_next(*, actor: Actor, node_id, claim: Claim) -> Job | None:
    """The job that now belongs to this claim, or None. Repeating a claim returns its job as it is, whatever became of it."""
    if not _worth_locking(node_id, claim):
        return None
    with patient(None):
        node = locking.node(node_id)
        made = Job.objects.select_related("recording", "node").filter(node_id=node_id, claim_id=claim.claim_id).first()
        if made is not None:
            return made
        if claim.free_slots < 1:
            return None
        now = db_now()
        for job in _due(node_id, now):
            window = _window(job, now)
            if window[1] is not None and window[1] <= now:
                continue  # Its window is over; `jobs.reconcile` says so.
            slot = _free_slot(node, DateTimeTZRange(*window))
            if slot is not None and _take(actor, job, claim, window, slot, now):
                return job
    return None


def _worth_locking(node_id, claim: Claim) -> bool:
    """Cheap and unlocked, because most claims find nothing: the claim was made already, or something is due and a place is free now."""
    facts = {"node": node_id, "claim": claim.claim_id, "free": claim.free_slots, "now": frozen_now()}
    with connection.cursor() as cursor:
        cursor.execute(_WORTH_LOCKING, facts)
        return cursor.fetchone()[0]


def _due(node_id, now: datetime):
    """The jobs whose time has come, first come first, each locked. Nearly always the first is taken, so the others are read only when it is not."""
    rows = Job.objects.select_related("recording", "node").filter(node_id=node_id, status=JobStatus.QUEUED, not_before__lte=now)
    rows = rows.select_for_update(skip_locked=True, of=("self",)).order_by("not_before", "created_at", "recording__track_index", "id")
    yield from rows[:1]
    yield from rows[1:20]


def _window(job: Job, now: datetime) -> tuple[datetime, datetime | None]:
    """The capture's window. An ad-hoc recording asks for a length, not for a time of day: claimed late, it moves as a whole, and a second
    ahead, so that the node has its device open when it begins and the length comes out right."""
    late = now - job.capture_start_at
    if job.recording.source == Source.AD_HOC and late.total_seconds() > 0 and job.claim_epoch == 0:
        return (now + HEAD_START, job.capture_end_at + late + HEAD_START) if job.capture_end_at else (now, None)
    return job.capture_start_at, job.capture_end_at


def _free_slot(node, span: DateTimeTZRange) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(_FREE_SLOT, [node.max_concurrent_recordings, node.pk, span])
        row = cursor.fetchone()
    return row[0] if row else None


def _clock_is_wrong(node_id) -> bool:
    """Whether the node's clock, as its heartbeat tells, is so far off that its times are corrected ones (06 §6)."""
    said = NodeState.objects.filter(node_id=node_id).values_list("clock", flat=True).first() or {}
    return abs(said.get("offsetMs") or 0) > CLOCK_WRONG_MS


def _take(actor: Actor, job: Job, claim: Claim, window, slot: int, now: datetime) -> bool:
    start, end = window
    taken = transitions.move(
        job,
        "claim",
        claim_id=claim.claim_id,
        claim_epoch=job.claim_epoch + 1,
        claimed_at=now,
        agent_instance_id=claim.agent_instance_id,
        phase=Phase.CLAIMED,
        capture_start_at=start,
        capture_end_at=end,
        slot=slot,
        span=DateTimeTZRange(start, end),
        captured_at=None,
        **leases.renewed(now),
    )
    if not taken:
        return False
    status.move(job.recording, "claimed", clock_corrected=_clock_is_wrong(job.node_id))
    trail.of_job(verbs.JOB_CLAIMED, job, actor=actor, permission=Perm.RECORDING_CONTROL, details={"claim_epoch": job.claim_epoch, "slot": slot})
    live.changed(job.recording)
    live.job_changed(job)
    return True
