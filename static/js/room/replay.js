// Replay: marks on the source that is looked at, clips, and the one channel that plays them.

import { Answers } from "../answers.js";
import { ApiError, get } from "../api.js";
import { allow } from "../actions.js";
import { $, $$, complain, debounce, el, fill, icon, keyed, press, setAttr, toast } from "../dom.js";
import { time } from "../format.js";
import { serverNow } from "../now.js";
import { room } from "./store.js";
import { may } from "./switching.js";
import { label, sessionOf } from "./words.js";

const CLIPS = 8;
const by = (name) => document.getElementById(name);
const box = by("p-replay");
const reads = new Answers();
let clips = [];
let asked = false;
let mark = null;
let rate = 1;
let told = null;

/** What marks are about: the camera on preview, else the one on program. */
const looked = () => sessionOf(room.view.preview.source) || sessionOf(room.view.program.source);
const named = (session) => label(`session:${session}`, room.view.sources);
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/* Clips */

/** Whether this control room has a replay: its commands are then among the actions. */
const offered = () => Object.values(room.actions || {}).some((action) => action.href.includes("/replay/"));

async function readClips() {
  asked = true;
  try {
    const answer = await reads.next(get("/replay-clips", { sort: "-createdAt", limit: CLIPS }));
    if (!answer) return;
    clips = answer.data;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    clips = [];
  }
  paintClips();
  // A clip is cut a few seconds after its out point.
  if (clips.some((clip) => !["ready", "failed"].includes(clip.status))) clipsSoon();
}
const clipsSoon = debounce(readClips, 1500);

function createClip(clip) {
  return el("li", {}, el("span", { class: "ell keep", "data-f": "name" }), el("span", { class: "t3 sm num grow ell", "data-f": "what" }), el("button", { class: "btn s", type: "button", onclick: () => load(clip.id) }, "Load"));
}

function updateClip(li, clip) {
  const what = clip.status === "ready" ? seconds(clip.durationMs ?? 0) : clip.status === "failed" ? "could not be cut" : "is being cut";
  fill(li, { name: clip.name || time(clip.createdAt), what: [what, clip.sessionLabel || ""].filter(Boolean).join(", ") });
  const button = $("button", li);
  setAttr(button, "aria-label", `Load: ${clip.name || time(clip.createdAt)}`);
  const why = room.why("replay", null) || (clip.status === "ready" ? "" : clip.status === "failed" ? "This clip could not be cut." : "It is still being cut, a few seconds more.");
  allow(button, !why, why);
}

function paintClips() {
  if (!room.state) return;
  by("rp-clips").hidden = !clips.length;
  keyed(by("rp-clips"), clips, (clip) => clip.id, createClip, updateClip);
}

/* Transport */

const transport = (what, verb, body = {}) => room.command(what, "POST", `/control-room/replay/${verb}`, body);
/** A clip is loaded at full speed unless another is chosen. */
const load = (clipId) => { if (may("replay", null)) transport("The clip was not loaded", "play", { clipId, ...(rate === 1 ? {} : { rate }) }); };

export function playPause() {
  const { replay } = room.view;
  if (!may("replay", null)) return;
  if (replay.state === "empty") toast("No clip is loaded", "Load one under Replay.");
  else if (replay.state === "playing") transport("The replay goes on", "pause");
  else transport("The replay did not start", "play", { ...(replay.state === "ended" ? { fromMs: 0 } : {}), ...(rate === replay.rate ? {} : { rate }) });
}

/* Marks */

async function marked(what, method, path, body, query) {
  try {
    const { data } = await room.inOrder(method, path, { body, query });
    asked = false;
    clipsSoon();
    return data ?? {};
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // Somebody's in point stands already: it is this page's to end or to drop as well.
    if (error.code === "mark_open") mark = { sessionId: body.sessionId, at: null };
    if (error.code === "no_open_mark") mark = null;
    complain(what, error);
    paintReplay();
    return null;
  }
}

export async function markIn() {
  const sessionId = looked();
  if (!may("replay", "replayMarkIn")) return;
  if (!sessionId) {
    toast("Nothing to mark", "Put a camera on preview first.");
    return;
  }
  const at = new Date(serverNow()).toISOString();
  if (await marked("No in point", "POST", "/control-room/replay/mark-in", { sessionId, at })) mark = { sessionId, at };
  paintReplay();
}

