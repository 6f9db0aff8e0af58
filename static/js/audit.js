// The audit: who did what to which thing, and for one event what it changed and how it is sealed.

import { get } from "./api.js";
import { $, clone, complain, copy, copyButton, debounce, el, fill, icon, keyed, setAttr, text } from "./dom.js";
import { browser, count, humanise, plural, short, signed, time, utc, when } from "./format.js";
import { may } from "./shell.js";

const PAGE = 50;
const CHOICES = { verb: "Anything", actorKind: "Anyone", subjectKind: "Anything", outcome: "Any" };
/** Filters that only links set; shown as one chip. */
const LINKED = { requestId: "One request", actorId: "One actor", subjectId: "One thing" };
const asked = new URLSearchParams(location.search);
const q = document.getElementById("q");
const field = (name) => document.getElementById(`f-${name}`);
const state = { linked: null, ascending: false, rows: [], cursor: null, chosen: asked.get("event") };
let loading = null;

function filters() {
  const out = {};
  for (const name of Object.keys(CHOICES)) if (field(name).value) out[name] = field(name).value;
  if (field("span").value) out.from = new Date(Date.now() - Number(field("span").value) * 1000).toISOString();
  if (q.value.trim().length > 1) out.search = q.value.trim();
  if (state.linked) out[state.linked.name] = state.linked.value;
  return out;
}

function remember() {
  const params = new URLSearchParams();
  for (const name of [...Object.keys(CHOICES), "span"]) if (field(name).value) params.set(name, field(name).value);
  if (q.value.trim()) params.set("search", q.value.trim());
  if (state.linked) params.set(state.linked.name, state.linked.value);
  if (state.chosen) params.set("event", state.chosen);
  history.replaceState(null, "", params.size ? `?${params}` : location.pathname);
}

async function load({ more = false } = {}) {
  loading?.abort();
  loading = new AbortController();
  const { signal } = loading;
  const asking = filters();
  remember();
  try {
    const page = await get("/audit-events", { ...asking, sort: state.ascending ? "id" : "-id", limit: PAGE, cursor: more ? state.cursor : undefined }, { signal });
    state.rows = more ? [...state.rows, ...page.data] : page.data;
    state.cursor = page.meta.nextCursor;
    paint();
    if (!more) paintFacets((await get("/audit-events/facets", asking, { signal })).data);
  } catch (error) {
    if (error.name === "AbortError") return;
    document.getElementById("wait").hidden = true;
    complain("The audit could not be read", error);
  }
}

/* Rows */

function outcome(word) {
  if (word === "denied") return el("span", { class: "badge" }, icon("x"), "DENIED");
  if (word === "failed") return el("span", { class: "badge" }, icon("warn"), "FAILED");
  if (word === "partial") return el("span", { class: "badge" }, "PARTIAL");
  return el("span", { class: "t2" }, humanise(word));
}

function updateRow(tr, e) {
  fill(tr, {
    at: when(e.occurredAt), who: [el("span", { class: "ell" }, e.actor.label || "someone"), el("span", { class: "tag" }, humanise(e.actor.kind).toLowerCase())],
    verb: e.verb, to: e.subject?.label || (e.subject ? short(e.subject.id) : "—"), outcome: outcome(e.outcome),
  });
  $('[data-f="at"]', tr).title = utc(e.occurredAt);
  setAttr(tr, "aria-selected", e.id === state.chosen ? "true" : null);
}

function createRow(e) {
  const tr = clone("t-row");
  const link = $("a", tr);
  link.href = `/audit?event=${e.id}`;
  const choose = (event) => {
    if (event.ctrlKey || event.metaKey || event.button) return;
    event.preventDefault();
    show(e.id);
  };
  link.addEventListener("click", choose);
  tr.addEventListener("click", (event) => { if (!event.target.closest("a") && !getSelection().toString()) choose(event); });
  return tr;
}

