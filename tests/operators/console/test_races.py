"""Many at once, with real threads on the real database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from config.kernel import clock
from config.kernel.access import system
from operators.console import handovers, locks, registration, state
from operators.console import room as console_room
from operators.console.identity import actor_of
from operators.console.models import ConsoleOperator, ControlRoomEvent, Handover, Invite, SubsystemLock
from tests.at_once import alone, until_somebody_waits
from tests.operators.console.conftest import Room, code

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(calls, threads=16):
    """The results of all calls, begun together in groups of `threads`."""
    gate = Barrier(min(threads, len(calls)))

    def run(call):
        try:
            gate.wait(20)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(min(threads, len(calls))) as pool:
        return list(pool.map(run, calls))


def test_two_hundred_lock_one_subsystem_and_one_wins(api):
    room = Room(api)
    first = room.join()
    row = ConsoleOperator.objects.get(public_id=first.id)
    people = [row]
    for number in range(199):
        people.append(
            ConsoleOperator.objects.create(
                control_room=row.control_room, public_id=f"d{number}", name=f"D{number}", name_key=f"d{number}", role="director", guest=True,
                digest=number.to_bytes(32, "big"), last_four="0000", last_seen=row.last_seen,
            )
        )  # fmt: skip

    def take(person):
        from config.kernel.errors import ApiError

        try:
            return 200, locks.acquire(actor=actor_of(person), operator=person, subsystem="switching").operator_id
        except ApiError as error:
            return error.status, error.data["holder"]["id"]

    answers = at_once([lambda person=person: take(person) for person in people], threads=20) if len(people) % 20 == 0 else []
    won = [who for status, who in answers if status == 200]
    refused = [who for status, who in answers if status == 409]
    winner = SubsystemLock.objects.get().operator
    assert (len(won), len(refused)) == (1, 199) and set(refused) == {winner.public_id}
    assert ControlRoomEvent.objects.filter(event="lock.acquired").count() == 1
    again = at_once([lambda: take(winner) for _ in range(40)], threads=20)
    assert {status for status, _ in again} == {200}
    assert ControlRoomEvent.objects.filter(event="lock.acquired").count() == 1


def test_one_use_lets_in_one_and_one_name_is_given_once(api):
    room = Room(api)
    director = room.join()
    token = director.client.post("/operator/invites", {"kind": "personal", "role": "viewer"}).json()["data"]["token"]
    answers = at_once([lambda n=n: code(room.api().post("/operator/register", {"name": f"G{n}", "inviteToken": token})) for n in range(16)])
    assert sorted(answers) == [(200, None)] + [(403, "invite_used_up")] * 15
    many = director.client.post("/operator/invites", {"kind": "role", "role": "viewer"}).json()["data"]["token"]
    answers = at_once([lambda: code(room.api().post("/operator/register", {"name": "Same", "inviteToken": many})) for _ in range(16)])
    assert sorted(answers) == [(200, None)] + [(409, "duplicate_name")] * 15
    assert Invite.objects.get(kind="role").uses == 1


def test_yield_and_force_at_once_leave_one_holder_or_none(api):
    room = Room(api)
    director, a, b = room.join(), room.join("audio"), room.join("audio")
    for _ in range(8):
        a.lock("audio")
        asked = b.client.post("/operator/handovers", {"subsystem": "audio"}).json()["data"]["id"]
        at_once(
            [
                lambda asked=asked: a.client.post(f"/operator/handovers/{asked}/yield").status_code,
                lambda: director.client.post("/operator/force-unlock", {"subsystem": "audio"}).status_code,
            ]
        )
        held = list(SubsystemLock.objects.values_list("operator__public_id", flat=True))
        assert held in ([], [b.id])
        assert not Handover.objects.filter(outcome="").exists()
        SubsystemLock.objects.all().delete()
    numbers = list(ControlRoomEvent.objects.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_state_that_is_read_is_of_one_instant(api, monkeypatch):
    """Somebody locks after the number was read and before the rows are."""
    room = Room(api)
    a = room.join("audio")
    before = api(room.user()).get("/control-room/state").json()["data"]
    moment, pool = state.clock.now, ThreadPoolExecutor(1)

    def lock():
        try:
            return a.lock("audio").status_code
        finally:
            connection.close()

    def now():
        monkeypatch.setattr(state, "clock", clock)
        assert pool.submit(lock).result(20) == 200
        return moment()

    monkeypatch.setattr(state, "clock", SimpleNamespace(now=now))
    seen = a.client.get("/control-room/state").json()["data"]
    assert (seen["seq"], seen["locks"]) == (before["seq"], {})
    after = a.client.get("/control-room/state").json()["data"]
    assert after["seq"] > before["seq"] and set(after["locks"]) == {"audio"}


def test_deleting_an_operator_and_asking_them_pass_one_another(api):
    """Who asks for a lock holds the room and points at its holder; whoever deletes the holder waits for the room without being in the way."""
    room = Room(api)
    director, holder, asker = room.join(), room.join("audio"), room.join("audio")
    holder.lock("audio")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            console_room.locked()
            deleted = pool.submit(alone, lambda: director.client.delete(f"/operator/{holder.id}").status_code)
            until_somebody_waits()
            row = ConsoleOperator.objects.get(public_id=asker.id)
            handovers.ask(actor=actor_of(row), operator=row, subsystem="audio")
        assert deleted.result(20) == 200
    assert not SubsystemLock.objects.exists() and Handover.objects.get().outcome == "void"


def test_the_purge_of_an_idle_operator_is_in_nobodys_way(api):
    room = Room(api)
    idle, asker = room.join("audio"), room.join("audio")
    idle.lock("audio")
    ConsoleOperator.objects.filter(public_id=idle.id).update(last_seen=clock.now() - registration.USER_FOR)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            where = console_room.locked()
            gone = pool.submit(alone, lambda: registration.purge(actor=system("console.purge")))
            until_somebody_waits()
            holder, row = (ConsoleOperator.objects.get(public_id=someone.id) for someone in (idle, asker))
            now = clock.now()
            Handover.objects.create(control_room=where, subsystem="audio", holder=holder, asker=row, created_at=now, expires_at=now)
        assert gone.result(20) == 1
