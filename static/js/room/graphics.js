// Lower third and slate: two lines each. What is typed stays until it is shown or saved; kept pairs wait for their moment in this browser.

import { allow } from "../actions.js";
import { $, el, fill, icon, keyed } from "../dom.js";
import { markErrors } from "../forms.js";
import { serverNow } from "../now.js";
import { lowerNow } from "../program/overlay.js";
import { room } from "./store.js";
import { may } from "./switching.js";

const KEPT = "tr-lower-thirds";
const by = (name) => document.getElementById(name);
const lower = by("lower-form");
const slate = by("slate-form");

/** A form that follows the server until somebody types into it, and again once it was sent. */
function follow(form, values) {
  const now = `${values.title}\n${values.subtitle}`;
  if (form.dataset.dirty || form.dataset.is === now) return;
  form.dataset.is = now;
  form.elements.title.value = values.title;
  form.elements.subtitle.value = values.subtitle;
}
for (const form of [lower, slate]) form.addEventListener("input", ({ target }) => { if (target.matches("input")) form.dataset.dirty = "1"; });

const typed = (form) => ({ title: form.elements.title.value.trim(), subtitle: form.elements.subtitle.value.trim() });

function refuse(form, sentence) {
  markErrors(form, sentence ? { title: sentence } : {});
}

async function send(form, what, method, path, body) {
  const done = await room.command(what, method, path, body);
  if (done) {
    delete form.dataset.dirty;
    refuse(form, "");
  }
  return done;
}

async function showLower(body) {
  if (!may("graphics", "lowerThirdShow")) return;
  const seconds = Number(lower.elements.durationSeconds.value);
  await send(lower, "The lower third was not shown", "POST", "/control-room/lower-third/show", { ...body, ...(seconds ? { durationSeconds: seconds } : {}) });
}

lower.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = typed(lower);
  if (body.title) showLower(body);
  else refuse(lower, "A lower third needs a title.");
});
by("lt-hide").addEventListener("click", () => { if (may("graphics", "lowerThirdHide")) room.command("The lower third was not hidden", "POST", "/control-room/lower-third/hide", {}); });
slate.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = typed(slate);
  if (!body.title) refuse(slate, "A slate needs a title.");
  else if (may("graphics", "slate")) send(slate, "The slate did not change", "PUT", "/control-room/slate", body);
});

/* Kept for later */

let kept = JSON.parse(localStorage.getItem(KEPT) || "[]");

function keep(next) {
  kept = next.slice(0, 12);
  localStorage.setItem(KEPT, JSON.stringify(kept));
  paintKept();
}

by("lt-keep").addEventListener("click", () => {
  const pair = typed(lower);
  if (!pair.title) refuse(lower, "Write the two lines first.");
  else if (!kept.some((k) => k.title === pair.title && k.subtitle === pair.subtitle)) keep([...kept, pair]);
});

function keptRow(pair) {
  return el(
    "li", {}, el("span", { class: "ell keep" }, pair.title), el("span", { class: "t3 sm ell grow" }, pair.subtitle),
    el("button", { class: "btn s", type: "button", "aria-label": `Show: ${pair.title}`, "data-show": true, onclick: () => showLower(pair) }, "Show"),
    el("button", { class: "btn quiet sq s", type: "button", "aria-label": `Forget: ${pair.title}`, onclick: () => keep(kept.filter((k) => k !== pair)) }, icon("x", "i-s")),
  );
}

function paintKept() {
  const list = by("lt-kept");
  list.hidden = !kept.length;
  keyed(list, kept, (k) => `${k.title}\n${k.subtitle}`, keptRow, (li) => {
    const why = room.me ? room.why("graphics", null) : room.barred("graphics");
    allow($("[data-show]", li), !why, why);
  });
}

export function paintGraphics() {
  const { lowerThird } = room.view;
  follow(lower, lowerThird);
  follow(slate, room.view.slate);
  const why = room.why("graphics", null);
  for (const id of ["lt-show", "sl-save"]) allow(by(id), !why, why);
  allow(by("lt-hide"), !why && lowerThird.visible, why || "Nothing is shown.");
  paintKept();
  paintShown();
}

function paintShown() {
  const shown = lowerNow(room.view.lowerThird, serverNow());
  const left = shown?.hideAt ? Math.ceil((new Date(shown.hideAt).getTime() - serverNow()) / 1000) : null;
  $('[data-f="shown"]', by("p-lower")).hidden = !shown;
  fill(by("p-lower"), { hides: left === null ? "until it is hidden" : `hides in ${left} s` });
}
setInterval(() => { if (room.state?.lowerThird && !document.hidden) paintShown(); }, 250);
