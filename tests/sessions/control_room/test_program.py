"""The program link, its page and its socket (04 §3, acceptance 30)."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from structlog.testing import capture_logs

from config.kernel import clock
from operators.console.models import ControlRoomEvent
from sessions.control_room import program_view, replay_channel, switching, tick, viewers
from sessions.control_room.consumers import ProgramConsumer
from sessions.control_room.models import ProgramLink, ViewerRemoval
from tests.operators.console.conftest import code
from tests.realtime.client import Socket
from tests.sessions.control_room.conftest import Studio, on

CLIP = replay_channel.Clip(UUID(int=7), UUID(int=8), "Goal", 10_000, 400)


@pytest.fixture
def watchable(monkeypatch):
    """Media that gives each viewer an address of their own, and remembers whom it sent away."""
    kicked, made = [], []

    def access(session):
        made.append(session.pk)
        return SimpleNamespace(whep_url=f"/whep/{session.label}-{len(made)}")

    monkeypatch.setattr("sessions.media.services.program_access", access)
    monkeypatch.setattr("sessions.media.services.kick_program", lambda session: kicked.append(session.pk))
    return SimpleNamespace(kicked=kicked, made=made)


def rotate(director, **body) -> dict:
    reply = director.client.post("/control-room/program-link/rotate", body)
    assert reply.status_code == 200, reply.content
    return reply.json()["data"]


class TestLink:
    pytestmark = pytest.mark.django_db

    def test_off_until_rotated_and_the_old_one_is_over(self, studio, director, api, settings):
        look = lambda: director.client.get("/control-room/program-link").json()["data"]  # noqa: E731
        page = lambda token: studio.api().request("GET", f"/program/{token}", whole=True)  # noqa: E731
        assert look() == {"enabled": False, "url": None, "token": None, "generation": 0, "expiresAt": None}
        first = rotate(director)
        assert (
            first["generation"] == 1 and first["token"].startswith("tr_pgm_") and first["url"] == f"{settings.PUBLIC_ORIGIN}/program/{first['token']}"
        )
        assert look() == first and studio.state()["programLink"] == {"enabled": True, "generation": 1}
        told = ControlRoomEvent.objects.latest("seq")
        assert told.event == "programLink.changed" and first["token"] not in str(told.data)
        with capture_logs() as lines:
            opened = page(first["token"])
        assert first["token"] not in str(lines) and "/program/" in str(lines)
        assert opened.status_code == 200 and b"<video" in opened.content
        assert opened.headers["Cache-Control"] == "no-store" and opened.headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in opened.headers["X-Robots-Tag"]
        second = rotate(director, expiresAt=clock.wire(clock.now() + timedelta(days=1)))
        assert second["token"] != first["token"] and code(page(first["token"])) == (410, "link_expired")
        assert code(page("tr_pgm_" + "x" * 49)) == (404, "not_found") == code(page("bogus"))
        with clock.frozen(clock.now() + timedelta(days=2)):
            assert code(page(second["token"])) == (410, "link_expired")
        assert director.client.delete("/control-room/program-link").status_code == 204
        assert director.client.delete("/control-room/program-link").status_code == 204
        assert code(page(second["token"])) == (410, "link_expired") and look()["token"] is None
        third = rotate(director)
        for path in ("/control-room/state", "/auth/me"):
            assert studio.api(token=third["token"]).get(path).status_code == 401
        for bad in (clock.now() - timedelta(1), clock.now() + timedelta(91)):
            assert director.client.post("/control-room/program-link/rotate", {"expiresAt": clock.wire(bad)}).status_code == 400
        row = str(ProgramLink.objects.values().get())
        assert third["token"] not in row
        settings.SECRET_KEY = "another"
        assert look()["enabled"] and look()["token"] is None and page(third["token"]).status_code == 200

    def test_it_is_a_directors(self, studio, director):
        audio = studio.join("audio")
        for call in (audio.client.get, audio.client.delete):
            assert code(call("/control-room/program-link")) == (403, "director_required")
        assert code(studio.api(studio.user()).get("/control-room/program-link")) == (403, "operator_required")
        assert code(studio.api().post("/control-room/program-link/rotate")) == (401, "not_authenticated")

    def test_the_view_once_names_nobody_and_no_address_to_watch(self, studio, director, watchable):
        token, bridge, actor = rotate(director)["token"], studio.camera(), studio.actor(director)
        state = lambda: studio.api().request("GET", f"/program/{token}/state", whole=True).json()  # noqa: E731
        director.client.post("/control-room/captions", {"text": "Hello", "durationSeconds": 9})
        director.client.post("/control-room/preview", {"source": on(bridge)})
        shown = state()["data"]
        assert shown["media"] == {"kind": "slate"} and shown["captions"][0]["text"] == "Hello" and shown["slate"]["title"] == "Back soon"
        assert set(shown) == {"program", "media", "slate", "lowerThird", "captions", "mix"} and "Alice" not in str(state())
        director.client.post("/control-room/audio/gain", {"source": on(bridge), "gainDb": 3.5})
        director.client.post("/control-room/cut")
        shown = state()["data"]
        assert shown["media"] == {"kind": "whep", "url": None} and shown["mix"] == {"gainDb": 3.5, "muted": False} and watchable.made == []
        replay_channel.load_and_play(actor=actor, clip=CLIP, rate=0.5)
        director.client.post("/control-room/cut", {"source": "replay"})
        media = state()["data"]["media"]
        assert media["kind"] == "file" and media["url"].split("#")[0] == f"/program/{token}/clip"
        assert (media["playFromMs"], media["durationMs"], media["rate"]) == (400, 10_000, 0.5) and media["startedAt"] < media["endsAt"]
        assert program_view.clip_on_program() == CLIP.id

    def test_viewers_of_what_left_program_are_sent_away_after_five_seconds(self, studio, director, watchable):
        bridge, quay, actor = studio.camera(), studio.camera("Quay"), studio.actor(director)
        start = clock.now()
        with clock.frozen(start):
            switching.cut(actor=actor, source=on(bridge))
            switching.cut(actor=actor, source=on(quay))
        with clock.frozen(start + timedelta(seconds=4)):
            tick.run()
            assert watchable.kicked == []
            switching.cut(actor=actor, source=on(bridge))
        with clock.frozen(start + timedelta(seconds=10)):
            tick.run()
            assert watchable.kicked == [quay.pk] and not ViewerRemoval.objects.exists()


class Program(Socket):
    """A page's socket."""

    def __init__(self, token):
        super().__init__(consumer=ProgramConsumer)
        self.first = token

    async def __aenter__(self):
        await super().__aenter__()
        await self.say(token=self.first)
        return self