function paint() {
  document.getElementById("wait").hidden = true;
  keyed(document.getElementById("rows"), state.rows, (e) => e.id, createRow, updateRow);
  document.getElementById("none").hidden = state.rows.length > 0;
  document.getElementById("more-box").hidden = !state.cursor;
  setAttr(document.getElementById("th-time"), "aria-sort", state.ascending ? "ascending" : "descending");
  const chip = document.getElementById("chip");
  chip.hidden = !state.linked;
  if (state.linked) text(chip.firstElementChild, `${LINKED[state.linked.name]}: ${state.linked.label}`);
  document.getElementById("export").href = `/api/v1/audit-events/export?${new URLSearchParams(filters())}`.replace(/\?$/, "");
  text(document.getElementById("sum"), state.rows.length ? `${plural(state.rows.length, "event")}${state.cursor ? ", more below" : ""}` : "");
}

function paintFacets(facets) {
  for (const [name, any] of Object.entries(CHOICES)) {
    const select = field(name);
    const now = select.value;
    const values = [...(facets[name] || [])];
    if (name === "verb") values.unshift(...(facets.area || []).map((a) => ({ value: `${a.value}.*`, words: `${humanise(a.value)}: all`, count: a.count })));
    if (now && !values.some((v) => v.value === now)) values.push({ value: now, count: 0 });
    select.replaceChildren(new Option(any, ""), ...values.map((v) => new Option(`${v.words || (name === "verb" ? v.value : humanise(v.value))} (${count(v.count)})`, v.value)));
    select.value = now;
  }
}

/* One event */

const flat = (value, path = "", out = {}) => {
  if (value && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length) for (const [k, v] of Object.entries(value)) flat(v, path ? `${path}.${k}` : k, out);
  else if (path) out[path] = value;
  return out;
};

function words(value) {
  if (value === undefined) return "—";
  if (value === null) return "none";
  if (typeof value === "number") return Number.isInteger(value) ? signed(value, 0) : signed(value, 2);
  if (Array.isArray(value) && value.every((v) => typeof v !== "object")) return value.join(", ") || "none";
  return typeof value === "string" ? value || "“”" : JSON.stringify(value);
}

function paintDiff(e) {
  const before = flat(e.before);
  const after = flat(e.after);
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const box = document.getElementById("diff");
  box.hidden = !keys.length;
  box.replaceChildren(
    el("div", { class: "h k" }, "Field"), el("div", { class: "h" }, "Before"), el("div", { class: "h" }, "After"),
    ...keys.flatMap((k) => [el("div", { class: "k" }, k), el("div", { class: "was" }, el("del", {}, words(before[k]))), el("div", { class: "now" }, el("ins", {}, words(after[k])))]),
  );
}

const pair = (name, value, props = {}) => (value === null || value === undefined || value === "" ? [] : [el("dt", {}, name), el("dd", props, value)]);

function narrow(name, value, label) {
  return el("button", { class: "btn quiet s", type: "button", onclick: () => { state.linked = { name, value, label }; load(); } }, "Only these");
}

function paintFacts(e) {
  document.getElementById("event-facts").replaceChildren(
    ...pair("Outcome", e.reason ? `${humanise(e.outcome)}, ${e.reason}` : humanise(e.outcome)), ...pair("Permission", e.permission, { class: "mono" }),
    ...pair("Actor", e.actor.id ? [el("span", { class: "mono" }, short(e.actor.id)), narrow("actorId", e.actor.id, e.actor.label)] : null, { class: "row g1 push" }), ...pair("For", e.onBehalfOf?.label),
    ...pair("Thing", e.subject?.id ? [el("span", { class: "mono" }, short(e.subject.id)), narrow("subjectId", e.subject.id, e.subject.label || e.subject.kind)] : null, { class: "row g1 push" }),
    ...pair("Request", e.requestId ? [el("span", { class: "mono" }, short(e.requestId)), copyButton(e.requestId, "request id"), narrow("requestId", e.requestId, short(e.requestId))] : null, { class: "row g1 push" }),
    ...pair("Route", e.route ? `${e.method || ""} ${e.route}`.trim() : null, { class: "mono" }), ...pair("Status", e.status ? String(e.status) : null), ...pair("From", e.ip), ...pair("With", e.userAgent ? el("span", { title: e.userAgent }, browser(e.userAgent)) : null), ...pair("Credential", e.credentialPrefix, { class: "mono" }),
  );
}

