"""Two sites, a viewer who is granted one: every read of the API, `/metrics`, sockets and streams show that site and nothing of the other.

The other site's rows carry a word that must appear in no answer, and ids that must answer like ids that never existed.
"""

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.test import AsyncClient

from config.kernel import clock
from config.kernel.access import Kind, Perm, system
from config.kernel.checks import api_routes
from config.kernel.ids import uuid7
from config.kernel.viewsets import TallyViewSet
from nodes import metrics
from nodes.fleet import live as fleet_live
from nodes.health.services import raise_event
from nodes.meters import ring, wire
from operators.access.models import AccessPolicy
from operators.access.services import set_grants
from recordings import live as library_live
from recordings.jobs.models import Job
from recordings.library.models import Marker, Recording, RecordingFile
from tests.cast import token_of
from tests.factories.nodes import make_node, make_room, make_site
from tests.realtime.client import Socket

pytestmark = pytest.mark.django_db(transaction=True)
WORD = "xyzzy"
NOWHERE = "01900000-0000-7000-8000-000000000000"
WITHIN_SECONDS = 5


class World:
    """A site with a room, a node, two recordings (one under way, with its job), a marker, a file, and a health event."""

    def __init__(self, name: str, profile):
        self.site = make_site(f"Site {name}")
        self.room = make_room(self.site, f"Room {name}")
        self.node = make_node(f"rec-{name}", site=self.site, room=self.room, tags=[f"tag-{name}"], notes=f"notes {name}")
        self.interface = self.node.interfaces.get()
        self.recording = self._recording(name, profile, "completed")
        self.job = self.recording.jobs.get()
        self.under_way = self._recording(f"{name} live", profile, "recording")
        self.job_under_way = self.under_way.jobs.get()
        with transaction.atomic():
            about = {"node": self.node, "recording": (self.recording.pk, self.recording.name)}
            self.event = raise_event(type=f"controller.probe.{name}", severity="critical", message=f"Trouble at {name}", **about)

    def _recording(self, name, profile, status) -> Recording:
        now = clock.now()
        recording = Recording.objects.create(
            source="ad_hoc", name=f"Take {name}", folder=f"folder/{name}", tags=[f"tag-{name}"], tag_keys=[f"tag-{name}"], search_text=f"take {name}".lower(),
            status=status, planned_start_at=now, recorded_at=now, sort_at=now, node=self.node, node_label=self.node.alias, profile=profile,
            profile_label=profile.name, interface_id=self.interface.pk, interface_label=f"input {name}",
        )  # fmt: skip
        active = status == "recording"
        job = Job.objects.create(
            recording=recording, node=self.node, attempt=1, status="running" if active else "completed", phase="capturing" if active else "",
            ended_at=None if active else now, not_before=now, capture_start_at=now, command={},
        )  # fmt: skip
        if not active:
            file = RecordingFile.objects.create(
                recording=recording, job=job, claim_epoch=1, role="primary", path=f"library/{uuid7()}.flac", file_name=f"{name}.flac", size=9,
                sha256="0" * 64, mime_type="audio/flac", stored_at=now, playable=True,
            )  # fmt: skip
            Recording.objects.filter(pk=recording.pk).update(status="cached", primary_file=file, cache_state="cached", playable=True)
            Marker.objects.create(recording=recording, at_seconds=1, label=f"mark {name}")
        return recording

    def ids(self) -> dict[str, str]:
        """By the path segment in front of it."""
        return {
            "sites": str(self.site.pk),
            "nodes": str(self.node.pk),
            "recordings": str(self.recording.pk),
            "recording-jobs": str(self.job.pk),
            "health-events": str(self.event.pk),
        }

    def secrets(self) -> set[str]:
        """Every id of it."""
        rows = [self.site, self.room, self.node, self.interface, self.recording, self.under_way, self.job, self.event, self.job_under_way]
        return {str(row.pk) for row in rows}

    def frame(self, seq: int = 1) -> None:
        level = wire.ChannelLevel(channel_index=1, rms_dbfs=-20.0, peak_dbfs=-12.0)
        payload = wire.encode(wire.MeterFrame(
            interface_id=self.interface.pk, seq=seq, captured_at_us=ring.now_us(), period_ms=1000, levels=(level, wire.ChannelLevel(2, -20.0, -12.0)),
            kind=wire.FEATURES,
        ))  # fmt: skip
        ring.store([(payload, wire.check(payload))])


@pytest.fixture
def worlds(profiles, media, api, alice, carol):
    """(granted, hidden); carol reaches the first by a grant on its site, and nothing else is open to her."""
    AccessPolicy.objects.all().delete()
    mine, hidden = World("plugh", profiles["Music"]), World(WORD, profiles["Music"])
    set_grants(kind="site", actor=system("tests"), object_ids=[mine.site.pk], user=carol)
    return mine, hidden


def body_of(reply) -> bytes:
    return b"".join(reply.streaming_content) if reply.streaming else reply.content


