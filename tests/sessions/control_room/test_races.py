"""Cuts against acquisitions and against sessions that end: real threads on the real database (04 §2–4, acceptance 24, 26)."""

import pytest

from config.kernel.errors import ApiError
from operators.console import locks
from operators.console.models import ConsoleOperator, ControlRoomEvent
from sessions.control_room import replay_channel, services, tick
from sessions.field import services as field_sessions
from sessions.field.models import FieldSession
from sessions.field.states import Side
from tests.at_once import at_once
from tests.sessions.control_room.conftest import Studio, on

pytestmark = pytest.mark.django_db(transaction=True)


def numbers():
    return list(ControlRoomEvent.objects.order_by("seq").values_list("seq", flat=True))


def test_no_cut_comes_after_the_lock_of_another(api):
    studio = Studio(api)
    alice, eve = studio.join(name="Alice"), studio.join(name="Eve")
    cameras = [studio.camera(f"Camera {number}") for number in range(3)]
    me, other = studio.actor(alice), ConsoleOperator.objects.get(public_id=eve.id)

    def cuts():
        refused = 0
        for number in range(10):
            try:
                services.cut(actor=me, source=on(cameras[number % 3]))
            except ApiError as error:
                assert error.code == "subsystem_locked"
                refused += 1
        return refused

    answers = at_once(*[cuts] * 9, lambda: locks.acquire(actor=studio.actor(eve), operator=other, subsystem="switching") and 0)
    acquired = ControlRoomEvent.objects.get(event="lock.acquired").seq
    assert all(isinstance(answer, int) for answer in answers), answers
    assert not ControlRoomEvent.objects.filter(event="program.changed", seq__gt=acquired).exists()
    assert numbers() == list(range(1, len(numbers()) + 1))


def test_sessions_that_end_while_they_are_cut_to_neither_deadlock_nor_stay(api):
    studio = Studio(api)
    alice = studio.join(name="Alice")
    me = studio.actor(alice)
    clip = replay_channel.Clip(me.subject.pk, me.subject.pk, "Goal", 1000, 0)
    for _ in range(3):
        one, two, three = (studio.camera(f"Camera {number} {_}") for number in range(3))
        cut = lambda session: services.cut(actor=me, source=on(session))  # noqa: E731
        end = lambda session: field_sessions.end(actor=me, session_id=session.pk, side=Side.CONSUMER)  # noqa: E731
        answers = at_once(
            *(lambda session=session: cut(session) for session in (one, two, three, one, two)),
            lambda session=one: services.preview(actor=me, source=on(session)),
            lambda: services.take(actor=me),
            lambda: replay_channel.load_and_play(actor=me, clip=clip),
            lambda: services.cut(actor=me, source="replay"),
            lambda: replay_channel.stop(actor=me),
            lambda session=one: end(session),
            lambda session=two: alice.client.post(f"/control-room/sessions/{session.pk}/end").status_code,
            lambda session=three: field_sessions.set_tally(session.pk, "off"),
            tick.run,
        )
        # Whatever was refused was refused for its own sake; nothing waited for nothing.
        assert {answer for answer in answers if isinstance(answer, str)} <= {"session_not_live", "replay_empty"}, answers
        assert {session.state for session in FieldSession.objects.filter(pk__in=[one.pk, two.pk])} == {"ENDED"}
        state = studio.state()
        assert not {on(one), on(two)} & {state["program"]["source"], state["preview"]["source"], state["program"]["returnTo"]}
        assert set(FieldSession.objects.filter(pk__in=[one.pk, two.pk]).values_list("tally", flat=True)) == {"off"}
        shown = {row["source"]: row["tally"] for row in state["sources"]}
        assert FieldSession.objects.get(pk=three.pk).tally in (shown[on(three)], "off")
    assert numbers() == list(range(1, len(numbers()) + 1))
