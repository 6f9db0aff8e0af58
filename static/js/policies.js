// Every access policy in one editor, saved as a whole with If-Match; and the way a decision came about.

import { allow } from "./actions.js";
import { all, ApiError, call, get, newKey } from "./api.js";
import { $, clone, complain, el, fill, keyed, text, toast } from "./dom.js";
import { onSubmit } from "./forms.js";
import { humanise, plural, short } from "./format.js";
import { command } from "./keys.js";
import { catalogue, kindWords, nameOf, thingField, thingWords } from "./people-parts.js";

const KINDS = document.body.dataset.kinds.split(" ");
const KEYS = ["effect", "subjectType", "subjectId", "permissions", "resourceType", "resourceId", "reason"];
const dialog = document.getElementById("policy");
const form = document.getElementById("policy-form");
const f = form.elements;
const state = { stored: [], rows: [], etag: null, at: null };
let people = [];
let groups = [];
let serial = 0;

/** What of a policy is the person's; two that agree in it are the same one. */
const own = (p) => Object.fromEntries(KEYS.map((k) => [k, k === "permissions" ? [...p[k]].sort() : p[k] ?? (k === "reason" ? "" : null)]));
const same = (a, b) => JSON.stringify(own(a)) === JSON.stringify(own(b));
const keep = (p) => ({ ...p, key: p.key || `p${(serial += 1)}` });
const added = () => state.rows.filter((p) => !state.stored.some((s) => same(s, p)));
const removed = () => state.stored.filter((s) => !state.rows.some((p) => same(s, p)));

async function read() {
  const { data, etag } = await get("/auth/access-policies");
  state.stored = data.policies;
  state.etag = etag;
}

async function load() {
  try {
    await read();
    state.rows = state.stored.map(keep);
    document.getElementById("conflict").hidden = true;
    paint();
  } catch (error) {
    complain("The policies could not be read", error);
  } finally {
    document.getElementById("wait").hidden = true;
  }
}

/* Rows */

function whom(p) {
  if (p.subjectType === "everyone") return "everyone";
  const found = p.subjectType === "group" ? groups.find((g) => String(g.id) === p.subjectId)?.name : people.find((u) => u.id === p.subjectId) && nameOf(people.find((u) => u.id === p.subjectId));
  return `${p.subjectType === "group" ? "group " : ""}${found || short(p.subjectId)}`;
}

const what = (p) => (p.permissions.includes("*") ? "everything" : p.permissions.length > 3 ? `${p.permissions.slice(0, 3).join(", ")} and ${p.permissions.length - 3} more` : p.permissions.join(", "));

async function updateRow(tr, p) {
  const fresh = !state.stored.some((s) => same(s, p));
  fill(tr, {
    effect: p.effect === "deny" ? el("span", { class: "badge" }, "DENY") : el("span", { class: "badge plain" }, "Allow"), whom: whom(p), what: what(p), thing: "…", reason: p.reason || "—",
    mark: fresh ? "Not saved" : p.stale ? "GONE" : null,
  });
  $('[data-f="mark"]', tr).className = `badge ${fresh ? "plain" : "off"}`;
  $('[data-f="mark"]', tr).title = p.stale && !fresh ? "What it names is gone." : "";
  $('[data-f="what"]', tr).title = p.permissions.join("\n");
  $('[data-f="reason"]', tr).title = p.reason || "";
  const words = await thingWords(p.resourceType, p.resourceId);
  fill(tr, { thing: words });
  $('[data-do="edit"]', tr).setAttribute("aria-label", `Edit: ${p.effect} ${whom(p)} on ${words}`);
  $('[data-do="remove"]', tr).setAttribute("aria-label", `Remove: ${p.effect} ${whom(p)} on ${words}`);
}

