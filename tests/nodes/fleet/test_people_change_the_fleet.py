"""Enrol, edit, retire, sites: each change audited, each refusal says why."""

import pytest

from audit.models import AuditEvent
from config.kernel import clock
from nodes.fleet.models import Interface, Node, Room
from nodes.fleet.ports import CaptureState, ports
from tests.factories.nodes import make_node, make_room, make_site

pytestmark = pytest.mark.django_db


def enrol(client, site, **body):
    return client.post("/nodes/enroll", {"alias": "rec-1", "location": {"siteId": str(site.pk)}, **body})


def test_enrolling_gives_a_node_a_room_and_a_credential_that_works_once_shown(api, alice, bob):
    site = make_site()
    place = {"siteId": str(site.pk), "building": "Old", "room": "Hall"}
    reply = enrol(api(alice), site, location=place, tags=["a", "a", "b"], recordingCapacity={"maxConcurrentRecordings": 3})
    assert reply.status_code == 201, reply.content
    node = reply.json()["data"]["node"]
    assert reply.headers["Location"] == f"/api/v1/nodes/{node['id']}"
    assert (node["status"], node["tags"], node["location"]["room"]) == ("offline", ["a", "b"], "Hall")
    assert Room.objects.get().building == "Old"
    assert enrol(api(alice), site).json()["code"] == "duplicate_name"
    assert enrol(api(bob), site, alias="rec-2").json()["data"]["permission"] == "node:manage"
    event = AuditEvent.objects.get(verb="node.enrolled")
    assert (str(event.subject_id), event.outcome, event.permission) == (node["id"], "succeeded", "node:manage")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"location": {"siteId": "01900000-0000-7000-8000-000000000000"}}, 404, "reference_not_found"),
        ({"alias": ""}, 400, "validation_failed"),
        ({"alias": "x" * 121}, 400, "validation_failed"),
        ({"tags": [str(n) for n in range(33)]}, 400, "validation_failed"),
        ({"recordingCapacity": {"maxConcurrentRecordings": 129}}, 400, "validation_failed"),
        ({"colour": "red"}, 400, "unknown_parameter"),
        ({"location": {"siteId": None}}, 400, "validation_failed"),
    ],
)
def test_what_cannot_be_enrolled(api, alice, body, status, code):
    reply = enrol(api(alice), make_site(), **body)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert not Node.objects.exists()


def test_null_clears_a_place_and_what_is_left_out_stays(api, alice):
    site = make_site()
    node = make_node(site=site, building="Old", floor="2", room=make_room(site))
    path = f"/nodes/{node.pk}"
    place = api(alice).patch(path, {"location": {"building": None}}).json()["data"]["location"]
    assert (place["building"], place["floor"], place["room"]) == (None, "2", "Hall")
    place = api(alice).patch(path, {"location": {"siteId": str(site.pk), "room": None}}).json()["data"]["location"]
    assert place["room"] is None and Interface.objects.get(node=node).room is None, "what stood in the room left it with the node"


def test_a_stale_if_match_is_refused(api, alice):
    node = make_node()
    tag = api(alice).get(f"/nodes/{node.pk}").headers["ETag"]
    assert api(alice).patch(f"/nodes/{node.pk}", {"notes": "one"}, If_Match=tag).status_code == 200
    assert api(alice).patch(f"/nodes/{node.pk}", {"notes": "two"}, If_Match=tag).json()["code"] == "edit_conflict"
    event = AuditEvent.objects.get(verb="node.updated")
    assert set(event.after) == {"notes"}


def test_while_it_captures_a_node_is_not_retired_and_its_source_not_changed(api, alice, monkeypatch):
    node = make_node()
    interface = node.interfaces.get()
    busy = CaptureState(intent=1, active_jobs=1, job_ids=("job-1",), interface_ids=frozenset({interface.pk}))
    monkeypatch.setattr(ports, "capture_state", lambda ids: {node.pk: busy})
    refused = api(alice).patch(f"/nodes/{node.pk}", {"retired": True})
    assert (refused.json()["code"], refused.json()["data"]["jobIds"]) == ("node_recording", ["job-1"])
    assert api(alice).get(f"/nodes/{node.pk}/actions").json()["data"]["actions"]["retire"]["code"] == "node_recording"
    path = f"/nodes/{node.pk}/interfaces/{interface.pk}"
    assert api(alice).patch(path, {"sampleRate": 44100}).json()["code"] == "interface_capturing"
    assert api(alice).patch(path, {"alias": "Desk"}).json()["data"]["alias"] == "Desk", "a name may change at any time"


