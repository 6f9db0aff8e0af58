// Hot keys, their list under `?`, and the palette. Single keys can be turned off (WCAG 2.1.4) and never act while typing.

import { get } from "./api.js";
import { $, $$, debounce, el, icon, keyed } from "./dom.js";

const OFF = "tr-single-keys-off";
const GO_MS = 1200;

export const singleKeys = {
  get on() { return localStorage.getItem(OFF) === null; },
  set on(value) {
    if (value) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  },
};

const commands = [];

/** Registers a key (`"r"`, or null for the palette alone) with its words; `run` acts now. Shown under `?` and in the palette. */
export function command(key, words, run, { glyph = "play", hidden = false } = {}) {
  commands.push({ key, words, run, glyph, hidden });
}

const typing = (target) => target.closest?.("input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]");
/** Enter and Space press what has the focus; as hot keys they act only where they would press nothing. */
const presses = (event) => (event.key === "Enter" || event.key === " ") && event.target.closest?.("button, a[href], summary, input, [role=button], [role=option]");
let goingUntil = 0;

function onKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !singleKeys.on) return;
  if (typing(event.target) || presses(event) || document.querySelector("dialog[open]")) return;
  if (performance.now() < goingUntil) {
    goingUntil = 0;
    const link = $(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  if (event.key === "g") {
    goingUntil = performance.now() + GO_MS;
    return;
  }
  const found = commands.find((c) => c.key === event.key);
  if (!found) return;
  event.preventDefault();
  found.run();
}

function focusSearch() {
  const field = $("main input[type=search]");
  if (field) field.focus();
  else openPalette();
}

export function openHelp() {
  const dialog = document.getElementById("keys-help");
  const rows = [
    ["?", "Show these keys"], ["/", "Search on this page"], ["Ctrl K", "Search or run anything"],
    ...$$("[data-go]").map((a) => [`g ${a.dataset.go}`, `Go to ${a.title}`]),
    ...commands.filter((c) => c.key && !c.hidden).map((c) => [c.key === " " ? "Space" : c.key, c.words]),
  ];
  $("#keys-list").replaceChildren(...rows.flatMap(([key, words]) => [el("dt", {}, words), el("dd", {}, ...key.split(" ").map((k) => el("kbd", { class: "kbd" }, k)))]));
  $("#keys-off").hidden = singleKeys.on;
  dialog.showModal();
}

const palette = document.getElementById("palette");
const input = document.getElementById("palette-input");
const list = document.getElementById("palette-list");
let choices = [];
let chosen = 0;
let running = null;

function places() {
  return $$("[data-go]").map((a) => ({ id: `go-${a.dataset.go}`, words: a.title, note: `g ${a.dataset.go}`, glyph: "overview", run: () => a.click() }));
}

function acts() {
  return commands.filter((c) => !c.hidden).map((c) => ({ id: `run-${c.words}`, words: c.words, note: c.key || "", glyph: c.glyph, run: c.run }));
}

function show(items) {
  choices = items.slice(0, 12);
  chosen = 0;
  keyed(
    list, choices, (c) => c.id,
    (c) => el("li", { role: "option", id: `opt-${c.id.replace(/\W+/g, "-")}`, onclick: () => choose(c) }, icon(c.glyph), el("span", { class: "grow ell" }, c.words), el("span", { class: "sm" }, c.note || "")),
  );
  $("#palette-none").hidden = choices.length > 0;
  mark();
}

function mark() {
  [...list.children].forEach((li, i) => li.setAttribute("aria-selected", String(i === chosen)));
  const at = list.children[chosen];
  input.setAttribute("aria-activedescendant", at?.id || "");
  at?.scrollIntoView({ block: "nearest" });
}

function choose(item) {
  palette.close();
  item.run();
}

const matching = (items, words) => items.filter((c) => c.words.toLowerCase().includes(words));

const find = debounce(async () => {
  const words = input.value.trim().toLowerCase();
  const local = matching([...acts(), ...places()], words);
  show(local);
  if (words.length < 2) return;
  running?.abort();
  running = new AbortController();
  const options = { signal: running.signal };
  const [nodes, recordings] = await Promise.allSettled([
    get("/nodes", { search: words, limit: 6 }, options), get("/recordings", { search: words, limit: 6 }, options),
  ]);
  if (input.value.trim().toLowerCase() !== words) return;
  const found = (answer, make) => (answer.status === "fulfilled" ? answer.value.data.map(make) : []);
  show([
    ...found(nodes, (n) => ({ id: `n-${n.id}`, words: n.alias, note: n.status, glyph: "fleet", run: () => location.assign(`/nodes/${n.id}`) })),
    ...local,
    ...found(recordings, (r) => ({ id: `r-${r.id}`, words: r.name, note: "recording", glyph: "library", run: () => location.assign(`/recordings/${r.id}`) })),
  ]);
}, 120);

export function openPalette() {
  if (palette.open) return;
  input.value = "";
  show([...acts(), ...places()]);
  palette.showModal();
  input.focus();
}

export function startKeys() {
  addEventListener("keydown", onKey);
  input.addEventListener("input", find);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && choices.length) {
      event.preventDefault();
      chosen = (chosen + step + choices.length) % choices.length;
      mark();
    } else if (event.key === "Enter" && choices[chosen]) {
      event.preventDefault();
      choose(choices[chosen]);
    }
  });
  for (const dialog of $$("dialog")) {
    dialog.addEventListener("click", (event) => { if (event.target === dialog || event.target.closest("[data-close]")) dialog.close(); });
  }
  command("?", "Show the keys", openHelp, { glyph: "title", hidden: true });
  command("/", "Search on this page", focusSearch, { glyph: "search", hidden: true });
  document.getElementById("open-help").addEventListener("click", openHelp);
  document.getElementById("open-palette").addEventListener("click", openPalette);
}
