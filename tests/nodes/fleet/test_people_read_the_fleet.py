"""Lists, facets, export and detail, in scope: the same rows counted everywhere, a part of a node shown as a part."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.access import system
from operators.access.models import AccessPolicy, policy_id
from operators.access.services import set_grants
from tests.factories.nodes import make_interface, make_node, make_room, make_site

pytestmark = pytest.mark.django_db


def narrowed() -> None:
    """Someone narrowed the installation: roles alone reach nothing any more."""
    AccessPolicy.objects.all().delete()


def allow(kind: str, pk, **rule) -> None:
    rule = {
        "effect": "allow",
        "subject_type": "everyone",
        "subject_id": "",
        "permissions": ["*"],
        "resource_type": kind,
        "resource_id": str(pk),
        **rule,
    }
    AccessPolicy.objects.create(pk=policy_id(**rule), **rule)


def test_list_facets_and_export_count_the_same_rows_in_scope(api, carol):
    near, far = make_site("Near"), make_site("Far")
    for number in range(3):
        make_node(f"near-{number}", site=near, tags=["stage", f"t{number}"])
    make_node("far-1", site=far, tags=["stage"])
    client = api(carol)
    narrowed()
    set_grants(kind="site", actor=system("tests"), object_ids=[near.pk], user=carol)
    listed = client.get("/nodes?tag=stage&sort=-alias").json()
    assert [row["alias"] for row in listed["data"]] == ["near-2", "near-1", "near-0"]
    assert listed["data"][0]["location"]["siteName"] == "Near"
    facets = client.get("/nodes/facets").json()["data"]
    assert facets["siteId"] == [{"value": str(near.pk), "count": 3}]
    assert facets["backend"] == [{"value": "alsa", "count": 3}] and facets["tag"][0] == {"value": "stage", "count": 3}
    exported = b"".join(client.get("/nodes/export?tag=stage").streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [row["alias"] for row in rows] == ["near-0", "near-1", "near-2"] and rows[0]["interfaces"] == "XUSB (2 ch)"


def test_a_list_of_fifty_nodes_takes_at_most_ten_queries(api, carol):
    site = make_site()
    for number in range(50):
        make_node(f"rec-{number:02}", site=site)
    client = api(carol)
    client.get("/nodes?limit=1")
    with CaptureQueriesContext(connection) as queries:
        rows = client.get("/nodes").json()["data"]
    assert len(rows) == 50 and len(rows[0]["interfaces"][0]["channels"]) == 2
    assert len(queries) <= 10, [query["sql"][:90] for query in queries]


def test_pages_follow_one_another_without_hole_or_double(api, carol):
    site = make_site()
    made = {str(make_node(f"rec-{number}", site=site).pk) for number in range(7)}
    for sort in ("alias", "-lastSeenAt", "status"):
        seen, cursor = [], ""
        while cursor is not None:
            page = api(carol).get(f"/nodes?limit=3&sort={sort}{cursor and f'&cursor={cursor}'}").json()
            seen += [row["id"] for row in page["data"]]
            cursor = page["meta"]["nextCursor"]
        assert len(seen) == 7 and set(seen) == made


def test_reach_by_room_shows_the_node_reduced_and_no_sibling(api, carol):
    site = make_site()
    hall = make_room(site, "Hall")
    node = make_node("shared", site=site, channels=2, notes="secret plan")
    reached = make_interface(node, channels=1, system_ref="hw:HALL", room=hall)
    sibling = node.interfaces.exclude(pk=reached.pk).get()
    client = api(carol)
    narrowed()
    allow("room", hall.pk)
    row = client.get("/nodes").json()["data"][0]
    assert row["partial"] is True and set(row) == {"id", "alias", "status", "partial", "interfaces"}
    assert [item["id"] for item in row["interfaces"]] == [str(reached.pk)]
    detail = client.get(f"/nodes/{node.pk}")
    assert str(sibling.pk) not in detail.content.decode() and "secret plan" not in detail.content.decode()
    assert client.get("/nodes?search=secret").json()["data"] == [], "a search must not tell what a column holds"
    assert client.get("/nodes/facets").json()["data"]["backend"] == []
    assert len(b"".join(client.get("/nodes/export").streaming_content).decode().splitlines()) == 1
    assert client.post("/nodes/export", {"ids": [str(node.pk)]}).status_code == 404
    actions = client.get(f"/nodes/{node.pk}/actions").json()["data"]["actions"]
    assert actions["editNode"]["code"] == "permission_denied"


def test_hidden_equals_absent_and_a_viewer_may_not_write(api, carol, mallory):
    node = make_node()
    absent = "01900000-0000-7000-8000-000000000000"
    assert api(mallory).get(f"/nodes/{node.pk}").status_code == api(mallory).get(f"/nodes/{absent}").status_code == 403
    refused = api(carol).patch(f"/nodes/{node.pk}", {"alias": "x"})
    assert (refused.status_code, refused.json()["data"]["permission"]) == (403, "node:manage")
    client = api(carol)
    narrowed()
    hidden, missing = client.get(f"/nodes/{node.pk}"), client.get(f"/nodes/{absent}")
    assert hidden.status_code == 404 and hidden.content == missing.content


def test_retired_nodes_are_left_out_unless_asked_for(api, alice):
    site = make_site()
    make_node("here", site=site)
    gone = make_node("gone", site=site)
    assert api(alice).patch(f"/nodes/{gone.pk}", {"retired": True}).status_code == 200
    names = lambda query: [row["alias"] for row in api(alice).get(f"/nodes{query}").json()["data"]]  # noqa: E731
    assert names("") == ["here"] and names("?retired=true") == ["gone"] and names("?retired=true&retired=false") == ["gone", "here"]
    assert api(alice).get("/nodes/facets").json()["data"]["status"] == [{"value": "online", "count": 1}]


def test_status_counts_what_the_reader_may_see_and_names_what_failed(api, carol, monkeypatch):
    from config.kernel import status

    make_node("a")
    make_node("b", online=False)
    body = api(carol).get("/status").json()["data"]
    assert body["nodes"] == {"total": 2, "offline": 1, "alerting": 0, "degraded": 0, "recording": 0, "online": 1}
    assert body["health"]["critical"] == 0 and body["worst"] is None and body["quarantinedFiles"] == 0
    monkeypatch.setitem(status._sections, "nodes", lambda actor: 1 / 0)
    body = api(carol).get("/status").json()["data"]
    assert body["nodes"] is None and "nodes" in body["degraded"]


def test_sites_are_found_by_slug_and_timezone(api, carol):
    oslo = make_site("Oslo", timezone="Europe/Oslo")
    make_site("Bergen", timezone="Europe/Oslo")
    lima = make_site("Lima", timezone="America/Lima")

    def found(query: str) -> list[str]:
        return [site["name"] for site in api(carol).get(f"/sites?{query}").json()["data"]]

    assert found("timezone=Europe/Oslo") == ["Bergen", "Oslo"]
    assert found(f"slug={lima.slug}&slug={oslo.slug}") == ["Lima", "Oslo"]
    assert found("slug=sit") == []


def test_rooms_are_searched_by_name(api, carol):
    site = make_site()
    make_room(site, "Great hall")
    make_room(site, "Studio")
    assert [room["name"] for room in api(carol).get("/rooms?search=hall").json()["data"]] == ["Great hall"]
