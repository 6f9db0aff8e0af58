"""Gain, mute, lower third, slate and captions (04 §3, acceptance 27, 28)."""

import re
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.kernel import clock
from operators.console.models import ControlRoomEvent
from sessions.control_room import captions, states, tick, vtt
from sessions.control_room.models import CaptionLine
from tests.factories.sessions import make_workspace
from tests.factories.users import make_user
from tests.operators.console.conftest import code
from tests.sessions.control_room.conftest import on

database = pytest.mark.django_db


def last():
    return ControlRoomEvent.objects.latest("seq")


@database
def test_gain_and_mute_of_a_source(studio, director):
    bridge, graphics = studio.camera(), studio.join("graphics")
    gain = lambda value, who=director: who.client.post("/control-room/audio/gain", {"source": on(bridge), "gainDb": value})  # noqa: E731
    for bad in (-60.1, 12.1, "-6", True, -6.05, None):
        assert gain(bad).status_code == 400, bad
    body = f'{{"source": "{on(bridge)}", "gainDb": NaN}}'.encode()
    assert director.client.post("/control-room/audio/gain", data=body).status_code == 400
    made = gain(-6.0)
    assert made.status_code == 200 and made.json()["data"]["source"]["gainDb"] == -6.0
    assert last().event == "source.changed" and last().data["source"]["gainDb"] == -6.0
    assert gain(-6).json()["data"]["seq"] == made.json()["data"]["seq"]
    assert gain(-60.0).status_code == gain(12.0).status_code == 200
    mute = director.client.post("/control-room/audio/mute", {"source": "slate", "muted": True})
    assert mute.json()["data"]["source"]["muted"] is True
    rows = {row["source"]: row for row in studio.state()["sources"]}
    assert rows[on(bridge)]["gainDb"] == 12.0 and rows["slate"]["muted"] and rows["replay"]["gainDb"] == 0.0
    assert code(gain(0.0, graphics)) == (403, "role_not_permitted")
    assert code(director.client.post("/control-room/audio/mute", {"source": "nobody", "muted": True})) == (404, "reference_not_found")
    assert director.client.post("/control-room/audio/mute", {"source": "slate", "muted": "yes"}).status_code == 400
    assert studio.join("audio").client.post("/control-room/audio/mute", {"source": "slate", "muted": False}).status_code == 200


@database
def test_the_lower_third_shows_for_as_long_as_it_is_said(studio, director):
    put = lambda **body: director.client.put("/control-room/lower-third", body)  # noqa: E731
    show = lambda **body: director.client.post("/control-room/lower-third/show", body)  # noqa: E731
    refused = show()
    assert refused.status_code == 400 and refused.json()["data"]["errors"][0]["path"] == "title"
    assert put(title="x" * 81).status_code == put(title="").status_code == put(title="x", subtitle="y" * 121).status_code == 400
    made = put(title="<b>Ana</b>", subtitle="Mayor").json()["data"]["lowerThird"]
    assert made == {"title": "<b>Ana</b>", "subtitle": "Mayor", "visible": False, "shownAt": None, "hideAt": None}
    assert show(durationSeconds=0).status_code == show(durationSeconds=601).status_code == 400
    shown = show(durationSeconds=5).json()["data"]["lowerThird"]
    assert shown["visible"] and shown["hideAt"] > shown["shownAt"] and last().event == "lowerThird.changed"
    with clock.frozen(clock.now() + timedelta(seconds=6)):
        assert tick.run()["hidden"] == 1 and tick.run() == {}
    assert studio.state()["lowerThird"]["visible"] is False
    assert show(title="Bo").json()["data"]["lowerThird"]["hideAt"] is None
    assert director.client.post("/control-room/lower-third/hide").json()["data"]["lowerThird"]["visible"] is False
    seq = last().seq
    assert director.client.post("/control-room/lower-third/hide").json()["data"]["seq"] == seq
    assert code(studio.join("captioner").client.post("/control-room/lower-third/hide")) == (403, "role_not_permitted")


@database
def test_the_slate_says_what_is_written(studio, director):
    assert studio.state()["slate"] == {"title": "Back soon", "subtitle": ""}
    made = director.client.put("/control-room/slate", {"title": "Half time", "subtitle": "Until four"}).json()["data"]
    assert made["slate"] == {"title": "Half time", "subtitle": "Until four"} == last().data["slate"] and made["seq"] == last().seq
    assert director.client.put("/control-room/slate", {}).status_code == 400


@database
def test_captions_that_can_not_be_shown(director):
    post = lambda **body: director.client.post("/control-room/captions", body)  # noqa: E731
    for bad in ("", "  ", "x" * 241, "a\nb\nc", "bell\u0007", "tab\there", 7):
        assert post(text=bad).status_code == 400, bad
    for bad in (0.5, 15.1, "3"):
        assert post(text="x", durationSeconds=bad).status_code == 400, bad


