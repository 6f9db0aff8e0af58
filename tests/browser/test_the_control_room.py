"""The control room's screen and the page of an invite link: who is here, locks, asks, and what a browser makes of the room's changes."""

import random
import re

import pytest
from playwright.sync_api import expect

from tests.browser.hands import press_twice, rest_on
from tests.browser.room import Room
from tests.browser.test_every_screen_is_accessible import violations

SUBSYSTEMS = ("switching", "audio", "graphics", "replay", "output", "captions")
# What the page's own store holds, without what no change tells.
STATE = """async () => {
  const { room } = await import('/static/js/room/store.js');
  return room.state;
}"""
REACHED = """async (seq) => {
  const { room } = await import('/static/js/room/store.js');
  return room.state && room.state.seq >= seq;
}"""
REDUCER = """async ([state, change]) => {
  const { reduce } = await import('/static/js/room/reduce.js');
  const first = reduce(state, change);
  return { first, again: reduce(first.state, change), old: reduce(first.state, { ...change, seq: 1 }), hole: reduce(first.state, { ...change, seq: change.seq + 2 }), whole: first.state };
}"""


TAKEN = """async (state) => {
  const { guesses, seen } = await import('/static/js/room/reduce.js');
  const { program, preview } = state;
  const guess = { parts: guesses.take(preview.source, program.source) };
  const done = { ...state, program: { ...program, source: preview.source }, preview: { ...preview, source: program.source } };
  return [state, done].map((known) => { const { program, preview } = seen(known, [guess]); return [program.source, preview.source]; });
}"""


@pytest.fixture
def production(room, api):
    made = Room(room.origin, api)
    yield made
    made.enter()
    made.clear()


@pytest.fixture
def desk(production, new_page):
    """The director's page."""
    page = new_page()
    page.goto("/control-room")
    expect(page.locator("#locks li")).to_have_count(6)
    expect(page.locator("#locks").get_by_role("button", name="Lock switching")).to_be_enabled()
    return page


def plain(state: dict) -> dict:
    """A state but for what every reading says anew."""
    people = [{key: value for key, value in row.items() if key != "lastSeenAt"} for row in state["operators"]]
    return {**state, "at": None, "operators": sorted(people, key=lambda row: row["id"])}


def test_a_take_shows_the_same_before_and_after_its_change_has_come(desk):
    """The change may come by the socket while the request still waits for its answer: a swap would be swapped back."""
    state = {**desk.evaluate(STATE), "program": {"source": "slate"}, "preview": {"source": "replay"}}
    assert desk.evaluate(TAKEN, state) == [["replay", "slate"], ["replay", "slate"]]


def test_what_the_page_folds_is_what_the_server_has(production, desk):
    chance = random.Random(20260131)
    people = [production.guest(role) for role in ("director", "director", "audio", "captioner", "graphics")]
    asks: list[tuple] = []

    def command():
        who, subsystem = chance.choice(people), chance.choice(SUBSYSTEMS)
        match chance.randrange(14):
            case 0 | 1 | 2:
                return who.send("POST", "/operator/lock", {"subsystem": subsystem, "reason": f"take {chance.randrange(9)}"})
            case 3:
                return who.send("POST", "/operator/unlock", {"subsystem": subsystem})
            case 4:
                return who.send("POST", "/operator/force-unlock", {"subsystem": subsystem})
            case 5 | 6:
                reply = who.send("POST", "/operator/handovers", {"subsystem": subsystem})
                if reply.status_code == 201:
                    asks.append(reply.json()["data"])
                return reply
            case 7:
                return who.send("POST", "/control-room/audio/gain", {"source": "replay", "gainDb": chance.randrange(-600, 121) / 10})
            case 8:
                return who.send("POST", "/control-room/audio/mute", {"source": "replay", "muted": chance.random() < 0.5})
            case 9:
                return who.send("POST", "/control-room/lower-third/show", {"title": f"Name {chance.randrange(9)}"})
            case 10:
                return who.send("POST", f"/control-room/{chance.choice(['lower-third/hide', 'captions/clear', 'take', 'cut'])}", {})
            case 11:
                return who.send("PUT", "/control-room/slate", {"title": f"Back at {chance.randrange(9)}", "subtitle": "Stay"})
            case 12:
                return who.send("POST", "/control-room/captions", {"text": f"Line {chance.randrange(99)}", "durationSeconds": 15})
            case _:
                if not asks:
                    return who.send("POST", "/operator/heartbeat", {})
                ask = asks.pop()
                holder = next((person for person in people if person.id == ask["from"]["id"]), who)
                return holder.send("POST", f"/operator/handovers/{ask['id']}/{chance.choice(['yield', 'refuse'])}", {})

    begun = production.state()["seq"]
    answers = [command().status_code for _ in range(120)]
    people.append(production.guest("viewer"))
    production.api.http.delete(f"/operator/{people.pop(0).id}")
    for _ in range(5):
        server = production.state()
        desk.wait_for_function(REACHED, arg=server["seq"])
        page = desk.evaluate(STATE)
        # Captions end by themselves: then the page is one change ahead.
        if page["seq"] == server["seq"]:
            break
    assert server["seq"] > begun + 25 and max(answers) < 500
    assert plain(page) == plain(server)

    change = {"seq": server["seq"] + 1, "event": "lock.released", "at": server["at"], "by": {"kind": "system", "id": None, "name": "Tallyroom"}}
    told = desk.evaluate(REDUCER, [server, {**change, "data": {"subsystem": "audio", "holder": {}, "cause": "stale", "reason": None}}])
    assert told["whole"]["seq"] == server["seq"] + 1 and "audio" not in told["whole"]["locks"]
    # The same again and an older one change nothing; a hole is told, and nothing is guessed.
    assert told["again"] == {"state": told["whole"], "gap": False} == told["old"]
    assert told["hole"] == {"state": told["whole"], "gap": True}