function paintSeal(e) {
  const box = document.getElementById("seal");
  box.hidden = false;
  const sealed = e.seal;
  fill(box, sealed
    ? { glyph: icon("check"), title: "Sealed", words: `${sealed.month}, position ${count(sealed.position)}. Digest ${short(sealed.digest)}.` }
    : { glyph: icon("clock"), title: "Not sealed yet", words: "Events are sealed once a minute. From then on a change of this row would show." });
}

async function show(id) {
  state.chosen = id;
  remember();
  paint();
  try {
    const { data: e } = await get(`/audit-events/${id}`);
    if (state.chosen !== id) return;
    const body = document.getElementById("event-body");
    document.getElementById("event-none").hidden = true;
    document.getElementById("copy-link").hidden = false;
    body.hidden = false;
    fill(body, { verb: e.verb, subject: e.subject?.label || humanise(e.verb.split(".").slice(1).join(" ")), who: `${e.actor.label || "Someone"}, ${when(e.occurredAt)}${String(e.occurredAt).match(/\.\d{3}/)?.[0] || ""}` });
    $('[data-f="who"]', body).title = utc(e.occurredAt);
    paintDiff(e);
    paintFacts(e);
    const details = document.getElementById("event-details");
    details.hidden = !e.details || !Object.keys(e.details).length;
    if (!details.hidden) text($("pre", details), JSON.stringify(e.details, null, 2));
    paintSeal(e);
  } catch (error) {
    complain("The event could not be read", error);
  }
}

async function showIntegrity() {
  if (!may("system:admin")) return;
  try {
    const { data } = await get("/audit-events/integrity");
    const findings = data.lastVerification?.findings?.length;
    const sum = document.getElementById("sum");
    sum.title = [data.sealedThrough && `Sealed to ${time(data.sealedThrough)}`, data.pending ? `${count(data.pending)} waiting` : "", data.lastVerification ? `checked ${when(data.lastVerification.at)}, ${findings ? `${findings} findings` : "nothing found"}` : ""].filter(Boolean).join(", ");
    if (data.sealedThrough) sum.after(el("span", { class: "t3 sm", id: "sealed" }, `sealed to ${time(data.sealedThrough)}`));
  } catch (error) {
    complain("The seal could not be read", error);
  }
}

/* Start */

for (const name of Object.keys(CHOICES)) {
  if (asked.get(name)) field(name).append(new Option(asked.get(name), asked.get(name), true, true));
  field(name).addEventListener("change", () => load());
}
field("span").value = asked.get("span") || "";
field("span").addEventListener("change", () => load());
q.value = asked.get("search") || "";
q.addEventListener("input", debounce(() => load(), 250));
for (const name of Object.keys(LINKED)) if (asked.get(name)) state.linked = { name, value: asked.get(name), label: short(asked.get(name)) };
$("#chip button").addEventListener("click", () => { state.linked = null; load(); });
document.getElementById("sort").addEventListener("click", () => { state.ascending = !state.ascending; load(); });
document.getElementById("more").addEventListener("click", () => load({ more: true }));
document.getElementById("none-act").addEventListener("click", () => {
  for (const name of [...Object.keys(CHOICES), "span"]) field(name).value = "";
  q.value = "";
  state.linked = null;
  load();
});
document.getElementById("copy-link").addEventListener("click", () => copy(`${location.origin}/audit?event=${state.chosen}`, "Link"));
load();
showIntegrity();
if (state.chosen) show(state.chosen);