def reads() -> list[tuple[str, type]]:
    """(path template, view) of every GET that people may make."""
    found = []
    for path, view, actions in api_routes():
        action = actions.get("get")
        if action and issubclass(view, TallyViewSet) and (Kind.USER in view.routes[action].kinds or view.routes[action].public):
            found.append((path, view))
    return found


def filled(template: str, ids: dict[str, str]) -> str | None:
    """The path with these ids; None where it names a kind that stands in no site."""
    segments = template.split("/")
    for index, segment in enumerate(segments):
        if segment.startswith("<"):
            if segments[index - 1] not in ids:
                return None
            segments[index] = ids[segments[index - 1]]
    return "/".join(segments)


def assert_silent(text: str, hidden: World, where: str) -> None:
    assert WORD not in text.lower(), where
    for secret in hidden.secrets():
        assert secret not in text, where


STREAMS = {"/api/v1/meter-events"}


def test_every_list_facet_count_and_export_knows_one_site_only(worlds, api, carol):
    mine, hidden = worlds
    asked = shown = 0
    for template, _ in reads():
        if "<" in template or template in STREAMS:
            continue
        for query in ("", "?format=jsonl") if template.endswith("/export") else ("",):
            reply = api(carol).get(template + query)
            text = body_of(reply).decode()
            assert_silent(text, hidden, template)
            asked += 1
            shown += reply.status_code == 200 and any(one in text for one in (*mine.secrets(), "plugh"))
    assert asked > 20 and shown >= 12, "the granted site is what was shown"
    for path in ("/sites", "/nodes", "/rooms", "/recordings", "/recording-jobs", "/health-events"):
        known = len(api(carol).get(path).json()["data"])
        assert 0 < known <= 2, path


def test_an_id_of_the_other_site_answers_like_one_that_never_existed(worlds, api, carol):
    mine, hidden = worlds
    compared = 0
    for template, _ in reads():
        own = filled(template, mine.ids())
        if "<" not in template or own is None:
            continue
        other, absent = api(carol).get(filled(template, hidden.ids())), api(carol).get(filled(template, dict.fromkeys(mine.ids(), NOWHERE)))
        assert other.status_code in (403, 404) and (other.status_code, body_of(other)) == (absent.status_code, body_of(absent)), template
        reply = api(carol).get(own)
        assert_silent(body_of(reply).decode("latin-1"), hidden, template)
        if other.status_code == 404:
            assert reply.status_code != 404 or b'"not_found"' not in reply.content, template
            compared += 1
    assert compared >= 12


@pytest.mark.parametrize(
    "query",
    [
        "/nodes?siteId={site}",
        "/nodes?search={word}",
        "/recordings?nodeId={node}",
        "/recordings?search={word}",
        "/recording-jobs?nodeId={node}",
        "/health-events?nodeId={node}",
        "/rooms?siteId={site}",
    ],
)
def test_filters_and_search_find_nothing_of_it(worlds, api, alice, carol, query):
    _, hidden = worlds
    path = query.format(site=hidden.site.pk, node=hidden.node.pk, word=WORD)
    assert api(alice).get(path).json()["data"], "it is there for an owner"
    assert api(carol).get(path).json()["data"] == []


def test_chosen_rows_with_one_hidden_among_them_are_refused_whole(worlds, api, carol):
    mine, hidden = worlds
    for path, key in (
        ("/nodes/export", "nodes"),
        ("/recordings/export", "recordings"),
        ("/recording-jobs/export", "recording-jobs"),
        ("/health-events/export", "health-events"),
    ):
        assert api(carol).post(path, {"ids": [mine.ids()[key]]}).status_code == 200
        refused = api(carol).post(path, {"ids": [mine.ids()[key], hidden.ids()[key]]})
        absent = api(carol).post(path, {"ids": [mine.ids()[key], NOWHERE]})
        assert refused.status_code == 404 and refused.content == absent.content


def test_status_and_metrics_count_one_site_only(worlds, api, alice, carol):
    mine, hidden = worlds
    mine_only, everything = api(carol).get("/status").json()["data"], api(alice).get("/status").json()["data"]
    assert (mine_only["nodes"]["total"], everything["nodes"]["total"]) == (1, 2)
    assert (mine_only["health"]["critical"], everything["health"]["critical"]) == (1, 2)
    assert (mine_only["recordings"]["recording"], everything["recordings"]["recording"]) == (1, 2)
    metrics.take_snapshot()
    text = api(carol).get("/metrics").content.decode()
    assert f'tallyroom_node_up{{node="{mine.node.pk}"}}' in text and "tallyroom_http_request_seconds" in text
    assert_silent(text, hidden, "metrics")
    everything = api(alice).get("/metrics").content.decode()
    assert (
        f'node="{hidden.node.pk}"' in everything
        and f'tallyroom_health_events_opened_total{{severity="critical",type="controller.probe.{WORD}"}}' in everything
    )


@pytest.fixture(autouse=True)
async def _threads_let_go_of_the_database():
    yield
    await sync_to_async(connections.close_all)()


