// The six locks, asking for one, and the asks that wait for this person's answer.

import { ApiError, call, post } from "../api.js";
import { allow } from "../actions.js";
import { $, arm, complain, el, fill, icon, keyed, setAttr, text, toast } from "../dom.js";
import { onSubmit } from "../forms.js";
import { hm, initials, utc } from "../format.js";
import { serverNow } from "../now.js";
import { SUBSYSTEMS, room } from "./store.js";
import { capital } from "./words.js";

const list = document.getElementById("locks");
const asks = document.getElementById("asks");
const dialog = document.getElementById("ask");
const form = document.getElementById("ask-form");
let asked = null;

const secondsTo = (iso) => Math.max(0, Math.ceil((new Date(iso).getTime() - serverNow()) / 1000));
const openAsk = (subsystem) => room.view.handovers.find((h) => h.subsystem === subsystem && secondsTo(h.expiresAt) > 0);

async function act(what, path, body, method = "POST") {
  try {
    await call(method, path, { body });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    complain(what, error);
    // A lock that went while this page was silent is told by its change; the rest by asking again.
    room.actionsSoon();
  }
}

/** Why one can't lock or ask for it: the role. */
function unfit(subsystem) {
  if (!room.me) return room.barred(subsystem);
  return room.mine.commands.includes(subsystem) ? "" : `Your role here is ${room.me.role}; it doesn’t command ${subsystem}.`;
}

function press(subsystem) {
  const lock = room.view.locks[subsystem];
  const open = openAsk(subsystem);
  if (!lock) act(`${capital(subsystem)} was not locked`, "/operator/lock", { subsystem });
  else if (lock.holder.id === room.me?.id) act(`${capital(subsystem)} was not let go`, "/operator/unlock", { subsystem });
  else if (open && open.to.id === room.me?.id) act("The ask was not withdrawn", `/operator/handovers/${open.id}`, undefined, "DELETE");
  else showAsk(subsystem, lock, open);
}

function row(subsystem) {
  const li = el("li", { class: "lock" }, el("span", { class: "gl" }), el("span", { class: "b" }, capital(subsystem)), el("span", { class: "who row" }), el("button", { class: "btn s", type: "button", onclick: () => press(subsystem) }));
  return li;
}

function paintRow(li, subsystem) {
  const lock = room.view.locks[subsystem];
  const mine = Boolean(lock) && lock.holder.id === room.me?.id;
  const open = lock && openAsk(subsystem);
  const byMe = open && open.to.id === room.me?.id;
  li.className = `lock ${mine ? "mine" : lock ? "" : "free"}`;
  const glyph = lock ? "lock" : "unlock";
  const gl = $(".gl", li);
  if (gl.dataset.is !== glyph) {
    gl.dataset.is = glyph;
    gl.replaceChildren(icon(glyph));
  }
  paintHolder($(".who", li), lock, mine, byMe ? `asked, ${secondsTo(open.expiresAt)} s` : null);
  const button = $("button", li);
  const word = !lock ? "Lock" : mine ? "Release" : byMe ? "Withdraw" : "Ask";
  text(button, word);
  button.classList.toggle("quiet", Boolean(lock));
  setAttr(button, "aria-label", `${word}${word === "Ask" ? " for" : ""} ${subsystem}`);
  setAttr(button, "aria-haspopup", word === "Ask" ? "dialog" : null);
  allow(button, mine || byMe || !unfit(subsystem), unfit(subsystem));
}

function paintHolder(who, lock, mine, asking) {
  const name = mine ? "You" : lock?.holder.name;
  const key = lock ? `${name}|${lock.acquiredAt}|${asking || ""}` : "free";
  if (who.dataset.key === key) return;
  who.dataset.key = key;
  if (!lock) who.replaceChildren(el("span", {}, "Free"));
  else who.replaceChildren(
    el("span", { class: "av s", "aria-hidden": "true" }, initials(lock.holder.name)), el("span", { class: "ell", title: lock.reason ? `${name}: ${lock.reason}` : name }, name),
    asking ? el("span", { class: "t3 sm push nw num" }, asking) : el("time", { class: "t3 sm push nw num", datetime: lock.acquiredAt, title: utc(lock.acquiredAt) }, hm(lock.acquiredAt)),
  );
}

