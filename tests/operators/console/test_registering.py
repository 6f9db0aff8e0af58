"""Coming in: sign-ins, invites, names and ids (04 §1, acceptance 1–12)."""

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from config.kernel import clock
from operators.access.models import Role
from operators.console.models import ConsoleOperator, Invite
from tests.operators.console.conftest import code, field_codes

pytestmark = pytest.mark.django_db


def test_an_empty_room_has_no_open_door(room):
    assert code(room.register(name="Alice", role="director")) == (403, "invite_required")


@pytest.mark.parametrize("wrong", [{"name": 5}, {"name": "x" * 2001}, {"id": "x" * 300}, {"role": "x" * 101}])
def test_the_door_comes_before_the_fields(room, wrong):
    body = {"name": "Alice", "role": "director", **wrong}
    assert code(room.register(**body)) == (403, "invite_required")
    assert code(room.register(**body, inviteToken="nonsense")) == (403, "invite_invalid")
    assert room.register(room.user(), **body).status_code == 400
    assert code(room.register(**body, colour="red")) == (400, "unknown_parameter")


@pytest.mark.parametrize("token", ["x" * 307, 5, True, ["x"], {"a": 1}])
def test_what_is_no_invite_opens_nothing(room, token):
    assert code(room.register(name="Alice", role="director", inviteToken=token)) == (403, "invite_invalid")


def test_a_signed_in_user_registers_with_a_role_and_is_there(room):
    user = room.user()
    reply = room.register(user, name="Alice", role="director")
    assert reply.status_code == 200
    data = reply.json()["data"]
    assert set(data) == {"id", "name", "role", "token"} and data["token"].startswith("tr_op_")
    [listed] = room.api(user).get("/operator/list").json()["data"]
    assert listed["connected"] and listed["name"] == "Alice" and listed["id"] == data["id"] and not listed["guest"]


def test_deleting_in_an_empty_room_needs_no_credential_and_finds_nobody(room):
    assert code(room.api().delete("/operator/deadbeef")) == (404, "not_found")
    director = room.join()
    assert code(room.api().delete("/operator/deadbeef")) == (401, "not_authenticated")
    assert code(room.api(room.user()).delete(f"/operator/{director.id}")) == (403, "operator_required")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"name": "", "role": "viewer"}, "name_empty"),
        ({"name": "  ", "role": "viewer"}, "name_empty"),
        ({"name": "x" * 129, "role": "viewer"}, "name_too_long"),
        ({"name": "é" * 65, "role": "viewer"}, "name_too_long"),
        ({"name": "Al\u0007", "role": "viewer"}, "name_control"),
        ({"name": "Al", "role": "superadmin"}, "role_invalid"),
        ({"name": "Al"}, "role_invalid"),
        ({"name": "Al", "role": "viewer", "id": "lock"}, "invalid"),
        ({"name": "Al", "role": "viewer", "id": "a b"}, "invalid"),
    ],
)
def test_bad_fields_are_named(room, body, wanted):
    reply = room.register(room.user(), **body)
    assert code(reply) == (400, "validation_failed") and wanted in field_codes(reply)


@pytest.mark.parametrize("name", ["x" * 128, "é" * 64, "  Alice  "])
def test_good_names_pass(room, name):
    reply = room.register(room.user(), name=name, role="viewer")
    assert reply.status_code == 200 and reply.json()["data"]["name"] == name.strip()


@pytest.mark.parametrize(
    "raw",
    [
        b"x",
        b"",
        b"null",
        b"[]",
        b'{"name": 5, "role": "viewer"}',
        b'{"name": "A", "role": "viewer", "colour": 1}',
        b'{"name": "A\\u0000", "role": "viewer"}',
    ],
)
def test_what_is_no_registration_is_400(room, raw):
    assert room.api(room.user()).post("/operator/register", data=raw).status_code == 400


@pytest.mark.parametrize("name", ["alice", " ALICE ", "Ａｌｉｃｅ"])
def test_a_name_is_taken_however_it_is_written(room, name):
    alice = room.join(name="Alice")
    assert code(room.register(room.user(), name=name, role="viewer")) == (409, "duplicate_name")
    assert alice.client.delete(f"/operator/{alice.id}").json()["data"] == {"ok": True}
    assert room.register(room.user(), name=name, role="viewer").status_code == 200


