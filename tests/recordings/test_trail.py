"""The audit's ancestors from loaded rows are those that the scopes find in the database."""

import pytest

from config.kernel.access import ports
from recordings import trail
from recordings.jobs.models import Job
from recordings.library.models import Recording
from tests.factories.recordings import start_recording


@pytest.fixture
def queued(node):
    return start_recording(node)


def test_loaded_rows_say_what_the_database_says(queued):
    recording, job = queued
    loaded = Job.objects.select_related("recording", "node").get(pk=job.pk)
    assert set(trail.above_job(loaded)) == set(ports.ancestors("job", job.pk))
    loaded = Recording.objects.select_related("node").get(pk=recording.pk)
    assert set(trail.above_recording(loaded)) == set(ports.ancestors("recording", recording.pk))


def test_what_is_not_loaded_is_left_to_the_database(queued, django_assert_num_queries):
    recording = Recording.objects.get(pk=queued[0].pk)
    with django_assert_num_queries(0):
        assert trail.above_recording(recording) is None