/* Asking */

function showAsk(subsystem, lock, open) {
  asked = subsystem;
  form.reset();
  $("[role=alert]", form).hidden = true;
  const taken = open ? ` ${open.to.name} has asked already; one ask at a time.` : "";
  fill(dialog, { title: `Ask ${lock.holder.name} for ${subsystem}`, words: `${lock.holder.name} has 30 seconds to hand it over. Without an answer it stays where it is.${taken}`, go: `Ask ${lock.holder.name}` });
  allow($("[type=submit]", form), !open, `${open?.to.name} has asked already.`);
  document.getElementById("force").hidden = !room.director;
  dialog.showModal();
  $("input", form).focus();
}

onSubmit(form, async ({ note }) => {
  const { data } = await post("/operator/handovers", { subsystem: asked, ...(note.value.trim() ? { note: note.value.trim() } : {}) });
  dialog.close();
  toast(`${data.from.name} is asked for ${asked}`, "30 seconds to answer.");
});
arm(document.getElementById("force"), async () => {
  const reason = form.note.value.trim();
  dialog.close();
  await act(`${capital(asked)} was not freed`, "/operator/force-unlock", { subsystem: asked, ...(reason ? { reason } : {}) });
});

/* Answering */

function createAsk(handover) {
  const answer = (verb) => act("The answer did not arrive", `/operator/handovers/${handover.id}/${verb}`, {});
  return el(
    "div", { class: "ask", role: "alert" }, el("span", { class: "av s", "aria-hidden": "true" }, initials(handover.to.name)),
    el("p", {}, el("b", {}, `${handover.to.name} asks for ${handover.subsystem}`), " ", el("span", { class: "t3 num", "aria-hidden": "true", "data-f": "left" }), handover.note ? [el("br"), el("span", { class: "t2 sm" }, `“${handover.note}”`)] : null),
    el("span"), el("div", { class: "row g1" }, el("button", { class: "btn s primary", type: "button", onclick: () => answer("yield") }, "Hand over"), el("button", { class: "btn s", type: "button", onclick: () => answer("refuse") }, "Keep it")),
  );
}

function paintAsks() {
  const mine = room.view.handovers.filter((h) => h.from.id === room.me?.id && secondsTo(h.expiresAt) > 0);
  keyed(asks, mine, (h) => h.id, createAsk, (node, h) => fill(node, { left: `${secondsTo(h.expiresAt)} s` }));
}

/* Chips on the panels that a lock guards */

function paintChips() {
  for (const place of document.querySelectorAll("[data-chip]")) {
    const lock = room.view.locks[place.dataset.chip];
    const mine = lock && lock.holder.id === room.me?.id;
    const words = !lock ? "Free" : mine ? "You" : lock.holder.name;
    if (place.dataset.is === words) continue;
    place.dataset.is = words;
    place.replaceChildren(el("span", { class: `lockchip ${mine ? "mine" : lock ? "" : "free"}`, title: lock ? `${words} ${mine ? "hold" : "holds"} ${place.dataset.chip}` : `Nobody holds ${place.dataset.chip}: whoever may can command it` }, icon(lock ? "lock" : "unlock", "i-s"), words));
  }
}

export function paintLocks() {
  keyed(list, SUBSYSTEMS, (name) => name, row, paintRow);
  paintAsks();
  paintChips();
}

setInterval(() => {
  if (!room.state?.handovers.length) return;
  for (const li of list.children) paintRow(li, li.dataset.key);
  paintAsks();
}, 500);