def test_a_role_asks_for_its_permission_unless_an_invite_gives_it(room):
    director, watcher = room.join(), room.user(Role.VIEWER)
    refused = room.register(watcher, name="W", role="audio")
    assert code(refused) == (403, "permission_denied") and refused.json()["data"]["permission"] == "control-room:operate"
    assert room.register(watcher, name="W", role="director").json()["data"]["permission"] == "control-room:direct"
    assert room.register(room.user(Role.AUDITOR), name="N", role="viewer").status_code == 403
    assert room.register(watcher, name="W", role="viewer").status_code == 200
    other = room.user(Role.VIEWER)
    token = director.client.post("/operator/invites", {"kind": "role", "role": "director"}).json()["data"]["token"]
    assert room.register(other, name="X", role="viewer", inviteToken=token).json()["data"]["role"] == "director"
    assert code(room.register(other, name="Y", inviteToken=token)) == (409, "operator_exists")


def test_a_chosen_id_stays_its_users(room):
    user = room.user()
    first = room.register(user, name="Desk", role="director", id="cam-desk-1")
    assert first.json()["data"]["id"] == "cam-desk-1"
    director, guest_of = room.someone(first), room.join()
    invite = guest_of.client.post("/operator/invites", {"kind": "role", "role": "audio"}).json()["data"]["token"]
    assert code(room.register(name="G", inviteToken=invite, id="cam-desk-1")) == (409, "operator_id_taken")
    assert director.client.delete("/operator/cam-desk-1").json()["data"] == {"ok": True}
    assert code(director.heartbeat()) == (401, "credential_revoked")
    assert code(room.register(name="G", inviteToken=invite, id="cam-desk-1")) == (409, "operator_id_taken")
    assert room.register(user, name="Desk", role="director", id="cam-desk-1").status_code == 200


def test_invites_decide_the_role_and_wrong_ones_are_told_apart(room):
    director = room.join()
    token = director.client.post("/operator/invites", {"kind": "role", "role": "audio"}).json()["data"]["token"]
    assert token.startswith("tr_inv_")
    assert room.register(name="A", inviteToken=token, role="director").json()["data"]["role"] == "audio"
    assert room.register(name="B", inviteToken=token).status_code == 200
    wrong = token[:-7] + ("0" if token[-7] != "0" else "1") + token[-6:]
    assert code(room.register(name="C", inviteToken=wrong)) == (403, "invite_invalid")
    assert code(room.register(room.user(), name="C", role="viewer", inviteToken="nonsense")) == (403, "invite_invalid")


def test_only_a_sign_in_may_accompany_a_registration(room):
    director = room.join()
    token = director.client.post("/operator/invites", {"kind": "role", "role": "audio"}).json()["data"]["token"]
    for body in ({"name": "X", "role": "viewer"}, {"name": "X", "inviteToken": token}):
        assert code(director.client.post("/operator/register", body)) == (401, "credential_not_accepted")
    assert room.api(token=token).get("/operator/list").status_code == 401


def test_the_map_of_invites_is_a_directors_and_reads_the_same_each_time(room):
    director, audio = room.join(), room.join("audio")
    assert director.client.get("/operator/invite-tokens").json()["data"] == {}
    for role in ("director", "audio"):
        director.client.post("/operator/invites", {"kind": "role", "role": role})
    shown = director.client.get("/operator/invite-tokens")
    assert set(shown.json()["data"]) == {"director", "audio"} and shown["Cache-Control"] == "no-store"
    assert director.client.get("/operator/invite-tokens").json()["data"] == shown.json()["data"]
    assert code(audio.client.get("/operator/invite-tokens")) == (403, "director_required")
    assert code(room.api().get("/operator/invite-tokens")) == (401, "not_authenticated")
    secrets = set(shown.json()["data"].values())
    assert not any(secret[8:40] in str(row) for secret in secrets for row in Invite.objects.values())


def test_rotating_ends_the_old_link_but_nobody_who_came_by_it(room):
    director = room.join()
    made = director.client.post("/operator/invites", {"kind": "role", "role": "audio"}).json()["data"]
    came = room.someone(room.register(name="A", inviteToken=made["token"]))
    assert code(director.client.post("/operator/invites", {"kind": "role", "role": "audio"})) == (409, "invite_exists")
    turned = director.client.post(f"/operator/invites/{made['invite']['id']}/rotate", {}).json()["data"]
    assert turned["token"] != made["token"] and turned["invite"]["uses"] == 0
    assert code(room.register(name="B", inviteToken=made["token"])) == (403, "invite_revoked")
    assert room.register(name="B", inviteToken=turned["token"]).status_code == 200
    assert came.heartbeat().status_code == 200
    path = f"/operator/invites/{made['invite']['id']}"
    assert [director.client.delete(path).status_code for _ in range(2)] == [204, 204]
    assert code(director.client.post(f"{path}/rotate", {})) == (409, "invite_closed")
    again = director.client.post("/operator/invites", {"kind": "role", "role": "audio"}).json()["data"]
    assert again["invite"]["generation"] == 3 and again["token"] not in (made["token"], turned["token"])


