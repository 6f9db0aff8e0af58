"""A recording from claim to stored file, by the real program."""

import hashlib

import pytest

from tests.nodes.agent.conftest import wait_for
from tests.sound import decode, loudest_tone, seconds


def stored(controller, job, track=1, seconds=12.0) -> bytes:
    return wait_for(lambda: controller.file_of(job, track), seconds, "the file")


def test_a_window_becomes_a_file_that_lasts_as_long_and_sounds_as_what_was_fed(controller, agent):
    job = controller.add_job(seconds=2, starts_in=1, output={"codec": "flac", "bitDepth": 16})
    content = stored(controller, job)
    samples, rate = decode(content)
    assert samples.shape[1] / rate == pytest.approx(2.0, abs=0.05)
    assert loudest_tone(samples[0], rate) == pytest.approx(440, abs=2)
    assert loudest_tone(samples[1], rate) == pytest.approx(1000, abs=2)
    result = controller.result_of(job)
    assert result["sha256"] == hashlib.sha256(content).hexdigest()
    assert result["final"] is True and result["partial"] is False
    assert result["peakDbfs"] == pytest.approx(-6.02, abs=0.05)
    assert (job["status"], controller.gaps_of(job)) == ("completed", [])
    wait_for(lambda: not list((agent.data_dir / "jobs").iterdir()), what="the freed copy")
    assert controller.late_words <= 1, "at most a word that was under way when the file landed"


def test_an_operators_stop_ends_it_there_and_a_stop_before_the_first_sample_cancels(controller, agent):
    controller.capacity = 2
    controller.config_version += 1
    waiting = controller.add_job(seconds=60, starts_in=40)
    job = controller.add_job(output={"codec": "mp3", "bitrateKbps": 128, "channelMode": "mono"})
    begun = wait_for(lambda: agent.job_state(job).get("firstFrameUtc"), what="the first frame")
    wait_for(lambda: agent.frames_on_disk(job) > 2 * 48000, what="two seconds")
    controller.stop_job(job)
    controller.stop_job(waiting)
    content = stored(controller, job)
    stopped = controller.jobs[job["id"]]["stop"]["at"]
    from nodes.agent.clock import parse_time

    assert seconds(content) == pytest.approx(parse_time(stopped) - begun, abs=0.2)
    wait_for(lambda: waiting["status"] == "cancelled", what="the cancellation")
    assert controller.of("cancelled")[0].json["reason"] == "nothing_captured"
    assert controller.file_of(waiting) is None


def test_an_outage_of_the_controller_costs_no_sample_and_no_second_of_meters(controller, agent):
    job = controller.add_job(seconds=5)
    wait_for(lambda: agent.frames_on_disk(job) > 0, what="the capture")
    controller.down()
    wait_for(lambda: agent.frames_on_disk(job) > 3 * 48000, what="three seconds alone")
    controller.up()
    content = stored(controller, job)
    assert seconds(content) > 4
    assert controller.gaps_of(job) == []
    features = lambda: sorted({f.seq for f in controller.frames if f.kind == 1})  # noqa: E731
    wait_for(
        lambda: features() == list(range(len(features()))) and len(features()) > 5,
        what="every frame, live or replayed",
    )
    assert any(frame.replay for frame in controller.frames)


def test_lost_replies_lead_where_the_replies_would_have_led(controller, agent):
    controller.faults = {"claim": ["drop", "drop"], "put": ["drop"], "job": ["drop"]}
    job = controller.add_job(seconds=1)
    content = stored(controller, job)
    wait_for(lambda: not list((agent.data_dir / "jobs").iterdir()), what="the freed copy")
    assert job["claimEpoch"] == 1
    assert seconds(content) > 0.3
    assert len(controller.files) == 1
    assert not list((agent.data_dir / "quarantine").iterdir())


def test_nothing_the_controller_answers_ends_a_capture(controller, agent):
    """The golden rule, all answers at once on one interface."""
    answers = {
        "unauthorized": ("status", 401, "not_authenticated"),
        "not found": ("status", 404, "not_found"),
        "superseded": ("status", 409, "claim_superseded"),
        "terminal": ("status", 409, "job_terminal"),
        "limited": ("status", 429, "rate_limited"),
        "crashed": ("status", 500, "internal_error"),
        "not ready": ("status", 503, "not_ready"),
    }
    controller.capacity = len(answers)
    controller.config_version += 1
    jobs = {name: controller.add_job(seconds=4) for name in answers}
    wait_for(lambda: all(agent.frames_on_disk(job) for job in jobs.values()), what="all captures")
    controller.job_faults = {jobs[name]["id"]: answer for name, answer in answers.items()}
    quarantine = agent.data_dir / "quarantine"
    final = ("not found", "superseded", "terminal")
    for name in final:
        job = jobs[name]
        wait_for((quarantine / job["id"]).is_dir, 12, f"the quarantine of {name}")
        refused = [r for r in controller.requests if job["recordingId"] in r.path]
        assert len(refused) >= 2, "it is offered once more"
        rendered = list((quarantine / job["id"] / "render").glob("*.wav"))
        assert seconds(rendered[0].read_bytes()) > 2.5
    controller.job_faults = {}
    for name in set(answers) - set(final):
        assert seconds(stored(controller, jobs[name])) > 2.5
    listed = wait_for(lambda: controller.of("heartbeat")[-1].json["quarantine"], what="the list")
    assert {entry["jobId"] for entry in listed} == {jobs[name]["id"] for name in final}
    assert any(event["type"] == "agent.recording_job.quarantined" for event in controller.health)
