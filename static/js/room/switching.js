// Preview, cut and take. They act at once: a live switcher never asks. Only the slate is armed.

import { allow } from "../actions.js";
import { arm, toast } from "../dom.js";
import { guesses } from "./reduce.js";
import { room } from "./store.js";
import { ordered, sessionOf } from "./words.js";

const by = (name) => document.getElementById(name);

/** Says why instead of acting; true if one may. */
export function may(subsystem, action) {
  const why = room.why(subsystem, action);
  if (why) toast(why, "", "lock");
  return !why;
}

export function preview(source) {
  if (may("switching", "preview")) room.command("Preview did not change", "POST", "/control-room/preview", { source }, guesses.preview(source));
}

export function previewNumber(n) {
  const rows = ordered(room.view.sources).filter((row) => row.source !== "slate");
  const source = n === 0 ? "slate" : rows[n - 1]?.source;
  if (source) preview(source);
  else toast(`There is no source ${n}`);
}

export function cut() {
  if (!may("switching", "cut")) return;
  // What the person sees on preview is what goes on air, whatever another puts there meanwhile.
  const { source } = room.view.preview;
  room.command("No cut", "POST", "/control-room/cut", { source }, guesses.cut(source));
}

export function take() {
  if (!may("switching", "take")) return;
  // What the person saw on preview is what they took; if another changed it meanwhile the server says so.
  const { program, preview: next } = room.view;
  room.command("No take", "POST", "/control-room/take", { expect: next.source }, guesses.take(next.source, program.source));
}

function toSlate() {
  if (may("switching", "cut")) room.command("No slate", "POST", "/control-room/cut", { source: "slate" }, guesses.cut("slate"));
}

/** The session on preview is over: for what no camera is needed any more. */
function endPreviewed() {
  const session = sessionOf(room.view.preview.source);
  if (session && may("switching", "sessionEnd")) room.command("The session was not ended", "POST", `/control-room/sessions/${session}/end`, {});
}

export function paintKeys() {
  const ends = room.why("switching", "sessionEnd");
  by("end-session").hidden = !sessionOf(room.view.preview.source);
  allow(by("end-session"), !ends, ends);
  for (const [id, action] of [["cut", "cut"], ["take", "take"], ["to-slate", "cut"]]) {
    const why = room.why("switching", action);
    allow(by(id), !why, why);
  }
}

by("cut").addEventListener("click", cut);
by("take").addEventListener("click", take);
arm(by("to-slate"), toSlate);
arm(by("end-session"), endPreviewed);
