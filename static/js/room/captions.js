// Captions: one line at a time, sent by Enter; what was said lately stands above.

import { get } from "../api.js";
import { allow } from "../actions.js";
import { complain, el, fill, icon, keyed } from "../dom.js";
import { markErrors } from "../forms.js";
import { time, utc } from "../format.js";
import { serverNow } from "../now.js";
import { captionsNow } from "../program/overlay.js";
import { room } from "./store.js";
import { may } from "./switching.js";

const SHOWN = 3;
const MOST = 240;
const by = (name) => document.getElementById(name);
const form = by("cc-form");
const field = by("cc-text");
let lines = new Map();
let asked = false;

async function readLines() {
  asked = true;
  try {
    for (const line of (await get("/control-room/captions", { limit: SHOWN, sort: "-startAt" })).data) lines.set(line.id, line);
    paintLines();
  } catch (error) {
    if (error.status !== 404 && error.status !== 400) complain("The captions could not be read", error);
  }
}

function create(line) {
  return el("li", {}, el("time", { class: "num", datetime: line.startAt, title: utc(line.startAt) }, time(line.startAt)), el("span", { "data-f": "text" }));
}

function paintLines() {
  const shown = new Set(captionsNow(room.view.captions, serverNow()).map((line) => line.id));
  const recent = [...lines.values()].sort((a, b) => new Date(a.startAt) - new Date(b.startAt)).slice(-SHOWN);
  lines = new Map(recent.map((line) => [line.id, line]));
  keyed(by("cc-lines"), recent, (line) => line.id, create, (li, line) => {
    fill(li, { text: line.text });
    li.className = shown.has(line.id) ? "b" : "t2";
  });
  by("cc-none").hidden = recent.length > 0;
}

export function paintCaptions() {
  for (const line of room.view.captions) lines.set(line.id, line);
  if (!asked) readLines();
  paintLines();
  const why = room.why("captions", null);
  field.disabled = Boolean(why);
  const holder = room.view.locks.captions?.holder;
  field.placeholder = why && holder && holder.id !== room.me?.id ? `${holder.name} writes the captions` : "";
  const reason = by("cc-why");
  reason.hidden = !why;
  if (reason.dataset.is !== why) {
    reason.dataset.is = why;
    reason.replaceChildren(icon("lock", "i-s"), why);
  }
  if (why) field.setAttribute("aria-describedby", "cc-why");
  else if (field.getAttribute("aria-describedby") === "cc-why") field.removeAttribute("aria-describedby");
  by("cc-send").hidden = Boolean(why);
  allow(by("cc-send"), !why, why);
  allow(by("cc-clear"), !why && room.view.captions.length > 0, why || "Nothing is shown.");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const line = field.value.trim();
  if (!line || !may("captions", "caption")) return;
  markErrors(form, {});
  field.value = "";
  left();
  // The next line can be typed while this one is on its way; a refused one comes back if nothing was typed since.
  const done = await room.command("The line was not sent", "POST", "/control-room/captions", { text: line });
  if (!done && !field.value) field.value = line;
});
const left = () => fill(form, { left: field.value.length > MOST - 60 ? `${MOST - field.value.length} left` : null });
field.addEventListener("input", left);
field.addEventListener("keydown", (event) => { if (event.key === "Escape") field.blur(); });
by("cc-clear").addEventListener("click", () => { if (may("captions", "captionsClear")) room.command("The captions were not cleared", "POST", "/control-room/captions/clear", {}); });
setInterval(() => { if (room.state?.captions?.length && !document.hidden) paintLines(); }, 500);
