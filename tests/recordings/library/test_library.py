"""List, search, facets, edit, export: what people do with what was recorded."""

import csv
import io

import pytest

from config.kernel.access import ANONYMOUS
from config.kernel.errors import ApiError
from operators.access.models import AccessPolicy, policy_id
from recordings.library import editing, storage
from recordings.library.models import Recording
from recordings.retention import disposal
from tests.cast import ApiClient, token_of
from tests.factories.nodes import make_interface, make_node
from tests.factories.recordings import start_recording


def listed(client, query=""):
    reply = client.get(f"/recordings?{query}")
    assert reply.status_code == 200, reply.content
    return [row["name"] for row in reply.json()["data"]]


@pytest.fixture
def three(node):
    """Three queued recordings on a node with room for them."""
    node.max_concurrent_recordings = 8
    node.save()
    wishes = [
        {"name": "Über Größe", "folder": "news", "tags": ["Morning", "Live"]},
        {"name": "Evening", "folder": "news/late", "tags": ["morning"]},
        {"name": "Concert", "folder": "newsroom"},
    ]
    return [start_recording(node, **wish)[0] for wish in wishes]


def test_search_ignores_case_and_accents_and_wants_every_word(api, carol, three):
    assert listed(api(carol), "search=uber GROSSE") == ["Über Größe"]
    assert listed(api(carol), "search=morning late") == ["Evening"]
    assert listed(api(carol), "search=zzz") == []
    assert api(carol).get("/recordings?search=a").status_code == 400


def test_filters_go_together(api, carol, three, node):
    assert set(listed(api(carol), "folder=news")) == {"Über Größe", "Evening"}
    assert listed(api(carol), "tag=MORNING&tag=live") == ["Über Größe"]
    assert listed(api(carol), f"nodeId={node.pk}&status=queued&sort=name") == ["Concert", "Evening", "Über Größe"]
    assert listed(api(carol), "status=cached") == []
    for wrong in ("status=nope", "sort=secret", "unknown=1", "durationMin=x", "recordedFrom=yesterday"):
        assert api(carol).get(f"/recordings?{wrong}").status_code == 400


def test_pages_follow_one_another_without_hole_or_double(api, carol, three):
    first = api(carol).get("/recordings?limit=2").json()
    rest = api(carol).get(f"/recordings?limit=2&cursor={first['meta']['nextCursor']}").json()
    names = [row["name"] for row in first["data"] + rest["data"]]
    assert names == ["Concert", "Evening", "Über Größe"] and rest["meta"]["nextCursor"] is None


@pytest.mark.parametrize("sort", ["recordedAt", "createdAt", "name", "folder", "durationSeconds", "size", "status", "healthStatus", "source"])
def test_every_sort_pages(api, carol, three, sort):
    for sign in ("", "-"):
        first = api(carol).get(f"/recordings?limit=2&sort={sign}{sort}").json()
        rest = api(carol).get(f"/recordings?limit=2&sort={sign}{sort}&cursor={first['meta']['nextCursor']}").json()
        assert len({row["id"] for row in first["data"] + rest["data"]}) == 3


def test_facets_count_under_the_other_filters(api, carol, three):
    found = api(carol).get("/recordings/facets?folder=news").json()["data"]
    assert {row["value"]: row["count"] for row in found["folder"]} == {"news": 1, "news/late": 1, "newsroom": 1}
    assert {row["value"]: row["count"] for row in found["tag"]} == {"Morning": 1, "Live": 1, "morning": 1}
    assert found["status"] == [{"value": "queued", "count": 2}]