function createRow(p) {
  const tr = clone("t-row");
  $('[data-do="edit"]', tr).addEventListener("click", () => open(state.rows.find((x) => x.key === p.key)));
  $('[data-do="remove"]', tr).addEventListener("click", () => {
    state.rows = state.rows.filter((x) => x.key !== p.key);
    paint();
    document.getElementById("save").focus();
  });
  return tr;
}

function paint() {
  keyed(document.getElementById("rows"), state.rows, (p) => p.key, createRow, updateRow);
  const changes = added().length + removed().length;
  document.getElementById("none").hidden = state.rows.length > 0;
  $("main section.panel").classList.toggle("bare", !state.rows.length);
  document.getElementById("discard").hidden = !changes;
  allow(document.getElementById("save"), changes > 0, "Nothing changed.");
  const parts = [plural(state.rows.length, "policy", "policies"), added().length && `${added().length} new`, removed().length && `${removed().length} taken away`].filter(Boolean);
  text(document.getElementById("sum"), `${parts.join(", ")}${changes ? ": not saved yet" : ""}`);
}

/* Saving all of them */

function refuse(sentence) {
  const box = document.getElementById("refused");
  box.hidden = !sentence;
  text(box, sentence || "");
}

async function save() {
  refuse("");
  try {
    const { data, etag } = await call("PATCH", "/auth/access-policies", { body: { policies: state.rows.map(own) }, ifMatch: state.etag, key: newKey() });
    Object.assign(state, { stored: data.policies, etag, rows: data.policies.map(keep) });
    paint();
    toast("Saved", "It applies within five seconds, on open pages too.");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "edit_conflict") await conflict();
    else refuse(Object.entries(error.fields)[0]?.join(": ") || error.message);
  }
}

async function conflict() {
  const [mine, taken] = [added(), removed()];
  state.mine = { mine, taken };
  await read();
  const box = document.getElementById("conflict");
  fill(box, { words: `Yours: ${plural(mine.length, "policy", "policies")} new, ${taken.length} taken away. Nothing was saved yet.` });
  box.hidden = false;
  paint();
}

document.getElementById("rebase").addEventListener("click", () => {
  const { mine, taken } = state.mine;
  state.rows = [...state.stored.filter((s) => !taken.some((t) => same(s, t))), ...mine.filter((m) => !state.stored.some((s) => same(s, m)))].map(keep);
  document.getElementById("conflict").hidden = true;
  paint();
});
document.getElementById("theirs").addEventListener("click", load);
document.getElementById("save").addEventListener("click", save);
document.getElementById("discard").addEventListener("click", load);
addEventListener("beforeunload", (event) => { if (added().length + removed().length) event.preventDefault(); });

/* One policy */

function offerSubjects(value = "") {
  const type = f.subjectType.value;
  document.getElementById("p-subject-f").hidden = type === "everyone";
  const rows = type === "group" ? groups.map((g) => [g.name, String(g.id)]) : people.map((u) => [u.email && u.email !== nameOf(u) ? `${nameOf(u)} (${u.email})` : nameOf(u), u.id]);
  f.subjectId.replaceChildren(...rows.map(([words, id]) => new Option(words, id)));
  if (value && !rows.some(([, id]) => id === value)) f.subjectId.append(new Option(`${short(value)} (gone)`, value));
  if (value) f.subjectId.value = value;
}

const offerThing = (value = "*") => thingField(document.getElementById("p-place"), f.resourceType.value, { id: "p-thing", value });

async function open(p) {
  state.at = p;
  text(document.getElementById("policy-h"), p ? "Policy" : "New policy");
  const v = p || { effect: "allow", subjectType: "everyone", subjectId: null, permissions: ["*"], resourceType: "site", resourceId: "*", reason: "" };
  for (const name of ["effect", "subjectType", "resourceType", "reason"]) f[name].value = v[name] ?? "";
  offerSubjects(v.subjectId || "");
  for (const option of f.permissions.options) option.selected = v.permissions.includes(option.value);
  await offerThing(v.resourceId);
  dialog.showModal();
}

