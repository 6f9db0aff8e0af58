"""Exactly one winner: real threads on the real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, connections

from config.kernel import clock
from config.kernel.access import ANONYMOUS, system
from config.kernel.errors import ApiError
from operators.access.models import seed_policies
from recordings.jobs import claiming, retrying, stopping, transitions
from recordings.jobs.models import Job
from recordings.jobs.states import JobStatus
from recordings.library.models import Recording, RecordingFile
from recordings.retention import disposal
from tests.at_once import at_once
from tests.factories.recordings import audio, start_recording

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = system("tests")


@pytest.fixture(autouse=True)
def _policies(db):
    seed_policies()


def together(count: int, act, *, threads: int = 40) -> list:
    """`act(index)` from many threads that start at once; what each returned or raised."""
    gate = Barrier(min(count, threads))

    def run(index):
        if index < gate.parties:
            gate.wait()
        try:
            return act(index)
        except ApiError as error:
            return error.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(min(count, threads)) as pool:
        return list(pool.map(run, range(count)))


def queue_jobs(node, count: int) -> None:
    """More queued jobs than the node may hold at once (started while it had room, then the room shrank)."""
    node.max_concurrent_recordings = 128
    node.save()
    for _ in range(count):
        start_recording(node)


def shrink(node, capacity: int) -> None:
    node.max_concurrent_recordings = capacity
    node.save()


def claim(node, claim_id=None) -> claiming.Claim:
    return claiming.Claim(claim_id or uuid4(), "inst-1", 8)


def test_two_hundred_claims_and_a_capacity_of_three_give_three_jobs(node):
    queue_jobs(node, 10)
    shrink(node, 3)
    won = [job for job in together(200, lambda _: claiming.claim_next(actor=ACTOR, node_id=node.pk, claim=claim(node))) if job]
    assert len(won) == 3 and len({job.pk for job in won}) == 3
    assert sorted(Job.objects.filter(status=JobStatus.RUNNING).values_list("slot", flat=True)) == [1, 2, 3]


def test_one_claim_fifty_times_is_one_job(node):
    queue_jobs(node, 5)
    same = uuid4()
    answers = together(50, lambda _: claiming.claim_next(actor=ACTOR, node_id=node.pk, claim=claim(node, same)))
    assert len({job.pk for job in answers}) == 1 and {job.claim_epoch for job in answers} == {1}
    assert Job.objects.filter(status=JobStatus.RUNNING).count() == 1


def test_the_database_itself_refuses_two_captures_in_one_slot(node):
    queue_jobs(node, 2)
    first = claiming.claim_next(actor=ACTOR, node_id=node.pk, claim=claim(node))
    other = Job.objects.filter(status=JobStatus.QUEUED).first()
    with pytest.raises(IntegrityError, match="job_capacity"), connection.cursor() as cursor:
        cursor.execute("UPDATE recordings_job SET slot = %s, span = tstzrange(now(), null) WHERE id = %s", [first.slot, other.pk])


def test_a_place_is_free_again_once_captured(node):
    queue_jobs(node, 2)
    shrink(node, 1)
    first = claiming.claim_next(actor=ACTOR, node_id=node.pk, claim=claim(node))
    assert claiming.claim_next(actor=ACTOR, node_id=node.pk, claim=claim(node)) is None
    transitions.free_slot(first, clock.now())
    assert claiming.claim_next(actor=ACTOR, node_id=node.pk, claim=claim(node)) is not None


def test_twenty_stops_at_once_are_one_transition(node):
    recording, job = start_recording(node)
    claiming.claim_next(actor=ACTOR, node_id=node.pk, claim=claim(node))
    revision = Job.objects.get(pk=job.pk).revision
    answers = together(20, lambda _: stopping.stop(actor=ACTOR, recording=Recording.objects.get(pk=recording.pk)))
    assert {answer[1].status for answer in answers} == {JobStatus.STOP_REQUESTED}
    assert len({answer[1].stop_requested_at for answer in answers}) == 1
    assert Job.objects.get(pk=job.pk).revision == revision + 1


def test_twenty_stops_of_a_queued_recording_all_succeed(node):
    recording, _ = start_recording(node)
    answers = together(20, lambda _: stopping.stop(actor=ACTOR, recording=Recording.objects.get(pk=recording.pk)))
    assert {answer[1].status for answer in answers} == {JobStatus.CANCELLED}


def test_two_retries_at_once_make_one_attempt(node):
    recording, job = start_recording(node)
    stopping.stop(actor=ACTOR, recording=recording)
    answers = together(2, lambda _: retrying.retry(actor=ACTOR, job=Job.objects.select_related("recording", "node").get(pk=job.pk)))
    assert sorted(answer if isinstance(answer, str) else "made" for answer in answers) == ["active_job_exists", "made"]
    assert Job.objects.filter(recording=recording).count() == 2


@pytest.mark.parametrize("with_bytes", [True, False])
def test_a_retry_and_a_delete_at_once_are_one_after_the_other(node, recorder, with_bytes):
    for _ in range(4):
        recording, job = start_recording(node)
        stopping.stop(actor=ACTOR, recording=recording)
        job = Job.objects.select_related("recording", "node").get(pk=job.pk)
        if with_bytes:
            RecordingFile.objects.create(
                recording=recording, job=job, claim_epoch=1, path=f"library/{job.pk}", size=1, sha256="0" * 64, stored_at=clock.now(), playable=True
            )
        retried, deleted = at_once(
            lambda job=job: retrying.retry(actor=ACTOR, job=job)[1], lambda recording=recording: disposal.trash(actor=ACTOR, recordings=[recording])
        )
        if deleted is None:
            assert retried == ("job_not_retryable" if with_bytes else "not_found")
        else:
            assert deleted == "recording_active" and retried.attempt == 2
            stopping.stop(actor=ACTOR, recording=Recording.objects.get(pk=recording.pk))


def test_the_last_part_many_times_at_once_is_one_file(node, recorder):
    start_recording(node)
    job = recorder.claim().json()["data"]
    content = audio(1)
    recorder.report(job, "captured", results=[recorder.result(content, 1.0)])
    answers = together(12, lambda _: recorder.put(job, content).status_code)
    assert 201 in answers and set(answers) <= {200, 201, 409}
    recording = Recording.objects.get(pk=job["recordingId"])
    assert recording.files.count() == 1 and recording.status == "cached"
    assert recorder.put(job, content).status_code == 200


def test_a_window_that_is_over_is_not_claimed(node):
    queue_jobs(node, 1)
    Recording.objects.update(source="schedule", schedule_id=uuid4(), occurrence_key="2026-03-29T02:30")
    now = clock.now()
    Job.objects.update(capture_start_at=now - timedelta(hours=2), capture_end_at=now - timedelta(hours=1), not_before=now - timedelta(hours=2))
    assert claiming.claim_next(actor=ANONYMOUS, node_id=node.pk, claim=claim(node)) is None