async function dropMark() {
  if (await marked("The mark stands", "DELETE", "/control-room/replay/mark", undefined, { sessionId: mark.sessionId })) mark = null;
  paintReplay();
}

export async function markOut() {
  if (!may("replay", null)) return;
  const sessionId = mark?.sessionId || looked();
  if (!sessionId) return;
  const done = await marked("No clip", "POST", "/control-room/replay/mark-out", { sessionId, at: new Date(serverNow()).toISOString() });
  if (done) {
    mark = null;
    toast("Clip marked", `From ${named(sessionId)}. It can be loaded in a few seconds.`);
  }
  paintReplay();
}

async function quick() {
  const sessionId = looked();
  if (!sessionId || !may("replay", null)) return;
  if (await marked("No clip", "POST", "/control-room/replay/quick", { sessionId, lastSeconds: 10 })) toast("The last ten seconds", `From ${named(sessionId)}. They can be loaded in a moment.`);
}

/* Painting */

export function paintReplay() {
  const { replay, program } = room.view;
  if (!asked && offered()) readClips();
  const { clip } = replay;
  const why = room.why("replay", null);
  fill(box, { clip: clip ? clip.name || "Clip" : "No clip is loaded", what: clip ? [clip.sessionId ? named(clip.sessionId) : "", seconds(clip.durationMs)].filter(Boolean).join(", ") : "Mark in and out while a camera runs, or take its last ten seconds." });
  $('[data-f="on"]', box).hidden = program.source !== "replay";
  const play = by("rp-play");
  const running = replay.state === "playing";
  if (play.dataset.is !== String(running)) {
    play.dataset.is = String(running);
    play.replaceChildren(icon(running ? "pause" : "play"));
    setAttr(play, "aria-label", running ? "Pause" : "Play");
  }
  const empty = replay.state === "empty" ? "No clip is loaded." : "";
  allow(play, !why && !empty, why || empty);
  allow(by("rp-stop"), !why && !empty, why || empty);
  // The room's speed counts when it changes; one that was chosen here for the next play stays until then.
  if (clip && replay.rate !== told) told = rate = replay.rate;
  press(by("rp-rate"), (b) => Number(b.dataset.rate) === rate);
  paintMarks(why);
  paintClips();
  paintPosition();
}

function paintMarks(why) {
  const session = looked();
  const nothing = session ? "" : "Put a camera on preview or program first.";
  allow(by("rp-in"), !why && !nothing, why || nothing);
  allow(by("rp-quick"), !why && !nothing, why || nothing);
  allow(by("rp-out"), !why && Boolean(mark), why || "Mark an in point first: press I while the source plays.");
  by("rp-drop").hidden = !mark || Boolean(why);
  fill(box, { mark: mark ? `${mark.at ? `In at ${time(mark.at)}` : "An in point stands"} on ${named(mark.sessionId)}` : null });
}

function paintPosition() {
  const { replay } = room.view;
  const at = replay.state === "playing" && replay.startedAt ? replay.positionMs + (serverNow() - new Date(replay.startedAt)) * replay.rate : replay.state === "ended" ? replay.clip?.durationMs : replay.positionMs;
  by("rp-at").value = replay.clip ? Math.round((1000 * Math.min(at, replay.clip.durationMs)) / replay.clip.durationMs) : 0;
}

by("rp-play").addEventListener("click", playPause);
by("rp-stop").addEventListener("click", () => { if (may("replay", null)) transport("The replay did not stop", "stop"); });
by("rp-in").addEventListener("click", markIn);
by("rp-out").addEventListener("click", markOut);
by("rp-drop").addEventListener("click", dropMark);
by("rp-quick").addEventListener("click", quick);
for (const button of $$("button", by("rp-rate"))) {
  button.addEventListener("click", () => {
    if (!may("replay", null)) return;
    rate = Number(button.dataset.rate);
    // The speed of what runs changes; of what stands, when it is played next.
    if (room.view.replay.state === "playing") transport("The speed did not change", "play", { rate });
    else press(by("rp-rate"), (b) => b === button);
  });
}
setInterval(() => { if (room.state?.replay?.state === "playing" && !document.hidden) paintPosition(); }, 100);
