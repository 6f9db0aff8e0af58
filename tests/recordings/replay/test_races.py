"""Several people mark one camera at the same moment, on the real database."""

from collections import Counter
from datetime import timedelta

import pytest

from config.kernel import clock
from operators.console.models import ControlRoomEvent
from recordings.replay import states
from recordings.replay.models import ReplayClip, ReplayMark
from tests.at_once import at_once
from tests.operators.console.conftest import code

pytestmark = pytest.mark.django_db(transaction=True)
REPLAY = "/control-room/replay"
MANY = 8


@pytest.fixture
def press(director, camera):
    """`press(path, …)` of one person, many times at once; what was answered how often."""

    def send(path, **body):
        return code(director.client.post(f"{REPLAY}/{path}", {"sessionId": camera.id, **body}))

    def all_at_once(*calls):
        return Counter(at_once(*[lambda call=call: send(call[0], **call[1]) for call in calls]))

    return all_at_once


def test_one_in_point_and_one_clip_of_many(press, camera):
    assert press(*[("mark-in", {"at": camera.at(3)})] * MANY) == {(201, None): 1, (409, "mark_open"): MANY - 1}
    assert press(*[("mark-out", {"at": camera.at(6)})] * MANY) == {(202, None): 1, (409, "no_open_mark"): MANY - 1}
    clip = ReplayClip.objects.get()
    mark = ReplayMark.objects.get()
    assert (clip.in_at, clock.wire(clip.out_at)) == (mark.in_at, camera.at(6)) and mark.closed_at is not None
    actions = ControlRoomEvent.objects.filter(event="command.made").order_by("seq").values_list("data__action", flat=True)
    assert list(actions) == ["mark_in", "mark_out"]


def test_the_last_places_are_given_once(press, camera):
    ReplayClip.objects.bulk_create(
        ReplayClip(
            session_id=camera.session.pk,
            recording_id=camera.recording.pk,
            name=f"C{n}",
            in_at=camera.begins,
            out_at=camera.begins + timedelta(seconds=2),
            status="failed",
            failure="no_picture",
        )  # fmt: skip
        for n in range(states.CLIPS_PER_SESSION - 2)
    )
    assert press(*[("quick", {"lastSeconds": 5})] * MANY) == {(202, None): 2, (409, "limit_reached"): MANY - 2}
    assert ReplayClip.objects.count() == states.CLIPS_PER_SESSION


def test_in_out_and_quick_together_wait_for_each_other_and_none_is_lost(press, camera):
    everything = [("mark-in", {"at": camera.at(3)}), ("mark-out", {"at": camera.at(6)}), ("quick", {"lastSeconds": 5})]
    answers = sum((press(*everything * 4) for _ in range(3)), Counter())
    assert set(answers) <= {(201, None), (202, None), (409, "mark_open"), (409, "no_open_mark")}
    marks, clips = ReplayMark.objects.count(), ReplayClip.objects.count()
    assert (marks, clips) == (answers[(201, None)], answers[(202, None)]) and clips >= 12
    still_open = ReplayMark.objects.filter(closed_at=None).count()
    # Each clip but the twelve quick ones closed a mark of its own.
    assert still_open <= 1 and marks - still_open == clips - 12
