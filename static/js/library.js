// The library: facets, search, sort, selection with bulk edits, trash. The address holds every filter.

import { allow } from "./actions.js";
import { all, get } from "./api.js";
import { healthWord, recordingStatus } from "./badges.js";
import { $, $$, clone, complain, debounce, el, fill, icon, keyed, setAttr, text } from "./dom.js";
import { bytes, clock, count, humanise, plural, utc, when } from "./format.js";
import { startBulk } from "./library-bulk.js";
import { startRecord } from "./record-dialog.js";
import { may } from "./shell.js";
import { live } from "./socket.js";
import { row as waveRow } from "./wave.js";

const PAGE = 50;
const FACETS = [["status", "Status"], ["healthStatus", "Health"], ["folder", "Folder"], ["tag", "Tag"], ["nodeId", "Node"]];
const SHOWN = 8;
const q = document.getElementById("q");
const tbody = document.getElementById("rows");
const selected = new Map();
let filters = new URLSearchParams(location.search);
let rows = [];
let cursor = null;
let loading = null;
let nodeNames = new Map();
const unfolded = new Set();

const WORDS = { cached: "Stored", completed: "Arriving", recording: "Recording" };
const valueWords = (field, value) => (field === "nodeId" ? nodeNames.get(value) || "another node" : field === "status" || field === "healthStatus" ? WORDS[value] || humanise(value) : value);
const has = (field, value) => filters.getAll(field).includes(value);

function query() {
  const out = {};
  for (const name of new Set(filters.keys())) out[name] = filters.getAll(name);
  return out;
}

function without(...names) {
  const out = query();
  for (const name of names) delete out[name];
  return out;
}

function toggle(field, value, on) {
  const kept = filters.getAll(field).filter((v) => v !== value);
  filters.delete(field);
  for (const v of on ? [...kept, value] : kept) filters.append(field, v);
  apply();
}

function apply() {
  history.replaceState(null, "", filters.size ? `?${filters}` : location.pathname);
  load();
}

/* Rows */

