// What the publisher's page shows: frame and word of the tally, seconds and earnings, the one big button, sentences.

import { $, $$, fill, icon, setAttr, text } from "../dom.js";
import { clock } from "../format.js";
import { meters } from "./geo.js";
import { usdc } from "./money.js";

const by = (id) => document.getElementById(id);
const TALLY = { program: ["air", "ON AIR"], preview: ["pvw", "PREVIEW"], off: ["off", "OFF"], unknown: ["unknown", "UNKNOWN"] };

/** `null` outside of a session that runs: the frame rests and no word is shown. */
export function showTally(tally) {
  const [frame, word] = TALLY[tally] || ["off", ""];
  setAttr(by("phone"), "data-tally", frame);
  const box = by("tally");
  box.hidden = !word;
  text(box, word);
}

export function showButton(glyph, words, act) {
  const button = by("act");
  button.disabled = !act;
  $("svg", button).replaceWith(icon(glyph, "i-l"));
  text($(".lb", button), words);
  button.onclick = act;
}

/** The sentence in the middle; no title hides it. */
export function say(title, words = "") {
  const box = by("say");
  box.hidden = !title;
  if (title) fill(box, { title, words: words || null });
}

/** The line above the button. */
export function note(words, glyph = "lock") {
  const line = by("note");
  line.hidden = !words;
  if (words) line.replaceChildren(icon(glyph, "i-s"), words);
}

export function showMeter(meter, edge) {
  const box = by("meter");
  const v = meter.values;
  box.hidden = !v;
  if (!v) return;
  box.classList.toggle("is-stale", meter.stale);
  fill(box, { clean: clock(v.clean), failed: `${v.failed} s`, earned: usdc(v.earned ?? "0") });
  const fence = $('[data-f="fence-box"]', box);
  fence.hidden = edge === undefined;
  if (edge === undefined) return;
  const outside = edge !== null && edge < 0;
  fill(box, { "fence-h": outside ? "Outside the fence" : "To fence edge", fence: edge === null ? "—" : outside ? `by ${meters(edge)}` : meters(edge) });
  $('[data-f="fence"]', fence).classList.toggle("out", outside);
}

export function showSignal(quality) {
  const box = by("signal");
  box.hidden = !quality;
  if (!quality) return;
  $$(".bars i", box).forEach((bar, i) => bar.classList.toggle("no", i >= quality.bars));
  fill(box, { signal: quality.word });
}

export function showCameras(list, chosenId) {
  const select = by("cameras");
  select.replaceChildren(...list.map((c) => new Option(c.name, c.id)));
  if (chosenId) select.value = chosenId;
  by("pick").hidden = list.length < 2;
}

export function showMute(muted, is = true) {
  const button = by("mute");
  button.hidden = !is;
  setAttr(button, "aria-pressed", String(muted));
  setAttr(button, "aria-label", muted ? "Microphone is off, turn it on" : "Mute the microphone");
  button.replaceChildren(icon(muted ? "muted" : "mic", "i-l"));
}