def stir(world: World) -> None:
    """Something happens there: each topic has a change to tell."""
    with transaction.atomic():
        fleet_live.publish(world.node.pk, edited=True)
    with transaction.atomic():
        library_live.changed(world.recording)
    with transaction.atomic():
        raise_event(type=f"controller.stir.{world.node.alias}", severity="warning", message=f"Stirred at {world.node.alias}", node=world.node)


async def test_sockets_tell_of_one_site_and_the_grants_end_empties_them(worlds, carol):
    mine, hidden = worlds
    async with Socket(await sync_to_async(token_of)(carol)) as socket:
        first = await socket.follow("nodes", "recordings", "health", f"meters:{mine.node.pk}")
        assert_silent(json.dumps(first), hidden, "snapshots")
        assert len(first["nodes"]["nodes"]) == len(first["recordings"]["recordings"]) == len(first["health"]["events"]) == 1
        await socket.say(type="subscribe", topic=f"meters:{hidden.node.pk}")
        refused = await socket.hear()
        await socket.say(type="subscribe", topic=f"meters:{NOWHERE}")
        assert {**refused, "topic": ""} == {**await socket.hear(), "topic": ""} and refused["code"] == "not_found"
        await sync_to_async(stir)(hidden)
        await sync_to_async(stir)(mine)
        told = []
        while {message["topic"] for message in told} != {"nodes", "recordings", "health"}:
            told.append(await socket.hear())
        assert_silent(json.dumps(told), hidden, "events")
        await asyncio.sleep(1.2)

        await sync_to_async(set_grants)(kind="site", actor=system("tests"), object_ids=[], user=carol)
        left = asyncio.get_running_loop().time() + WITHIN_SECONDS
        heard = {}
        while len(heard) < 4:
            message = await socket.hear(max(0.1, left - asyncio.get_running_loop().time()))
            if message["type"] != "event":
                heard[message["topic"]] = message
        assert heard["nodes"]["data"]["nodes"] == [] and heard["health"]["data"]["events"] == []
        assert heard["recordings"]["data"] == {"recordings": [], "jobs": []}
        assert (heard[f"meters:{mine.node.pk}"]["type"], heard[f"meters:{mine.node.pk}"]["code"]) == ("unsubscribed", "not_found")


async def _events(token: str, query: str = ""):
    return await AsyncClient().get(f"/api/v1/meter-events{query}", headers={"Authorization": f"Bearer {token}", "Accept": "text/event-stream"})


async def test_the_stream_of_levels_carries_one_site_only(worlds, carol):
    mine, hidden = worlds
    token = await sync_to_async(token_of)(carol)
    await sync_to_async(hidden.frame)()
    await sync_to_async(mine.frame)()
    refused, absent = await _events(token, f"?nodeId={hidden.node.pk}"), await _events(token, f"?nodeId={NOWHERE}")
    assert refused.status_code == 404 and refused.content == absent.content
    stream = aiter((await _events(token)).streaming_content)
    chunk = (await asyncio.wait_for(anext(stream), 5)).decode()
    assert str(mine.node.pk) in chunk
    assert_silent(chunk, hidden, "stream")
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


def test_a_deny_policy_hides_a_node_from_the_owner_as_if_it_had_never_been(worlds, api, alice):
    _, hidden = worlds
    everything = {"effect": "allow", "subjectType": "everyone", "permissions": ["*"], "resourceType": "site", "resourceId": "*"}
    deny = {"effect": "deny", "subjectType": "everyone", "permissions": ["*"], "resourceType": "node", "resourceId": str(hidden.node.pk)}
    assert api(alice).get(f"/nodes/{hidden.node.pk}").status_code == 200
    assert api(alice).patch("/auth/access-policies", {"policies": [everything, deny]}).status_code == 200
    compared = 0
    for template, _ in reads():
        path = filled(template, {name: pk for name, pk in hidden.ids().items() if name != "sites"})
        if "<" not in template or path is None:
            continue
        reply, absent = api(alice).get(path), api(alice).get(filled(template, dict.fromkeys(hidden.ids(), NOWHERE)))
        assert reply.status_code == 404 and body_of(reply) == body_of(absent), template
        compared += 1
    assert compared >= 10
    changed = api(alice).patch(f"/nodes/{hidden.node.pk}", {"notes": "x"})
    assert (changed.status_code, changed.content) == (404, api(alice).patch(f"/nodes/{NOWHERE}", {"notes": "x"}).content)
    assert [row["id"] for row in api(alice).get("/nodes").json()["data"]] != [] and str(hidden.node.pk) not in api(alice).get(
        "/nodes"
    ).content.decode()
    assert api(alice).post("/recordings", {"nodeId": str(hidden.node.pk)}).json()["code"] == "reference_not_found"


def test_reading_needs_the_permission_too(worlds, api, mallory):
    """A grant adds no permission."""
    mine, _ = worlds
    set_grants(kind="site", actor=system("tests"), object_ids=[mine.site.pk], user=mallory)
    reply = api(mallory).get(f"/nodes/{mine.node.pk}")
    assert (reply.status_code, reply.json()["data"]["permission"]) == (403, Perm.NODE_READ.value)