def test_a_lock_is_seen_by_the_others_and_handed_over(production, desk, new_page, watch):
    watch.expected |= {401, 403, 409}
    guest = new_page(sign_in_as=None)
    guest.goto(production.invite("graphics", label="Dana"))
    expect(guest.locator("[data-f=role]")).to_have_text("graphics")
    expect(guest.get_by_label("Your name")).to_have_value("Dana")
    guest.get_by_role("button", name="Come in").click()
    guest.wait_for_url("**/control-room")
    expect(guest.locator("#operators")).to_contain_text("Dana")
    # A guest sees the room and nothing around it.
    expect(guest.locator("nav a")).to_have_count(1)

    desk.get_by_role("button", name="Lock graphics").click()
    row = guest.locator("#locks [data-key=graphics]")
    expect(row).to_contain_text("Alice")
    expect(desk.locator("#locks li.mine")).to_contain_text("Graphics")
    # What the role doesn't command is dashed and says so.
    refused = guest.get_by_role("button", name="Lock switching")
    expect(refused).to_have_attribute("aria-disabled", "true")
    rest_on(refused)
    expect(refused.locator("xpath=following-sibling::*[@role='tooltip']")).to_contain_text("Your role here is graphics")

    row.get_by_role("button", name="Ask for graphics").click()
    guest.get_by_label(re.compile("^What for")).fill("Sponsor strap")
    guest.get_by_role("button", name="Ask Alice").click()
    prompt = desk.get_by_role("alert").filter(has_text="Dana asks for graphics")
    expect(prompt).to_contain_text("Sponsor strap")
    expect(prompt).to_contain_text(re.compile(r"(2\d|30) s"))
    assert violations(desk) == []
    prompt.get_by_role("button", name="Hand over").click()
    expect(guest.locator("#locks li.mine")).to_contain_text("Graphics")
    expect(desk.locator("#locks [data-key=graphics]")).to_contain_text("Dana")

    # A director removes somebody: their browser is out at once, and says what now.
    person = desk.locator("#operators li", has_text="Dana")
    person.hover()
    press_twice(person.get_by_role("button", name="Remove Dana"))
    guest.wait_for_url("**/join")
    expect(guest.get_by_role("heading")).to_have_text("You need an invite link")
    expect(desk.locator("#locks [data-key=graphics]")).to_contain_text("Free")


def test_leaving_and_coming_back_with_one_click(production, desk):
    press_twice(desk.get_by_role("button", name="Leave"))
    expect(desk.locator("#enter")).to_contain_text("You are watching")
    expect(desk.get_by_role("button", name="Lock switching")).to_have_attribute("aria-disabled", "true")
    desk.get_by_label("Your name here").fill("Alice")
    desk.locator("#enter").get_by_label("Role").select_option("director")
    desk.get_by_role("button", name="Come in").click()
    expect(desk.locator("#enter")).to_be_hidden()
    press_twice(desk.get_by_role("button", name="Leave"))
    desk.get_by_role("button", name="Back in as Alice, director").click()
    expect(desk.locator("#operators")).to_contain_text("Alice")
    expect(desk.locator("#enter")).to_be_hidden()


