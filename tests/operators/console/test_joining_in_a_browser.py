"""The invite link in a browser (04 §1): what it would open, the cookie of a guest, and what a used link says."""

import pytest

from operators.access.models import Role
from tests.cast import ApiClient
from tests.factories.users import make_user
from tests.operators.console.conftest import code

pytestmark = pytest.mark.django_db


@pytest.fixture
def director(room):
    return room.join("director", "Alice")


def invite(director, role="captioner", **body):
    return director.client.post("/operator/invites", {"kind": "personal", "role": role, **body}).json()["data"]["token"]


def join(browser: ApiClient, token: str, name="Mira", **headers):
    return browser.post("/operator/join", {"name": name, "inviteToken": token}, **headers)


def test_looking_uses_nothing_up(room, director):
    token = invite(director, label="Mira Tamm")
    for _ in range(2):
        reply = room.api(None).post("/operator/join/check", {"inviteToken": token})
        assert reply.status_code == 200
        assert reply.json()["data"].items() >= {"role": "captioner", "label": "Mira Tamm"}.items()
        assert reply["Cache-Control"] == "no-store"
    assert code(room.api(None).post("/operator/join/check", {"inviteToken": "tr_inv_nonsense"})) == (403, "invite_invalid")
    assert code(room.api(None).post("/operator/join/check", {})) == (400, "validation_failed")


def test_a_guests_browser_is_their_operator_and_nobody_elses(room, director):
    browser = ApiClient()
    reply = join(browser, invite(director))
    assert reply.status_code == 200
    assert reply.json()["data"].items() >= {"name": "Mira", "role": "captioner", "guest": True}.items()
    assert "token" not in reply.json()["data"]
    me = browser.get("/operator/me").json()["data"]
    assert me["operator"]["name"] == "Mira" and me["commands"] == ["captions"]
    assert browser.get("/control-room", whole=True).status_code == 200
    # It is the room's page that is open, and no other.
    assert browser.get("/nodes", whole=True).status_code == 401
    # Their cookie ends with their place.
    assert director.client.delete(f"/operator/{reply.json()['data']['id']}").status_code == 200
    assert browser.get("/operator/me").status_code == 401
    assert browser.get("/control-room", whole=True).status_code == 302


def test_links_that_are_spent_say_so(room, director):
    once = invite(director)
    assert join(ApiClient(), once).status_code == 200
    assert code(join(ApiClient(), once, "Bo")) == (403, "invite_used_up")
    made = director.client.post("/operator/invites", {"kind": "role", "role": "viewer"}).json()["data"]
    director.client.delete(f"/operator/invites/{made['invite']['id']}")
    assert code(join(ApiClient(), made["token"], "Chidi")) == (403, "invite_revoked")


def test_a_name_that_is_taken_or_empty_leaves_the_link_good(room, director):
    token = invite(director)
    assert code(join(ApiClient(), token, "ALICE")) == (409, "duplicate_name")
    assert code(join(ApiClient(), token, "  ")) == (400, "validation_failed")
    assert join(ApiClient(), token).status_code == 200


def test_a_signed_in_user_keeps_their_sign_in(room, director):
    user = make_user("guestless", roles=(Role.VIEWER,))
    reply = room.api(user).post("/operator/join", {"name": "Dana", "inviteToken": invite(director, "audio")})
    assert reply.status_code == 200 and reply.json()["data"]["guest"] is False
    assert room.api(user).get("/operator/me").json()["data"]["operator"]["role"] == "audio"
    assert code(room.api(user).post("/operator/join", {"name": "Dana 2", "inviteToken": invite(director)})) == (409, "operator_exists")


def test_other_credentials_and_other_sites_stay_out(room, director):
    assert code(director.client.post("/operator/join", {"name": "X", "inviteToken": invite(director)})) == (401, "credential_not_accepted")
    assert code(join(ApiClient(), invite(director), Origin="https://elsewhere.example")) == (403, "csrf_failed")


def test_the_page_of_the_link_is_kept_nowhere(db):
    reply = ApiClient().get("/join", whole=True)
    assert reply.status_code == 200
    assert "no-store" in reply["Cache-Control"] and reply["Referrer-Policy"] == "no-referrer"