def test_another_secret_makes_a_role_invite_stale_and_its_link_still_works(room, settings):
    director = room.join()
    token = director.client.post("/operator/invites", {"kind": "role", "role": "audio"}).json()["data"]["token"]
    settings.SECRET_KEY = "another-secret-key-that-is-long-enough-for-the-check"
    assert director.client.get("/operator/invite-tokens").json()["data"] == {}
    assert director.client.get("/operator/invites").json()["data"][0]["status"] == "stale"
    assert room.register(name="A", inviteToken=token).status_code == 200


def test_personal_invites_are_used_up_and_expire(room):
    director = room.join()
    issue = lambda **body: director.client.post("/operator/invites", {"kind": "personal", "role": "viewer", **body}).json()["data"]["token"]  # noqa: E731
    once = issue()
    assert room.register(name="A", inviteToken=once).status_code == 200
    assert code(room.register(name="B", inviteToken=once)) == (403, "invite_used_up")
    later = issue()
    with clock.frozen(clock.now() + timedelta(hours=24, seconds=1)):
        assert code(room.register(name="C", inviteToken=later)) == (403, "invite_expired")


def test_a_failed_registration_uses_up_nothing(room):
    director = room.join(name="Alice")
    token = director.client.post("/operator/invites", {"kind": "personal", "role": "viewer"}).json()["data"]["token"]
    assert code(room.register(name="alice", inviteToken=token)) == (409, "duplicate_name")
    assert room.register(name="Bo", inviteToken=token).status_code == 200


def test_reconnect_and_heartbeat(room):
    alice = room.join(name="Alice")
    back = alice.client.post("/operator/reconnect")
    assert back.json()["data"] == {"id": alice.id, "name": "Alice", "role": "director", "locks": []}
    assert alice.heartbeat().json()["data"] == {"ok": True, "revived": False, "locks": [], "heartbeatSeconds": 10}
    for path in ("/operator/reconnect", "/operator/heartbeat"):
        nobody, bogus = room.api().post(path), room.api(token="tr_op_bogus").post(path)
        assert code(nobody) == (401, "not_authenticated") and code(bogus) == (401, "credential_invalid")
        assert "WWW-Authenticate" in nobody and "WWW-Authenticate" in bogus
    wrong = alice.client.get("/operator/register")
    assert wrong.status_code == 405 and "POST" in wrong["Allow"]


def test_failures_are_limited_and_successes_are_not(room):
    alice = room.join()
    assert {alice.heartbeat().status_code for _ in range(25)} == {200}
    answers = [room.api(token="tr_op_bogus").post("/operator/heartbeat").status_code for _ in range(21)]
    assert answers == [401] * 20 + [429]


def test_a_rotated_token_ends_the_old_one(room):
    alice = room.join()
    fresh = alice.client.post("/operator/rotate-token").json()["data"]["token"]
    assert code(alice.heartbeat()) == (401, "credential_invalid")
    assert room.api(token=fresh).post("/operator/heartbeat").status_code == 200


def test_a_replayed_registration_shows_no_token(room):
    user = room.user()
    first, second = (room.api(user).post("/operator/register", {"name": "A", "role": "viewer"}, idempotency_key="k1") for _ in range(2))
    assert first.json()["data"]["token"] and second.json()["data"] == first.json()["data"] | {"token": None}
    assert ConsoleOperator.objects.count() == 1


def test_a_guest_whose_answer_was_lost_repeats_it_with_their_invite(room):
    director = room.join()
    invite = director.client.post("/operator/invites", {"kind": "personal", "role": "audio"}).json()["data"]["token"]

    def register(key, name="Dana", token=invite):
        return room.api().post("/operator/register", {"name": name, "inviteToken": token}, idempotency_key=key)

    first, again = register("k1"), register("k1")
    assert first.json()["data"]["token"] and again.json()["data"] == first.json()["data"] | {"token": None}
    assert again["Idempotent-Replayed"] == "true" and ConsoleOperator.objects.filter(guest=True).count() == 1
    assert code(register("k1", name="Chidi")) == (409, "idempotency_key_reused")
    # Another key, or another invite, is another request.
    assert code(register("k2", name="Chidi")) == (403, "invite_used_up")
    assert code(register("k1", token="tr_inv_nothing")) == (403, "invite_invalid")
    assert room.api().post("/operator/register", ["no", "body"], idempotency_key="k1").status_code == 400


def test_a_director_who_lost_the_permission_deletes_nobody_but_themselves(room):
    user = room.user()
    director = room.someone(room.register(user, name="A", role="director"))
    audio = room.join("audio")
    user.role_rows.all().delete()
    assert code(director.client.delete(f"/operator/{audio.id}")) == (403, "permission_denied")
    assert code(director.client.delete("/operator/unknown")) == (403, "permission_denied")
    assert director.client.delete(f"/operator/{director.id}").status_code == 200


