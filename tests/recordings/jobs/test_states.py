"""The tables of transitions, whole: every pair of state and event is either in the list or impossible."""

import itertools

import pytest

from recordings.jobs import states as jobs
from recordings.library import states as recordings
from recordings.retention import states as disposals

J, R = jobs.JobStatus, recordings.RecordingStatus

JOB_MOVES = {
    (J.QUEUED, "claim"): J.RUNNING,
    (J.RUNNING, "stop"): J.STOP_REQUESTED,
    (J.QUEUED, "cancel"): J.CANCELLED,
    (J.STOP_REQUESTED, "nothing_captured"): J.CANCELLED,
    (J.QUEUED, "window_missed"): J.FAILED,
    (J.QUEUED, "not_claimed"): J.FAILED,
    (J.RUNNING, "orphaned"): J.QUEUED,
    (J.RUNNING, "agent_failed"): J.FAILED,
    (J.STOP_REQUESTED, "agent_failed"): J.FAILED,
    (J.RUNNING, "lost"): J.FAILED,
    (J.STOP_REQUESTED, "lost"): J.FAILED,
    (J.RUNNING, "abandoned"): J.FAILED,
    (J.STOP_REQUESTED, "abandoned"): J.FAILED,
    (J.FAILED, "returned"): J.RUNNING,
    (J.RUNNING, "last_file"): J.COMPLETED,
    (J.STOP_REQUESTED, "last_file"): J.COMPLETED,
    (J.FAILED, "last_file"): J.COMPLETED,
    (J.CANCELLED, "last_file"): J.COMPLETED,
}


@pytest.mark.parametrize(("status", "event"), list(itertools.product(J, jobs.MOVES)))
def test_a_job_moves_as_the_table_says_and_not_otherwise(status, event):
    assert jobs.target(status, event) == JOB_MOVES.get((status, event))


def test_no_lease_event_ends_a_job_and_nothing_ends_a_completed_one():
    assert not any(J.COMPLETED in sources for sources, _ in jobs.MOVES.values())
    assert jobs.ACTIVE | jobs.TERMINAL == set(J) and not jobs.ACTIVE & jobs.TERMINAL


@pytest.mark.parametrize("event", recordings.MOVES)
def test_a_recording_that_is_stored_leaves_only_for_its_copies(event):
    assert recordings.target(R.CACHED, event) == (R.UPLOADED if event == "verified" else None)
    assert recordings.target(R.UPLOADED, event) is None


def test_a_late_file_is_taken_in_from_every_state_but_stored():
    assert {status for status in R if recordings.target(status, "stored") == R.CACHED} == set(R) - {R.CACHED, R.UPLOADED}


def test_phases_after_the_capture_hold_no_device():
    assert [phase for phase in jobs.Phase if jobs.capture_is_over(phase)] == list(jobs.Phase)[2:]


def test_unlinked_and_cancelled_are_final():
    D = disposals.DisposalState
    assert not disposals.MOVES[D.UNLINKED] and not disposals.MOVES[D.CANCELLED]
    assert disposals.MOVES[D.EXPIRING] == {D.TRASHED, D.CANCELLED}