def test_metadata_is_edited_with_the_etag_that_was_read(api, bob, carol, three):
    path = f"/recordings/{three[0].pk}"
    read = api(bob).get(path)
    first = api(bob).patch(f"{path}/metadata", {"name": "Renamed", "tags": ["A", "a", "B"], "notes": "x"}, If_Match=read["ETag"])
    assert first.status_code == 200 and first.json()["data"]["tags"] == ["A", "B"]
    stale = api(bob).patch(f"{path}/metadata", {"name": "Again"}, If_Match=read["ETag"])
    assert (stale.status_code, stale.json()["code"]) == (412, "edit_conflict")
    assert listed(api(carol), "search=renamed") == ["Renamed"] and listed(api(carol), "tag=live") == []
    denied = api(carol).patch(f"{path}/metadata", {"name": "Mine"})
    assert (denied.status_code, denied.json()["data"]["permission"]) == (403, "recording:edit")
    policy = api(bob).patch(f"{path}/metadata", {"retentionPolicyId": None})
    assert (policy.status_code, policy.json()["data"]["permission"]) == (403, "settings:manage")


@pytest.mark.parametrize(
    "body",
    [
        {"folder": "a/../b"},
        {"folder": "/".join("abcdefghi")},
        {"name": ""},
        {"name": "x\u0000"},
        {"tags": ["x" * 49]},
        {"status": "cached"},
        {"notes": "x" * 2001},
    ],
)
def test_metadata_that_makes_no_sense_is_refused(api, bob, three, body):
    assert api(bob).patch(f"/recordings/{three[0].pk}/metadata", body).status_code == 400


def test_bulk_metadata_is_all_or_nothing(api, bob, three):
    ids = [str(row.pk) for row in three]
    reply = api(bob).patch("/recordings/bulk-metadata", {"ids": ids, "addTags": ["Archive"], "removeTags": ["MORNING"], "folder": "box"})
    assert reply.status_code == 200 and reply.json()["data"]["count"] == 3
    assert {tuple(row.tags) for row in Recording.objects.all()} == {("Live", "Archive"), ("Archive",)}
    hidden = api(bob).patch("/recordings/bulk-metadata", {"ids": [*ids, "01900000-0000-7000-8000-000000000000"], "folder": "elsewhere"})
    assert hidden.status_code == 404 and not Recording.objects.filter(folder="elsewhere").exists()
    assert api(bob).patch("/recordings/bulk-metadata", {"ids": [ids[0], ids[0]], "folder": "x"}).status_code == 400


def test_what_was_removed_meanwhile_is_not_found(node):
    recording, _ = start_recording(node)
    Recording.objects.all().delete()
    for act in (
        lambda: editing.edit(actor=ANONYMOUS, recording=recording, body={"name": "x"}),
        lambda: editing.bulk_edit(actor=ANONYMOUS, recordings=[recording], body={"folder": "x"}),
        lambda: editing.add_marker(actor=ANONYMOUS, recording=recording, at_seconds=1, label="x"),
        lambda: disposal.trash(actor=ANONYMOUS, recordings=[recording]),
        lambda: disposal.restore(actor=ANONYMOUS, recording=recording),
    ):
        with pytest.raises(ApiError, match="not_found"):
            act()


def test_the_manifest_is_escaped_and_carries_hashes(api, bob, cached):
    recording = cached(name="=cmd()")
    reply = api(bob).get("/recordings/export")
    rows = list(csv.DictReader(io.StringIO(b"".join(reply.streaming_content).decode())))
    assert rows[0]["name"] == "'=cmd()" and rows[0]["sha256"] == recording.primary_file.sha256
    chosen = api(bob).post("/recordings/export?format=jsonl", {"ids": [str(recording.pk)]})
    assert b"".join(chosen.streaming_content).count(b"\n") == 1
    assert api(bob).post("/recordings/export", {"ids": ["01900000-0000-7000-8000-000000000000"]}).status_code == 404


