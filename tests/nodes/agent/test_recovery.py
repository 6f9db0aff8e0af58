"""Killed anywhere, the audio up to then arrives and the hole is listed."""

import subprocess

import pytest

from nodes.agent.clock import parse_time
from tests.nodes.agent.conftest import QUICK, ROOT, wait_for
from tests.sound import seconds


def a_capture(controller, agent, **window):
    job = controller.add_job(**window)
    wait_for(lambda: agent.frames_on_disk(job) > 48000, what="a second of audio")
    return job


def stored(controller, job, track=1) -> bytes:
    return wait_for(lambda: controller.file_of(job, track), 12, f"the file of track {track}")


def test_killed_in_capture_it_goes_on_with_one_gap_also_from_a_torn_state(controller, agent):
    controller.capacity = 2
    controller.config_version += 1
    whole, torn = controller.add_job(), controller.add_job()
    for job in (whole, torn):
        wait_for(lambda job=job: agent.frames_on_disk(job) > 48000, what="a second of audio")
    agent.kill()
    before = {job["id"]: agent.frames_on_disk(job) / 48000 for job in (whole, torn)}
    state = agent.data_dir / "jobs" / torn["id"] / "state.json"
    state.write_bytes(state.read_bytes()[:100])
    agent.start()
    for job in (whole, torn):
        wait_for(lambda job=job: agent.frames_on_disk(job) / 48000 > before[job["id"]] + 1, what="more")
        controller.stop_job(job)
    for job in (whole, torn):
        content = stored(controller, job)
        (gap,) = controller.gaps_of(job)
        assert gap["cause"] == "restart"
        assert gap["atSeconds"] == pytest.approx(before[job["id"]], abs=0.35)
        result = controller.result_of(job)
        lasted = parse_time(job["stop"]["at"]) - parse_time(result["captureStartAt"])
        assert seconds(content) == pytest.approx(lasted, abs=0.3), "silence stands for the hole"
        assert result["partial"] is True
    assert (len(controller.files), whole["claimEpoch"]) == (2, 1)
    wait_for(lambda: any(e["type"] == "agent.state.rebuilt" for e in controller.health), what="the event")


def test_killed_again_in_the_same_segment_what_came_since_is_kept(controller, agent):
    """Also with a new configuration in between, which sweeps the cache."""
    job = a_capture(controller, agent)
    agent.kill()
    first = agent.frames_on_disk(job)
    agent.start()
    wait_for(lambda: agent.frames_on_disk(job) > first + 9600, what="the capture to go on")
    controller.config_version += 1
    asked = controller.count("config")
    wait_for(lambda: controller.count("config") > asked, what="the new configuration")
    wait_for(lambda: agent.frames_on_disk(job) > first + 72000, what="a second and a half")
    agent.kill()
    second = agent.frames_on_disk(job) - first
    agent.start()
    wait_for(lambda: agent.frames_on_disk(job) > first + second + 24000, what="more")
    controller.stop_job(job)
    content = stored(controller, job)
    before, again = controller.gaps_of(job)
    assert again["atSeconds"] - before["atSeconds"] - before["lengthSeconds"] == pytest.approx(second / 48000, abs=0.05)
    assert seconds(content) - before["lengthSeconds"] - again["lengthSeconds"] > (first + second) / 48000


def test_damaged_files_are_rendered_again_and_a_torn_state_forgets_no_track(controller, agent):
    """Four tracks: one is stored, the files of two do not survive the power cut, nor does the state."""
    job = controller.add_job(seconds=3.5, output={"maxTrackSeconds": 1})
    stored(controller, job)
    controller.faults["put"] = [("status", 503, "not_ready"), "forever"]
    wait_for(lambda: agent.job_state(job).get("phase") == "uploading", 12, "the upload")
    agent.kill()
    folder = agent.data_dir / "jobs" / job["id"]
    (folder / "state.json").write_text("{")
    (folder / "render" / "2.wav").write_bytes((folder / "render" / "2.wav").read_bytes()[:1000])
    (folder / "render" / "4.wav").unlink()
    controller.faults.clear()
    agent.start()
    contents = [stored(controller, job, track) for track in (1, 2, 3, 4)]
    assert [seconds(content) for content in contents] == pytest.approx([1, 1, 1, 0.5], abs=0.15)
    assert sum(seconds(content) for content in contents) == pytest.approx(3.5, abs=0.15)
    finals = [controller.files[job["recordingId"], track].headers["track-final"] for track in (1, 2, 3, 4)]
    assert finals == ["false", "false", "false", "true"]
    assert len(controller.files) == 4
    wait_for(lambda: not list((agent.data_dir / "jobs").iterdir()), what="the freed copy")
    assert not list((agent.data_dir / "quarantine").iterdir())


def test_killed_in_upload_it_sends_the_same_file(controller, agent):
    controller.faults["put"] = [("status", 503, "not_ready"), "forever"]
    job = a_capture(controller, agent, seconds=2)
    wait_for(lambda: agent.job_state(job).get("phase") == "uploading", what="the upload")
    digest = agent.job_state(job)["tracks"][0]["sha256"]
    agent.kill()
    controller.faults.clear()
    agent.start()
    stored(controller, job)
    assert controller.result_of(job)["sha256"] == digest
    assert controller.gaps_of(job) == []


def test_a_window_that_closed_while_it_was_down_keeps_what_there_is(controller, agent):
    job = a_capture(controller, agent, seconds=3)
    agent.kill()
    had = agent.frames_on_disk(job) / 48000
    wait_for(lambda: parse_time(job["captureEndAt"]) < parse_time(_now()), what="the window's end")
    agent.start()
    assert seconds(stored(controller, job)) == pytest.approx(had, abs=0.05)
    result = controller.result_of(job)
    assert result["partial"] is True
    assert controller.gaps_of(job)[-1]["cause"] == "restart"


def _now() -> str:
    from tests.nodes.agent.controller import now_text

    return now_text()


def test_a_terminated_agent_leaves_the_job_to_the_next_and_a_second_process_is_turned_away(controller, agent):
    job = a_capture(controller, agent)
    second = subprocess.run(agent.command("run"), cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert second.returncode == 73, second.stderr
    assert agent.terminate() == 0
    assert agent.job_state(job)["phase"] == "capturing"
    assert not [p for p in (agent.data_dir / "jobs" / job["id"] / "seg").glob("*.json") if '"frames": null' in p.read_text()]
    agent.start(**QUICK)
    before = agent.frames_on_disk(job)
    wait_for(lambda: agent.frames_on_disk(job) > before + 24000, what="more audio")
    controller.stop_job(job)
    stored(controller, job)
    (gap,) = controller.gaps_of(job)
    assert gap["cause"] == "restart"
    assert len(controller.files) == 1
