"""What is declared at start, and what a still makes of it."""

import pytest

from audit.models import AuditEvent
from config.kernel import broker
from sessions.telemetry import provenance
from tests.factories.stills import Camera, jpeg

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def camera():
    return Camera()


@pytest.fixture
def declared(serve, camera):
    """LIVE, its pictures said to be signed by the camera."""
    session = serve(mode="wall_clock", required_trust_tier=0)
    provenance.declare(session, camera.sha256.upper(), unaltered=True)
    return session


def send(party, session, still, content_type="image/jpeg"):
    # One in ten seconds is tested below; elsewhere time is short.
    broker.attempt(lambda valkey: valkey.flushdb())
    return party.client.post(f"/sessions/{session.pk}/provenance", data=still, content_type=content_type)


def state(reply):
    assert reply.status_code == 200, reply.content
    return reply.json()["data"]["provenance"]["state"]


def test_a_still_by_the_declared_certificate_verifies(declared, supplier, consumer, camera):
    session = consumer.client.get(f"/sessions/{declared.pk}").json()["data"]
    assert session["provenance"] == {"state": "DECLARED", "unaltered": True, "certificateSha256": camera.sha256}
    reply = send(supplier, declared, camera.sign(jpeg()))
    assert state(reply) == "VERIFIED"
    session = consumer.client.get(f"/sessions/{declared.pk}").json()["data"]
    assert session["provenance"]["state"] == "VERIFIED" and session["provenance"]["checkedAt"].endswith("Z")
    assert AuditEvent.objects.get(verb="session.provenance.checked").details["now"] == "VERIFIED"


def test_a_flipped_byte_breaks_it_and_it_stays_broken(declared, supplier, camera):
    good = camera.sign(jpeg())
    flipped = good[:-20] + bytes([good[-20] ^ 1]) + good[-19:]
    assert state(send(supplier, declared, good)) == "VERIFIED"
    assert state(send(supplier, declared, flipped)) == "BROKEN"
    assert state(send(supplier, declared, good)) == "BROKEN"
    declared.refresh_from_db()
    provenance.declare(declared, "0" * 64, unaltered=True)
    assert provenance.state_of(declared) == "BROKEN"


def test_another_certificate_breaks_it(declared, supplier):
    assert state(send(supplier, declared, Camera().sign(jpeg()))) == "BROKEN"


def test_unsigned_or_no_picture(declared, supplier):
    refused = send(supplier, declared, jpeg())
    assert refused.status_code == 422 and refused.json()["code"] == "no_manifest"
    refused = send(supplier, declared, b"\xff\xd8\xff\xe0" + bytes(60))
    assert refused.status_code == 422 and refused.json()["code"] == "no_manifest"
    assert send(supplier, declared, b"no picture").status_code == 415
    assert send(supplier, declared, jpeg(), content_type="image/png").status_code == 415
    assert send(supplier, declared, b"{}", content_type="application/json").status_code == 415
    assert send(supplier, declared, b"\xff\xd8\xff" + b"\x00" * (5 * 1024**2)).status_code == 413
    declared.refresh_from_db()
    assert provenance.state_of(declared) == "DECLARED"


def test_one_in_ten_seconds(declared, supplier, camera):
    good = camera.sign(jpeg())
    assert state(send(supplier, declared, good)) == "VERIFIED"
    refused = supplier.client.post(f"/sessions/{declared.pk}/provenance", data=good, content_type="image/jpeg")
    assert refused.status_code == 429 and 1 <= int(refused["Retry-After"]) <= 10


@pytest.mark.parametrize("where, expected", [("REQUESTED", 409), ("ASSIGNED", 409), ("LIVE", 200), ("ENDED", 409), ("EXPIRED", 409)])
def test_states_and_sides(serve, supplier, consumer, stranger, camera, where, expected):
    session = serve(where, mode="wall_clock", required_trust_tier=0)
    still = camera.sign(jpeg())
    assert send(supplier, session, still).status_code == expected
    assert send(consumer, session, still).status_code == 403
    assert send(stranger, session, still).status_code == (409 if where == "REQUESTED" else 404)


def test_where_nothing_was_declared_there_is_nothing_to_hold_it_against(serve, supplier, camera):
    session = serve(mode="wall_clock", required_trust_tier=0)
    assert state(send(supplier, session, camera.sign(jpeg()))) == "NONE"