def test_what_an_operator_does_is_done_for_their_user(room):
    user = room.user()
    alice = room.someone(room.register(user, name="Alice", role="director"))
    guest = room.guest("audio", alice)
    alice.lock("graphics")
    guest.lock("audio")
    mine, theirs = AuditEvent.objects.filter(verb="control_room.lock.acquired").order_by("id")
    assert (mine.on_behalf_of_kind, mine.on_behalf_of_id, mine.on_behalf_of_label) == ("user", str(user.pk), user.label)
    assert theirs.actor_label == guest.name and theirs.on_behalf_of_kind is None


def test_who_may_be_deleted_by_whom(room):
    director, audio = room.join(), room.join("audio")
    assert code(audio.client.delete(f"/operator/{director.id}")) == (403, "not_self_or_director")
    assert code(audio.client.delete("/operator/unknown")) == (403, "not_self_or_director")
    assert code(director.client.delete("/operator/unknown")) == (404, "not_found")
    audio.lock("audio")
    assert director.client.delete(f"/operator/{audio.id}").status_code == 200
    assert code(audio.heartbeat()) == (401, "credential_revoked")
    assert director.lock("audio").status_code == 200
    for path in ("/operator/", "/operator", "/operator/%20"):
        assert code(director.client.delete(path)) == (400, "operator_id_required")
    assert director.client.delete(f"/operator/{director.id}").status_code == 200


def test_what_i_am_and_may_become(room):
    user = room.user(Role.VIEWER)
    assert room.api(user).get("/operator/me").json()["data"] == {"operator": None, "locks": [], "commands": [], "mayRegisterAs": ["viewer"]}
    graphics = room.join("graphics")
    mine = graphics.client.get("/operator/me").json()["data"]
    assert mine["operator"]["id"] == graphics.id and mine["commands"] == ["graphics"]


def test_in_an_empty_room_even_a_bad_credential_finds_nobody(room):
    stranger = room.api(token="tr_op_nonsense")
    assert code(stranger.delete("/operator/deadbeef")) == (404, "not_found")
    for path in ("/operator", "/operator/", "/operator/%20"):
        assert code(stranger.delete(path)) == (400, "operator_id_required")
    director = room.join()
    assert code(stranger.delete(f"/operator/{director.id}")) == (401, "credential_invalid")
    assert code(room.api().delete("/operator/")) == (400, "operator_id_required")


def test_nul_is_nobodys_id(room):
    director = room.join()
    for path in ("/operator/%00", "/operator/a%00b"):
        assert code(director.client.delete(path)) == (404, "not_found")


def test_how_often_a_personal_invite_lets_in(room):
    """Not said: once. Null, said: without end, like a role's."""
    director = room.join()
    issue = lambda **body: director.client.post("/operator/invites", {"kind": "personal", "role": "viewer", **body}).json()["data"]  # noqa: E731
    assert [issue(**body)["invite"]["maxUses"] for body in ({}, {"maxUses": None}, {"maxUses": 3})] == [1, None, 3]
    role = director.client.post("/operator/invites", {"kind": "role", "role": "viewer"}).json()["data"]
    assert role["invite"]["maxUses"] is None
    token = issue(maxUses=None)["token"]
    assert [room.register(name=f"G{n}", inviteToken=token).status_code for n in range(3)] == [200, 200, 200]


def test_invites_and_asks_say_where_they_are(room):
    director, a, b = room.join(), room.join("audio"), room.join("audio")
    made = director.client.post("/operator/invites", {"kind": "personal", "role": "viewer"})
    assert made["Location"] == f"/api/v1/operator/invites/{made.json()['data']['invite']['id']}"
    assert director.client.delete(made["Location"]).status_code == 204
    a.lock("audio")
    asked = b.client.post("/operator/handovers", {"subsystem": "audio"})
    assert asked["Location"] == f"/api/v1/operator/handovers/{asked.json()['data']['id']}"
    assert b.client.delete(asked["Location"]).status_code == 204


def test_invites_and_the_history_are_searched(room):
    director = room.join(name="Dora")
    for label in ("Camera van", "Night desk"):
        director.client.post("/operator/invites", {"kind": "personal", "role": "viewer", "label": label})
    labels = lambda text: [row["label"] for row in director.client.get(f"/operator/invites?search={text}").json()["data"]]  # noqa: E731
    assert (labels("camera"), labels("desk"), labels("nobody")) == (["Camera van"], ["Night desk"], [])
    events = lambda text: {row["event"] for row in director.client.get(f"/control-room/events?search={text}").json()["data"]}  # noqa: E731
    assert (events("dora registered"), events("dora invite"), events("nobody")) == ({"operator.registered"}, {"invite.changed"}, set())
