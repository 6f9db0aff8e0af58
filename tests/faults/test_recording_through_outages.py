"""No recording is lost: every part of the control plane is killed while one runs, and the file arrives whole."""

import time

import pytest

from tests.faults.control_room import TONE_HZ
from tests.soak import amount
from tests.sound import decode, loudest_tone

pytestmark = pytest.mark.timeout(900)
OUTAGE_SECONDS = amount(10, 60)
PARTS = ["web", "live", "worker", "beat", "valkey", "postgres", "edge"]


def test_from_enrolment_to_the_downloaded_file_by_the_api_alone(person, recorder):
    node, _ = recorder("through")
    recording, job = person.start(node, durationSeconds=6)
    person.wait_capturing(job)
    row, raw = person.fetch(recording)
    samples, rate = decode(raw)
    assert abs(samples.shape[1] / rate - 6) <= 0.5
    assert abs(row["durationSeconds"] - 6) <= 0.5
    assert abs(loudest_tone(samples[0], rate) - TONE_HZ) < 2
    assert not row["partial"] and row["gaps"] == []


def _outage(stack, names, seconds):
    try:
        for name in names:
            stack.hold(name)
        time.sleep(seconds)
    finally:
        for name in names:
            stack.release(name)


def test_each_part_killed_in_turn_and_all_at_once_during_one_recording(stack, person, recorder):
    node, agent = recorder("outages")
    recording, job = person.start(node)
    person.wait_capturing(job)
    started = time.monotonic()
    for name in PARTS:
        _outage(stack, [name], OUTAGE_SECONDS)
        person.wait(f"/recording-jobs/{job}", lambda data: data["status"] == "running", 60, f"the job to be running after {name}")
    _outage(stack, PARTS, OUTAGE_SECONDS)
    person.wait(f"/recording-jobs/{job}", lambda data: data["status"] == "running", 90, "the job to be running after all")
    person.stop(recording)
    lasted = time.monotonic() - started
    row, raw = person.fetch(recording, 90)
    samples, rate = decode(raw)
    assert row["gaps"] == [], agent.log.read_text()[-2000:]
    assert lasted - 3 <= samples.shape[1] / rate <= lasted + 10
    assert abs(loudest_tone(samples[0, : rate * 10], rate) - TONE_HZ) < 2
    # Not one sample is missing: a steady tone never pauses.
    blocks = samples[0][: samples.shape[1] // 480 * 480].reshape(-1, 480)
    assert (abs(blocks).max(axis=1) > 0.05).all()


def test_an_agent_killed_in_a_capture_goes_on_and_lists_the_gap(person, recorder):
    node, agent = recorder("killed")
    recording, job = person.start(node)
    person.wait_capturing(job)
    time.sleep(4)
    agent.kill()
    time.sleep(3)
    agent.start()
    agent.wait_phase(job, "capturing")
    time.sleep(3)
    person.stop(recording)
    row, raw = person.fetch(recording)
    samples, rate = decode(raw)
    assert samples.shape[1] / rate >= 8
    assert [gap["cause"] for gap in row["gaps"]] == ["restart"]
    assert 2 <= row["gaps"][0]["lengthSeconds"] <= 8
    assert row["partial"]


def test_an_agent_killed_in_an_upload_finishes_it_after_its_restart(person, recorder, slow_link):
    link = slow_link(bytes_per_second=250_000)
    node, agent = recorder("uploading", url=link.url)
    recording, job = person.start(node, codec="wav", durationSeconds=12)
    agent.wait_phase(job, "uploading", seconds=60)
    time.sleep(1)
    agent.kill()
    link.rate = 1e9
    agent.start()
    row, raw = person.fetch(recording)
    samples, rate = decode(raw)
    assert abs(samples.shape[1] / rate - 12) <= 0.5


def test_an_upload_cut_at_70_percent_resumes(person, recorder, slow_link):
    link = slow_link()
    node, agent = recorder("cut", url=link.url)
    recording, job = person.start(node, codec="wav", durationSeconds=10)
    agent.wait_phase(job, "capturing")
    link.cut_after = link.sent + int(10 * 48000 * 3 * 0.7)
    row, raw = person.fetch(recording)
    assert link.cuts == 1
    samples, rate = decode(raw)
    assert abs(samples.shape[1] / rate - 10) <= 0.5
