"""A page reads by HTTP and is told by its topic: what it shows is the newest of both, in whichever order they come."""

import re

from playwright.sync_api import expect

from tests.browser.hands import press_twice

IN_ORDER = """async () => {
  const { Answers } = await import('/static/js/answers.js');
  const answers = new Answers();
  const asked = () => { const it = Promise.withResolvers(); return { ...it, came: answers.next(it.promise) }; };
  const [first, second, third] = [asked(), asked(), asked()];
  second.resolve('second');
  const said = [await second.came];
  first.resolve('first');
  said.push(await first.came);
  third.reject(new Error('third failed'));
  said.push(await third.came.catch((error) => error.message));
  const late = asked();
  answers.overtake();
  late.resolve('late');
  said.push(await late.came);
  const next = asked();
  next.resolve('next');
  return [...said, await next.came];
}"""

FOLLOWED = """async () => {
  const { Followed } = await import('/static/js/answers.js');
  const rows = new Map();
  const shown = () => Object.fromEntries(rows);
  const followed = new Followed(
    (all) => { rows.clear(); for (const [id, word] of Object.entries(all)) rows.set(id, word); },
    (id, word) => { if (word) rows.set(id, word); else rows.delete(id); },
  );
  const said = [];
  const older = Promise.withResolvers();
  const reading = followed.read(older.promise);
  followed.told('a', 'capturing');
  followed.told('b', null);
  older.resolve({ a: 'claimed', b: 'claimed', c: 'claimed' });
  await reading;
  said.push(shown());
  const slow = Promise.withResolvers();
  const before = followed.read(slow.promise);
  followed.snapshot({ a: 'captured' });
  slow.resolve({ a: 'claimed' });
  await before;
  said.push(shown());
  await followed.read(Promise.reject(new Error('no answer'))).catch(() => {});
  followed.told('d', 'claimed');
  await followed.read(Promise.resolve({ a: 'stored' }));
  return [...said, shown()];
}"""


def test_of_two_answers_the_newer_counts_whichever_comes_last(page):
    page.goto("/")
    assert page.evaluate(IN_ORDER) == ["second", None, "third failed", None, "next"]


def test_what_was_told_while_an_answer_was_under_way_is_not_lost(page):
    page.goto("/")
    assert page.evaluate(FOLLOWED) == [{"a": "capturing", "c": "claimed"}, {"a": "captured"}, {"a": "stored"}]


def test_a_late_answer_of_the_claimed_job_does_not_take_back_that_it_captures(page, api):
    """The answer that is held here was true when the server gave it; the node goes on meanwhile, and tells so only once."""
    node = api.local_node()
    page.goto(f"/nodes/{node['id']}")
    expect(page.locator("#record")).not_to_have_attribute("aria-disabled", "true")
    held = []

    def hold(route):
        reply = route.fetch()
        rows = reply.json()
        # What an answer looks like that was read before the node began.
        for job in rows["data"]:
            job["phase"] = "claimed"
        held.append((route, rows))

    page.route(re.compile(r"/api/v1/recording-jobs\?"), hold)
    page.keyboard.press("r")
    now = page.locator("#now li")
    expect(now.locator(".phases .now")).to_have_text("Capturing")
    for route, rows in held:
        route.fulfill(json=rows)
    page.wait_for_timeout(300)
    expect(now.locator(".phases .now")).to_have_text("Capturing")
    assert held and any(rows["data"] for _, rows in held)
    page.unroute(re.compile(r"/api/v1/recording-jobs\?"))
    press_twice(now.get_by_role("button", name=re.compile("Stop")))
    expect(page.locator("#now-none")).to_be_visible()