@pytest.mark.django_db(transaction=True)
class TestSocket:
    @pytest.fixture
    def place(self, api, watchable):
        studio = Studio(api)
        director = studio.join(name="Alice")
        return SimpleNamespace(studio=studio, director=director, token=rotate(director)["token"], bridge=studio.camera(), watchable=watchable)

    async def test_the_whole_view_at_each_change(self, place):
        async with Program(place.token) as page:
            first = await page.hear()
            assert first["type"] == "program" and first["data"]["media"] == {"kind": "slate"}
            await sync_to_async(place.director.client.post)("/control-room/cut", {"source": on(place.bridge)})
            shown = await page.hear()
            assert shown["seq"] > first["seq"] and shown["data"]["program"]["source"] == on(place.bridge)
            assert shown["data"]["media"] == {"kind": "whep", "url": "/whep/Bridge-1"}
            await sync_to_async(place.director.client.post)("/control-room/lower-third/show", {"title": "<b>Ana</b>"})
            over = await page.hear()
            assert over["data"]["lowerThird"]["title"] == "<b>Ana</b>" and over["data"]["media"]["url"] == "/whep/Bridge-1"
            assert "Alice" not in str(over) and "preview" not in str(over) and len(place.watchable.made) == 1

    async def test_each_viewer_has_an_address_of_their_own(self, place):
        await sync_to_async(place.director.client.post)("/control-room/cut", {"source": on(place.bridge)})
        async with Program(place.token) as one, Program(place.token) as other:
            urls = {(await page.hear())["data"]["media"]["url"] for page in (one, other)}
            assert urls == {"/whep/Bridge-1", "/whep/Bridge-2"}

    async def test_a_rotated_link_ends_within_seconds(self, place):
        async with Program(place.token) as page:
            await page.hear()
            await sync_to_async(rotate)(place.director)
            assert (await page.hear(5))["code"] == "link_expired" and await page.closed() == 4401

    async def test_who_is_not_let_in(self, place, monkeypatch):
        for word, closes in (("tr_pgm_" + "x" * 49, 4404), (place.director.token, 4404), (7, 4400)):
            async with Program(word) as page:
                assert (await page.hear())["type"] == "error" and await page.closed() == closes
        await sync_to_async(rotate)(place.director)
        async with Program(place.token) as page:
            assert (await page.hear())["code"] == "link_expired" and await page.closed() == 4401
        monkeypatch.setattr("sessions.control_room.consumers.FIRST_WORD_SECONDS", 0.05)
        async with Socket(consumer=ProgramConsumer) as silent:
            assert (await silent.hear())["code"] == "not_authenticated" and await silent.closed() == 4401

    async def test_one_more_than_there_is_room_for(self, place, monkeypatch):
        monkeypatch.setattr(viewers, "LIMIT", 1)
        async with Program(place.token) as page:
            await page.hear()
            async with Program(place.token) as late:
                assert (await late.hear())["code"] == "concurrency_limit_reached" and await late.closed() == 4429
        await asyncio.sleep(0)
        async with Program(place.token) as next_one:
            assert (await next_one.hear())["type"] == "program"
