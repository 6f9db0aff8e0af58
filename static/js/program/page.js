// The program page: what is on program, the two lines and the captions over it. Nothing to press but the sound.

import { el, fill } from "../dom.js";
import { learn, serverNow } from "../now.js";
import { Feed } from "./feed.js";
import { Mix } from "./mix.js";
import { captionsNow, lowerNow } from "./overlay.js";
import { Stage } from "./stage.js";

const by = (name) => document.getElementById(name);
const token = location.pathname.split("/").filter(Boolean).at(-1);
const stage = new Stage([...document.querySelectorAll(".layer")], by("slate"));
const feed = new Feed(token);
const mix = new Mix();
let view = null;

function paintOver() {
  if (!view) return;
  const now = serverNow();
  const lower = lowerNow(view.lowerThird, now);
  by("lower").hidden = !lower;
  if (lower) fill(by("lower"), { title: lower.title, subtitle: lower.subtitle || null });
  const lines = captionsNow(view.captions, now);
  const key = lines.map((line) => line.id ?? line.text).join(" ");
  const box = by("captions");
  if (box.dataset.is === key) return;
  box.dataset.is = key;
  box.replaceChildren(...lines.map((line) => el("span", {}, line.text)));
}

/** Gain and mute of what is seen: with the old picture stays the old sound. */
function paintMix() {
  if (stage.shown === "slate") mix.set({ gainDb: 0, muted: true });
  else if (stage.shown === view.program.source) mix.set(view.mix);
}

/** Ends are acted on by the house's time, which a viewer's clock may not know. The link's own end is told here as well. */
async function askTheTime() {
  try {
    const reply = await fetch(`${location.pathname.replace(/\/$/, "")}/state`, { cache: "no-store" });
    if (reply.headers.get("Date")) learn(reply.headers.get("Date"));
    if (reply.status === 404 || reply.status === 410) feed.end(reply.status === 404 ? 4404 : 4401);
  } catch (error) {
    // Without a network the socket says it, and comes back by itself.
    if (!(error instanceof TypeError)) throw error;
  }
}

feed.addEventListener("view", ({ detail }) => {
  view = detail;
  fill(by("slate"), { title: view.slate.title, subtitle: view.slate.subtitle || null });
  stage.show(view.program.source, view.media);
  paintMix();
  paintOver();
});
feed.addEventListener("notice", ({ detail }) => {
  by("notice").hidden = !detail;
  by("notice").textContent = detail;
});
stage.addEventListener("shown", ({ detail }) => {
  stage.shown = detail.source;
  by("stage").dataset.shown = detail.source;
  if (detail.video) mix.follow(detail.video);
  if (view) paintMix();
});
stage.addEventListener("renew", () => feed.renew());

const unmute = by("unmute");
unmute.hidden = false;
unmute.addEventListener("click", async () => {
  await mix.listen(true);
  unmute.hidden = true;
});

// A page that was put to sleep has a clock of its own making: it draws at once when it is seen again.
setInterval(paintOver, 100);
document.addEventListener("visibilitychange", paintOver);
feed.start();
askTheTime();