async function load({ more = false, quiet = false } = {}) {
  loading?.abort();
  loading = new AbortController();
  const { signal } = loading;
  const limit = quiet && !more ? Math.min(200, Math.max(PAGE, rows.length)) : PAGE;
  try {
    const page = await get("/recordings", { ...query(), limit, cursor: more ? cursor : undefined }, { signal });
    rows = more ? [...rows, ...page.data] : page.data;
    cursor = page.meta.nextCursor;
    paint();
    loadFacets(signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    document.getElementById("wait").hidden = true;
    complain("The library could not be read", error);
  }
}

function updateRow(tr, r) {
  fill(tr, {
    name: r.name, tags: r.tags.length ? r.tags.join(", ") : null, at: when(r.recordedAt || r.createdAt),
    length: r.durationSeconds ? clock(Math.round(r.durationSeconds)) : "—", status: recordingStatus(r), health: r.file || r.status === "recording" ? healthWord(r.healthStatus) : "—", size: r.file ? bytes(r.file.size) : "—", node: r.nodeLabel || nodeNames.get(r.nodeId) || "—",
  });
  $('[data-f="at"]', tr).title = utc(r.recordedAt || r.createdAt);
  const length = $('[data-f="length"]', tr);
  setAttr(length, "data-since", r.status === "recording" ? r.recordedAt || r.createdAt : null);
  const [name, node] = $$("a", tr);
  setAttr(name, "href", `/recordings/${r.id}`);
  name.title = [r.folder ? `${r.folder}/${r.name}` : r.name, r.tags.join(", ")].filter(Boolean).join("\n");
  setAttr(node, "href", r.nodeId ? `/nodes/${r.nodeId}` : null);
  const key = JSON.stringify([r.analysisStatus, r.waveformPreview?.peaks?.length]);
  const canvas = $("canvas", tr);
  if (canvas.dataset.drawn !== key) {
    canvas.dataset.drawn = key;
    waveRow(canvas, r);
  }
  const box = $("input", tr);
  setAttr(box, "aria-label", `Select ${r.name}`);
  box.checked = selected.has(r.id);
  setAttr(tr, "aria-selected", box.checked ? "true" : null);
}

function createRow(r) {
  const tr = clone("t-row");
  $("input", tr).addEventListener("change", ({ target }) => {
    if (target.checked) selected.set(r.id, rows.find((x) => x.id === r.id));
    else selected.delete(r.id);
    paint();
  });
  return tr;
}

function paint() {
  document.getElementById("wait").hidden = true;
  for (const r of rows) if (selected.has(r.id)) selected.set(r.id, r);
  keyed(tbody, rows, (r) => r.id, createRow, updateRow);
  const every = document.getElementById("all");
  every.checked = rows.length > 0 && rows.every((r) => selected.has(r.id));
  every.indeterminate = !every.checked && selected.size > 0;
  const more = document.getElementById("more-box");
  more.hidden = !cursor;
  fill(more, { words: cursor ? `${count(rows.length)} shown` : "" });
  text(document.getElementById("sum"), rows.length ? `${plural(rows.length, "recording")}${cursor ? ", more below" : ""}${has("deleted", "true") ? " in the trash" : ""}` : "");
  document.getElementById("export").href = `/api/v1/recordings/export?${new URLSearchParams([...filters].filter(([k]) => k !== "sort"))}`.replace(/\?$/, "");
  paintSort();
  paintChips();
  paintNone();
  bulk.paint();
}

function paintNone() {
  const none = document.getElementById("none");
  none.hidden = rows.length > 0;
  $(".tblw", document.getElementById("panel")).hidden = rows.length === 0;
  if (rows.length) return;
  const narrowed = [...filters.keys()].some((k) => k !== "sort");
  const trash = has("deleted", "true");
  fill(none, trash ? { title: "The trash is empty", words: "What is deleted stays here for 24 h and can be restored.", act: "Leave the trash" }
    : narrowed ? { title: "Nothing matches", words: "Search for something else, or remove a filter.", act: "Remove all filters" }
      : { title: "Nothing recorded yet", words: "Press R to record. What a node records shows up here by itself.", act: "Record" });
  document.getElementById("none-act").onclick = narrowed ? clearFilters : () => document.getElementById("record-open").click();
}

function clearFilters() {
  q.value = "";
  filters = new URLSearchParams();
  apply();
}

/* Sort */

function paintSort() {
  const sort = filters.get("sort") || "-recordedAt";
  for (const th of $$("th[data-sort]")) {
    const on = sort.replace("-", "") === th.dataset.sort;
    setAttr(th, "aria-sort", on ? (sort.startsWith("-") ? "descending" : "ascending") : null);
    const button = $("button", th);
    const arrow = $("svg", button);
    if (!on) arrow?.remove();
    else if (!arrow) button.append(icon("chev", "i-s"));
    button.classList.toggle("up", on && !sort.startsWith("-"));
  }
}

$("thead").addEventListener("click", (event) => {
  const field = event.target.closest("th")?.dataset.sort;
  if (!field || !event.target.closest("button")) return;
  const now = filters.get("sort") || "-recordedAt";
  const first = field === "name" ? field : `-${field}`;
  filters.set("sort", now === first ? (first.startsWith("-") ? field : `-${field}`) : first);
  apply();
});

/* Facets and chips */

async function loadFacets(signal) {
  try {
    paintFacets((await get("/recordings/facets", without("sort"), { signal })).data);
  } catch (error) {
    if (error.name !== "AbortError") complain("The filters could not be counted", error);
  }
}

function option(field, { value, count: n }) {
  const on = has(field, value);
  const box = el("input", { class: "ck", type: "checkbox", onchange: ({ target }) => toggle(field, value, target.checked) });
  box.checked = on;
  const words = valueWords(field, value);
  return el("label", { class: "ckl" }, box, el("span", { class: "ell", title: words }, words), el("span", { class: "n" }, n === null ? "" : count(n)));
}

function paintFacets(facets) {
  const groups = FACETS.map(([field, title]) => {
    const values = [...(facets[field] || [])];
    for (const v of filters.getAll(field)) if (!values.some((x) => x.value === v)) values.push({ value: v, count: 0 });
    return { field, title, values };
  }).filter((g) => g.values.length);
  groups.push({ field: "also", title: "Also", values: [["partial", "Partial"], ["deleted", "Trash"]] });
  keyed(document.getElementById("facets"), groups, (g) => g.field, () => clone("t-facet"), (node, g) => {
    text($("legend", node), g.title);
    const box = $("div", node);
    if (g.field === "also") {
      box.replaceChildren(...g.values.filter(([name]) => name !== "deleted" || document.body.dataset.permissions.includes("recording:delete")).map(([name, words]) => flag(name, words)));
      return;
    }
    const shown = unfolded.has(g.field) ? g.values : g.values.slice(0, SHOWN);
    const focused = document.activeElement?.closest("label")?.textContent;
    box.replaceChildren(...shown.map((v) => option(g.field, v)));
    if (g.values.length > shown.length) box.append(el("button", { class: "btn quiet s", type: "button", onclick: () => { unfolded.add(g.field); paintFacets(facets); } }, `${g.values.length - shown.length} more`));
    if (focused) $$("label", box).find((l) => l.textContent === focused)?.querySelector("input").focus();
  });
  document.getElementById("folders").replaceChildren(...(facets.folder || []).map((f) => new Option(f.value)));
}

function flag(name, words) {
  const box = el("input", { class: "ck", type: "checkbox", onchange: ({ target }) => { if (name === "deleted") selected.clear(); toggle(name, "true", target.checked); } });
  box.checked = has(name, "true");
  return el("label", { class: "ckl" }, box, el("span", {}, words));
}

function paintChips() {
  const chips = [...filters].filter(([field]) => field !== "sort" && field !== "search");
  document.getElementById("chips").replaceChildren(...chips.map(([field, value]) => {
    const words = field === "deleted" ? "Trash" : field === "partial" ? "Partial" : valueWords(field, value);
    return el("span", { class: "fchip" }, words, el("button", { type: "button", "aria-label": `Remove ${words}`, onclick: () => toggle(field, value, false) }, icon("x", "i-s")));
  }));
}

/* Start */

const bulk = startBulk(selected, { inTrash: () => has("deleted", "true"), changed: () => load({ quiet: true }), repaint: paint });
q.value = filters.get("search") || "";
q.addEventListener("input", debounce(() => {
  const words = q.value.trim();
  if (words.length === 1) return;
  if (words) filters.set("search", words);
  else filters.delete("search");
  apply();
}, 250));
document.getElementById("all").addEventListener("change", ({ target }) => {
  for (const r of rows) {
    if (target.checked) selected.set(r.id, r);
    else selected.delete(r.id);
  }
  paint();
});
document.getElementById("more").addEventListener("click", () => load({ more: true }));
document.getElementById("filters-open").addEventListener("click", ({ currentTarget }) => {
  const open = document.getElementById("facets").classList.toggle("open");
  setAttr(currentTarget, "aria-expanded", String(open));
});
allow(startRecord(), may("recording:create"), "You may not start recordings. Ask for a role with recording:create.");
const soon = debounce(() => load({ quiet: true }), 400);
// A snapshot comes again when access has changed.
live.subscribe("recordings", { onSnapshot: soon, onEvent: soon });
all("/nodes", {}).then((nodes) => {
  nodeNames = new Map(nodes.map((n) => [n.id, n.alias]));
  if (rows.length) paint();
}, (error) => { if (error.status !== 403) complain("Node names could not be read", error); });
load();