def test_a_reader_of_one_site_sees_its_recordings_only(api, carol, three, profiles):
    AccessPolicy.objects.all().delete()
    assert listed(api(carol)) == []
    assert api(carol).get(f"/recordings/{three[0].pk}").status_code == 404
    stranger = make_node()
    other, _ = start_recording(stranger, name="Elsewhere")
    rule = {
        "effect": "allow",
        "subject_type": "everyone",
        "subject_id": "",
        "permissions": ["*"],
        "resource_type": "site",
        "resource_id": str(stranger.site_id),
    }
    AccessPolicy.objects.create(pk=policy_id(**rule), **rule)
    fresh = ApiClient(token_of(carol))
    assert listed(fresh) == ["Elsewhere"]
    assert fresh.get(f"/recordings/{other.pk}").status_code == 200 and fresh.get(f"/recordings/{three[0].pk}").status_code == 404


def test_context_holds_what_lies_around(api, bob, cached):
    recording = cached()
    found = api(bob).get(f"/recordings/{recording.pk}/context").json()["data"]
    assert found["recording"]["id"] == str(recording.pk) and len(found["jobs"]) == len(found["files"]) == 1
    assert found["retention"] == {"eligible": False, "blockers": ["not_verified", "too_young"]} and found["omitted"] == []


def test_a_start_that_cannot_be_is_told_why(api, bob, node, profiles):
    client = api(bob)

    def refused(**body):
        reply = client.post("/recordings", body)
        return reply.status_code, reply.json()["code"]

    assert refused() == (400, "validation_failed")
    assert refused(nodeId=str(node.pk), sessionId=str(node.pk)) == (400, "validation_failed")
    assert refused(nodeId="01900000-0000-7000-8000-000000000000") == (404, "reference_not_found")
    assert refused(nodeId=str(node.pk), recordingProfileId="01900000-0000-7000-8000-000000000000") == (404, "reference_not_found")
    assert refused(nodeId=str(node.pk), captureInterfaceId="01900000-0000-7000-8000-000000000000") == (404, "reference_not_found")
    assert refused(nodeId=str(node.pk), captureBackend="jack") == (409, "interface_unavailable")
    assert refused(nodeId=str(node.pk), captureBackend="cassette") == (400, "validation_failed")
    assert refused(nodeId=str(node.pk), durationSeconds=604801) == (400, "validation_failed")
    assert refused(nodeId=str(make_node(online=False).pk)) == (409, "node_offline")
    profiles["Music"].enabled = False
    profiles["Music"].save()
    assert refused(nodeId=str(node.pk), recordingProfileId=str(profiles["Music"].pk)) == (409, "profile_disabled")
    assert client.post("/recordings", {"nodeId": str(node.pk)}).status_code == 202
    assert refused(nodeId=str(node.pk)) == (409, "active_recording_job_exists")


def test_a_codec_must_carry_the_channels(api, bob, alice, node, profiles):
    wide = make_interface(node, channels=16, system_ref="hw:16")
    made = (
        api(alice)
        .post("/settings/recording-profiles", {"name": "Wide", "codec": "flac", "bitDepth": 24, "channelMode": "multichannel"})
        .json()["data"]
    )
    body = {"nodeId": str(node.pk), "captureInterfaceId": str(wide.pk)}
    refused = api(bob).post("/recordings", {**body, "recordingProfileId": made["id"]})
    assert (refused.status_code, refused.json()["code"]) == (400, "codec_channel_limit")
    assert api(bob).post("/recordings", {**body, "recordingProfileId": str(profiles["Multitrack"].pk)}).status_code == 202


def test_a_full_disk_refuses_new_starts(api, bob, node, monkeypatch):
    monkeypatch.setattr(storage, "free_bytes", lambda: (1024**3, 10**12))
    reply = api(bob).post("/recordings", {"nodeId": str(node.pk)})
    assert (reply.status_code, reply.json()["code"]) == (507, "storage_full")


def test_a_list_costs_the_same_queries_for_one_row_and_for_many(api, carol, node, three, django_assert_max_num_queries):
    api(carol).get("/recordings")
    for query in ("limit=1", "limit=50&folder=news&search=morning", "limit=50"):
        with django_assert_max_num_queries(10):
            assert api(carol).get(f"/recordings?{query}").status_code == 200