def test_a_password_in_a_source_is_shown_to_the_node_alone(api, alice, node_client):
    node = make_node()
    interface = node.interfaces.get()
    path, secret = f"/nodes/{node.pk}/interfaces/{interface.pk}", "rtsp://cam:hunter2@10.0.0.9/live"
    shown = api(alice).patch(path, {"source": {"kind": "url", "ref": secret}}).json()["data"]
    assert shown["source"]["ref"] == "rtsp://***@10.0.0.9/live"
    again = api(alice).patch(path, {"source": {"kind": "url", "ref": "rtsp://***@10.0.0.9/live", "options": {"transport": "tcp"}}})
    assert again.status_code == 200
    told = node_client(node).get(f"/nodes/{node.pk}/config").json()["data"]["interfaces"][0]["source"]
    assert told == {"kind": "url", "ref": secret, "options": {"transport": "tcp"}}
    assert b"hunter2" not in bytes(Interface.objects.get(pk=interface.pk).sealed_ref)
    assert not any("hunter2" in str(vars(event)) for event in AuditEvent.objects.all())
    assert api(alice).patch(path, {"source": {"kind": "url", "ref": "concat:/etc/passwd"}}).status_code == 400


def test_a_new_password_reaches_the_node_and_a_mask_is_none(api, alice, node_client):
    node = make_node()
    path = f"/nodes/{node.pk}/interfaces/{node.interfaces.get().pk}"
    told = lambda: node_client(node).get(f"/nodes/{node.pk}/config").json()["data"]["interfaces"][0]["source"]["ref"]  # noqa: E731
    set_to = lambda ref: api(alice).patch(path, {"source": {"kind": "url", "ref": ref}})  # noqa: E731
    assert set_to("rtsp://***@10.0.0.9/live").status_code == 400, "nothing is stored yet"
    assert set_to("rtsp://cam:old@10.0.0.9/live").status_code == 200
    version = Node.objects.get(pk=node.pk).config_revision
    assert set_to("rtsp://cam:new@10.0.0.9/live").status_code == 200 and told() == "rtsp://cam:new@10.0.0.9/live"
    assert Node.objects.get(pk=node.pk).config_revision > version and AuditEvent.objects.filter(verb="node.interface.updated").count() == 2
    assert set_to("rtsp://***@10.0.0.9/other").status_code == 200 and told() == "rtsp://cam:new@10.0.0.9/other"
    refused = set_to("rtsp://***@10.0.0.66/live")
    assert refused.status_code == 400 and refused.json()["data"]["errors"][0]["path"] == "source.ref", "a password is for the host it was given for"
    assert told() == "rtsp://cam:new@10.0.0.9/other"


def test_a_node_whose_capture_begins_soon_is_not_retired(api, alice, monkeypatch):
    node = make_node()
    monkeypatch.setattr(ports, "capture_state", lambda ids: {node.pk: CaptureState(next_start_at=clock.now())})
    refused = api(alice).patch(f"/nodes/{node.pk}", {"retired": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "node_recording") and refused.json()["data"]["nextStartAt"]


def test_a_channel_that_the_interface_does_not_have(api, alice):
    node = make_node(channels=2)
    path = f"/nodes/{node.pk}/interfaces/{node.interfaces.get().pk}"
    refused = api(alice).patch(path, {"channels": [{"index": 3, "alias": "?"}]})
    assert (refused.status_code, refused.json()["code"]) == (400, "channel_out_of_range")
    other = make_node()
    assert api(alice).patch(f"/nodes/{other.pk}/interfaces/{node.interfaces.get().pk}", {}).status_code == 404


def test_sites_are_made_edited_and_deleted_while_nobody_is_there(api, alice, carol):
    made = api(alice).post("/sites", {"name": "Festival Hall", "timezone": "Europe/Vienna"})
    assert made.status_code == 201 and made.json()["data"]["slug"] == "festival-hall"
    site_id = made.json()["data"]["id"]
    assert api(alice).post("/sites", {"name": "Festival Hall", "timezone": "UTC"}).json()["code"] == "duplicate_name"
    assert api(alice).post("/sites", {"name": "X", "timezone": "Mars/Base"}).json()["data"]["errors"][0]["code"] == "timezone_unknown"
    assert [row["name"] for row in api(carol).get("/sites").json()["data"]] == ["Festival Hall"]
    node = enrol(api(alice), Node(pk=site_id)).json()["data"]["node"]
    assert api(alice).delete(f"/sites/{site_id}").json()["code"] == "site_in_use"
    assert api(alice).get(f"/sites/{site_id}/actions").json()["data"]["actions"]["delete"]["code"] == "site_in_use"
    Node.objects.filter(pk=node["id"]).delete()
    assert api(alice).delete(f"/sites/{site_id}").status_code == 204
    assert set(AuditEvent.objects.filter(subject_kind="site").values_list("verb", flat=True)) >= {"node.site.created", "node.site.deleted"}
