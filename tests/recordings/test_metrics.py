"""What recordings add to `/metrics`: added up as jobs report, seen by whoever may."""

import pytest

from operators.access.models import AccessPolicy
from recordings import metrics
from recordings.jobs.models import Job
from tests.exposition import series
from tests.factories.recordings import start_recording

pytestmark = pytest.mark.django_db


def test_what_a_node_captured_adds_up_from_report_to_report(node, recorder, api, alice, commits):
    start_recording(node)
    job = recorder.claim().json()["data"]
    for written, gaps, xruns in (
        (1000, [], 0),
        (4000, [{"atSeconds": 1.0, "lengthSeconds": 0.5, "cause": "overrun"}], 2),
        (None, None, None),
        (100, [], 0),
    ):
        said = {"bytesWritten": written, "gaps": gaps, "xruns": xruns}
        with commits():
            assert recorder.report(job, **{name: value for name, value in said.items() if value is not None}).status_code == 200
        if written is None:
            row = Job.objects.get()
            assert (row.bytes_written, row.xruns, len(row.gaps)) == (4000, 2, 1), "what is not said is unchanged"
    names = ("capture_bytes_total", "capture_gap_seconds_total", "xruns_total")
    assert [series(api(alice), name)[str(node.pk)] for name in names] == [4000, 0.5, 2]


def test_jobs_are_counted_for_whoever_may_see_them_and_for_an_allowed_address_without_a_database(
    node, media, recorder, api, alice, carol, settings, monkeypatch
):
    start_recording(node)
    recorder.claim()
    metrics.take_snapshot()
    assert series(api(alice), "jobs")["running"] == 1 and series(api(alice), "job_leases_lapsed") == {"": 0}
    media.mkdir(exist_ok=True)
    assert series(api(alice), "cache_free_bytes")[""] > 0
    AccessPolicy.objects.all().delete()
    assert series(api(carol), "jobs")["running"] == 0
    settings.METRICS_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(Job.objects, "all", lambda: pytest.fail("asked the database"))
    assert series(api(), "jobs")["running"] == 1