onSubmit(form, async () => {
  const chosen = [...f.permissions.selectedOptions].map((o) => o.value);
  const p = {
    effect: f.effect.value, subjectType: f.subjectType.value, subjectId: f.subjectType.value === "everyone" ? null : f.subjectId.value, permissions: chosen.includes("*") ? ["*"] : chosen,
    resourceType: f.resourceType.value, resourceId: f.resourceId.value.trim(), reason: f.reason.value.trim(),
  };
  const errors = [];
  if (!chosen.length) errors.push({ path: "permissions", message: "Choose what they do." });
  if (!p.resourceId) errors.push({ path: "resourceId", message: "Say which one, or * for all of them." });
  if (p.subjectType !== "everyone" && !p.subjectId) errors.push({ path: "subjectId", message: "Say whom it is about." });
  if (state.rows.some((x) => x !== state.at && same(x, p))) errors.push({ path: "resourceType", message: "There is this very policy already." });
  if (errors.length) throw new ApiError({ code: "validation_failed", message: "Something is missing.", status: 400, data: { errors } });
  if (state.at) state.rows = state.rows.map((x) => (x === state.at ? { ...p, key: x.key } : x));
  else state.rows.push(keep(p));
  dialog.close();
  paint();
});
f.subjectType.addEventListener("change", () => offerSubjects());
f.resourceType.addEventListener("change", () => offerThing());
for (const name of ["add", "none-act"]) document.getElementById(name).addEventListener("click", () => open(null));
command("n", "New policy", () => open(null), { glyph: "plus" });

/* Why somebody may or may not */

const ex = document.getElementById("explain-form");
const STEPS = { deny: "Deny policies", user: "Their roles", tenant: "Their workspaces", key: "Key", console: "Console role", end: "So" };

ex.elements.resourceType.addEventListener("change", async () => {
  const kind = ex.elements.resourceType.value;
  const place = document.getElementById("ex-place");
  place.hidden = !kind;
  if (kind) await thingField(place, kind, { id: "ex-thing", everything: false });
});
onSubmit(ex, async (e) => {
  const query = { userId: e.userId.value, permission: e.permission.value };
  if (e.resourceType.value) Object.assign(query, { resourceType: e.resourceType.value, resourceId: e.resourceId.value.trim() });
  const { data } = await get("/auth/access/explain", query);
  const box = document.getElementById("explained");
  fill(box, { answer: data.allowed ? "ALLOWED" : "REFUSED", rule: `by ${humanise(data.rule).toLowerCase()}` });
  $('[data-f="answer"]', box).classList.toggle("off", !data.allowed);
  document.getElementById("steps").replaceChildren(...data.steps.map((s) => el("li", { class: s.outcome === "none" ? "t3" : "" }, el("b", {}, STEPS[s.step] || humanise(s.step)), el("p", { class: "sm" }, s.says))));
  box.hidden = false;
}, { not_found: "resourceId" });

/* Start */

async function start() {
  const [entries, everyone, every] = await Promise.all([catalogue(), all("/auth/users", {}, 2000), all("/auth/groups")]);
  [people, groups] = [everyone, every];
  f.permissions.append(new Option("Everything", "*"), ...entries.map((c) => new Option(`${c.permission} (${c.lets.charAt(0).toLowerCase()}${c.lets.slice(1)})`, c.permission)));
  f.resourceType.append(...KINDS.map((k) => new Option(kindWords(k), k)));
  ex.elements.userId.append(...people.map((u) => new Option(nameOf(u), u.id)));
  ex.elements.permission.append(...entries.map((c) => new Option(c.permission, c.permission)));
  ex.elements.resourceType.append(...KINDS.map((k) => new Option(kindWords(k), k)));
  const asked = new URLSearchParams(location.search).get("user");
  if (asked) ex.elements.userId.value = asked;
}

start().catch((error) => complain("People and permissions could not be read", error)).then(load);