@database
def test_the_newest_two_lines_show_and_eleven_in_a_second_are_too_many(studio, director):
    start = clock.now()
    with clock.frozen(start):
        made = director.client.post("/control-room/captions", {"text": "One\r\ntwo"})
        assert made.status_code == 201 and made.json()["data"]["line"]["text"] == "One\ntwo"
        assert made.json()["data"]["line"]["by"] == {"id": director.id, "name": "Alice"}
        for number in range(9):
            assert director.client.post("/control-room/captions", {"text": f"line {number}"}).status_code == 201
        assert [line["text"] for line in studio.state()["captions"]] == ["line 7", "line 8"] == [line["text"] for line in last().data["captions"]]
        refused = director.client.post("/control-room/captions", {"text": "too many"})
        assert code(refused) == (429, "throttled") and int(refused.headers["Retry-After"]) >= 1
    with clock.frozen(start + timedelta(seconds=1.1)):
        assert director.client.post("/control-room/captions", {"text": "more", "durationSeconds": 15}).status_code == 201
    with clock.frozen(start + timedelta(seconds=9)):
        assert tick.run()["captions"] == 1
        assert [line["text"] for line in studio.state()["captions"]] == ["more"]
        assert director.client.post("/control-room/captions/clear").json()["data"]["captions"] == []
        assert studio.state()["captions"] == [] and last().data == {"captions": []}
    rows = director.client.get("/control-room/captions?limit=5&sort=startAt").json()
    assert len(rows["data"]) == 5 and rows["data"][0]["text"] == "One\ntwo" and rows["meta"]["nextCursor"]
    assert [row["text"] for row in director.client.get("/control-room/captions?search=more").json()["data"]] == ["more"]
    with clock.frozen(clock.now() + timedelta(days=91)):
        assert captions.purge() == 11 and not CaptionLine.objects.exists()


@database
def test_the_file_of_captions(studio, director):
    start, bridge = clock.now() - timedelta(minutes=5), studio.camera(started_at=clock.now() - timedelta(minutes=6))
    say = lambda text: director.client.post("/control-room/captions", {"text": text, "durationSeconds": 4})  # noqa: E731
    moments = {0: "before", 10: "a --> b & <i>c</i>", 20: "second\nline", 30: "after"}
    with clock.frozen(start - timedelta(seconds=1)):
        director.heartbeat()
    for second, text in moments.items():
        with clock.frozen(start + timedelta(seconds=second)):
            say(text)
        if second in (0, 20):
            with clock.frozen(start + timedelta(seconds=second + 5)):
                director.client.post("/control-room/cut", {"source": on(bridge) if second == 0 else "slate"})
    reply = director.client.get(f"/control-room/captions.vtt?from={clock.wire(start).replace('+', '%2B')}")
    assert reply.status_code == 200 and reply.headers["Content-Type"].startswith("text/vtt") and "attachment" in reply.headers["Content-Disposition"]
    text = reply.content.decode()
    assert [cue[2] for cue in parsed(text)] == list(moments.values()) and text.startswith("WEBVTT\n\n00:00:00.0")
    ours = parsed(director.client.get(f"/control-room/captions.vtt?sessionId={bridge.pk}").content.decode())
    assert [cue[2] for cue in ours] == ["a --> b & <i>c</i>", "second\nline"]
    assert 69_900 <= ours[0][0] <= 70_100  # from the session's start
    hidden = studio.camera("Hidden", workspace=make_workspace(roles=["CONSUMER"], OWNER=make_user("vtt-owner")))
    assert code(director.client.get(f"/control-room/captions.vtt?sessionId={hidden.pk}")) == (404, "not_found")
    for bad in ("from=yesterday", "sessionId=x", f"from={clock.wire(start)}&to={clock.wire(start)}"):
        assert director.client.get(f"/control-room/captions.vtt?{bad}").status_code == 400, bad
    assert code(studio.api(studio.user("auditor")).get("/control-room/captions.vtt")) == (403, "permission_denied")
    assert code(studio.api().get("/control-room/captions.vtt")) == (401, "not_authenticated")


def parsed(text: str) -> list[tuple[int, int, str]]:
    """A reader of WebVTT of its own: (from, to, text)."""
    head, *blocks = text.rstrip("\n").split("\n\n")
    assert head == "WEBVTT"
    found = []
    for block in blocks:
        times, *lines = block.split("\n")
        first, last_ = (sum(int(part) * scale for part, scale in zip(re.split("[:.]", stamp), (3_600_000, 60_000, 1000, 1), strict=True))
                        for stamp in times.split(" --> "))  # fmt: skip
        plain = "\n".join(lines)
        assert "<" not in plain and "-->" not in plain
        found.append((first, last_, plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))
    return found


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of the text
@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(0, 15_000), st.text("ab &<>-é\u2028;", min_size=1, max_size=20).filter(str.strip)), max_size=5
    )
)
def test_any_text_comes_back_equal(rows):
    cues = [vtt.Cue(first, first + long, text) for first, long, text in rows]
    read = parsed(vtt.document(cues))
    assert [text for *_, text in read] == [cue.text for cue in cues]
    assert all(last_ > first for first, last_, _ in read)


@pytest.mark.parametrize(("characters", "seconds"), [(1, 2), (50, 3), (100, 6), (240, 7)])
def test_how_long_a_line_stays(characters, seconds):
    assert states.caption_seconds("x" * characters) == pytest.approx(seconds)