def test_links_for_roles_and_for_one_person(production, desk, new_page, watch):
    watch.expected |= {403}
    desk.get_by_role("button", name="Invite").click()
    dialog = desk.locator("#invites")
    dialog.get_by_role("button", name="Make a link for viewer").click()
    copied = dialog.get_by_role("button", name="Copy the link for viewer")
    expect(copied).to_be_visible()
    dialog.get_by_label("For whom").fill("Ilze")
    dialog.get_by_label("Role").select_option("captioner")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.locator("pre")).not_to_be_empty()
    link = dialog.locator("pre").inner_text()
    assert re.fullmatch(rf"{production.origin}/join#tr_inv_\w+", link)
    assert violations(desk) == []
    expect(dialog.locator("#fresh-words")).to_contain_text("one person")
    dialog.get_by_label("For whom").fill("The crew")
    dialog.get_by_label("How many").fill("2")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.locator("#fresh-words")).to_contain_text("2 people")
    expect(dialog.get_by_label("How many")).to_have_value("1")
    line = dialog.locator("#role-links li", has_text="viewer")
    line.get_by_role("button", name="Revoke").click()
    line.get_by_role("button", name="Revoke now").click()
    expect(dialog.get_by_role("button", name="Make a link for viewer")).to_be_visible()

    first, second = new_page(sign_in_as=None), new_page(sign_in_as=None)
    for page in (first, second):
        page.goto(link)
        expect(page.get_by_label("Your name")).to_have_value("Ilze")
    first.get_by_role("button", name="Come in").click()
    first.wait_for_url("**/control-room")
    second.get_by_role("button", name="Come in").click()
    expect(second.get_by_role("heading")).to_have_text("This invite is used up")
    second.goto(f"{production.origin}/join#tr_inv_wrong")
    expect(second.get_by_role("heading")).to_have_text("This is no invite of this control room")
    expect(second.get_by_role("link", name="Sign in with an account")).to_be_visible()


def test_keys_pressed_in_a_row_act_in_that_order(production, desk):
    held, cuts = [], []
    desk.route("**/control-room/preview", lambda route: held.append(route))
    desk.on("request", lambda request: cuts.append(request) if request.url.endswith("/control-room/cut") else None)
    with desk.expect_request("**/control-room/preview"):
        desk.keyboard.press("0")
    desk.keyboard.press("Enter")
    desk.wait_for_timeout(300)
    assert held and not cuts
    with desk.expect_response("**/control-room/cut") as reply:
        held[0].continue_()
    # What was seen on preview is what is asked for.
    assert reply.value.ok and cuts[0].post_data_json == {"source": "slate"}


def test_a_recording_is_started_with_r_by_whom_the_output_is_for(production, desk, new_page, api, watch):
    watch.expected |= {401, 403, 409}
    desk.keyboard.press("r")
    dialog = desk.locator("#start")
    expect(dialog.get_by_label("On", exact=True)).not_to_have_value("")
    dialog.get_by_label("Name").fill("From the desk")
    assert violations(desk) == []
    dialog.get_by_role("button", name="Record").click()
    expect(dialog).to_be_hidden()
    expect(desk.locator("#p-output [data-count=recording]")).to_contain_text("REC")
    made = next(row for row in api.get("/recordings", search="From the desk"))
    api.post(f"/recordings/{made['id']}/stop", {})

    # Whose role starts none is told so; so is whoever comes while another holds the output.
    captioner = new_page(sign_in_as=None)
    captioner.goto(production.invite("captioner"))
    captioner.get_by_label("Your name").fill("Chidi")
    captioner.get_by_role("button", name="Come in").click()
    captioner.wait_for_url("**/control-room")
    refused = captioner.locator("#record-open")
    expect(refused).to_have_attribute("aria-disabled", "true")
    captioner.keyboard.press("r")
    expect(captioner.locator("#start")).to_be_hidden()
    other = production.guest("director", "Emma")
    assert other.send("POST", "/operator/lock", {"subsystem": "output"}).status_code == 200
    opener = desk.locator("#record-open")
    expect(opener).to_have_attribute("aria-disabled", "true")
    rest_on(opener)
    expect(opener.locator("xpath=following-sibling::*[@role='tooltip']")).to_contain_text("Emma holds output")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_page_of_a_link_has_no_violation(production, new_page, theme):
    page = new_page(sign_in_as=None, color_scheme=theme)
    page.goto(production.invite("captioner"))
    page.get_by_label("Your name").wait_for()
    assert violations(page) == []
