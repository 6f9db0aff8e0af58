// The mix: gain and mute of each source, and the level of program as it is heard here.

import { allow } from "../actions.js";
import { pos } from "../ballistics.js";
import { $, clone, fill, keyed, setAttr } from "../dom.js";
import { db } from "../format.js";
import { mix } from "./monitors.js";
import { guesses } from "./reduce.js";
import { room } from "./store.js";
import { may } from "./switching.js";
import { gain, label, ordered } from "./words.js";

const SEND_MS = 120;
const by = (name) => document.getElementById(name);
const waiting = new Map();

function setMuted(row) {
  const change = { muted: !row.muted };
  if (may("audio", "mute")) room.command("The mute did not change", "POST", "/control-room/audio/mute", { source: row.source, ...change }, guesses.mix(row.source, change));
}

export function toggleMute() {
  const row = room.view.sources.find((r) => r.source === room.view.program.source);
  if (row && row.source !== "slate") setMuted(row);
}

/** A slider that is dragged sends its place eight times a second, and where it was let go. */
function slide(source, gainDb) {
  const send = () => {
    const last = waiting.get(source);
    waiting.delete(source);
    room.command("The gain did not change", "POST", "/control-room/audio/gain", { source, gainDb: last.gainDb }, guesses.mix(source, { gainDb: last.gainDb }));
  };
  const due = waiting.get(source);
  if (due) due.gainDb = gainDb;
  else {
    waiting.set(source, { gainDb });
    setTimeout(send, SEND_MS);
  }
}

function create(row) {
  const li = clone("t-mix");
  const input = $("input", li);
  input.id = `mix-${row.source.replace(/\W/g, "-")}`;
  $("label", li).htmlFor = input.id;
  input.addEventListener("input", () => {
    fill(li, { gain: `${gain(Number(input.value))} dB` });
    slide(row.source, Number(input.value));
  });
  input.addEventListener("dblclick", () => { input.value = 0; slide(row.source, 0); });
  $("button", li).addEventListener("click", () => setMuted(room.view.sources.find((r) => r.source === row.source)));
  return li;
}

function update(li, row) {
  const input = $("input", li);
  const why = room.why("audio", "gain");
  const name = label(row.source, [row]);
  fill(li, { name });
  if (document.activeElement !== input || why) {
    input.value = row.gainDb;
    fill(li, { gain: `${gain(row.gainDb)} dB` });
  }
  setAttr(input, "aria-valuetext", `${gain(row.gainDb)} decibels`);
  input.disabled = Boolean(why);
  setAttr(input, "title", why || "Double click: 0 dB");
  const button = $("button", li);
  setAttr(button, "aria-pressed", String(row.muted));
  setAttr(button, "aria-label", `Mute ${name}`);
  allow(button, !why, why);
}

function paintMuteKey() {
  const key = by("mute");
  const row = room.view.sources.find((r) => r.source === room.view.program.source);
  setAttr(key, "aria-pressed", String(Boolean(row?.muted)));
  $(".lb", key).textContent = row?.muted ? "Muted" : "Mute";
  const why = room.why("audio", "mute") || (room.view.program.source === "slate" ? "The slate has no sound." : "");
  allow(key, !why, why);
}

export function paintSound() {
  keyed(by("mix"), ordered(room.view.sources).filter((row) => row.source !== "slate"), (row) => row.source, create, update);
  paintMuteKey();
}

by("mute").addEventListener("click", toggleMute);

/* The level of program, after the mix */

const ZONES = [[-18, "--m-lo"], [-6, "--m-mid"], [0, "--m-hi"]];
const bars = [by("lr-l"), by("lr-r")];
const peaks = [{ db: -Infinity }, { db: -Infinity }];

function bar(canvas, rms, peak) {
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  if (canvas.width !== width) canvas.width = width;
  const draw = canvas.getContext("2d");
  const { height } = canvas;
  draw.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  let from = 0;
  for (const [to, token] of ZONES) {
    const end = Math.min(pos(rms), pos(to));
    draw.fillStyle = style.getPropertyValue(token);
    if (end > from) draw.fillRect(from * width, 0, (end - from) * width, height);
    from = pos(to);
  }
  if (peak > -60) {
    draw.fillStyle = style.getPropertyValue("--m-peak");
    draw.fillRect(Math.min(width - 2, pos(peak) * width), 0, 2, height);
  }
}

setInterval(() => {
  if (document.hidden || !room.state?.program) return;
  const levels = mix.levels();
  bars.forEach((canvas, i) => {
    const level = levels?.[i];
    peaks[i].db = level ? Math.max(level.peak, peaks[i].db - 0.6) : -Infinity;
    bar(canvas, level?.rms ?? -Infinity, peaks[i].db);
  });
  const top = Math.max(peaks[0].db, peaks[1].db);
  fill(document.querySelector(".pgm"), { level: levels ? `peak ${db(Number.isFinite(top) ? top : null)} dBFS` : "not heard here" });
}, 50);
