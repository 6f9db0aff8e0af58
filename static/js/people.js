// Everyone with an account: search, filters, sort, and a new one.

import { all, get, post } from "./api.js";
import { $, $$, clone, complain, debounce, el, fill, icon, keyed, setAttr, text } from "./dom.js";
import { onSubmit } from "./forms.js";
import { ago, plural, utc } from "./format.js";
import { command } from "./keys.js";
import { serverNow } from "./now.js";
import { groupTicks, nameOf, PROVIDERS, reachEditor, roleTags, ticked } from "./people-parts.js";

const PAGE = 50;
const FIELDS = ["role", "groupId", "provider", "disabled"];
const q = document.getElementById("q");
const field = (name) => document.getElementById(`f-${name}`);
const asked = new URLSearchParams(location.search);
let groups = [];
let rows = [];
let cursor = null;
let sort = asked.get("sort") || "name";
let loading = null;

function filters() {
  const out = {};
  for (const name of FIELDS) if (field(name).value) out[name] = field(name).value;
  if (q.value.trim().length > 1) out.search = q.value.trim();
  return out;
}

async function load({ more = false } = {}) {
  loading?.abort();
  loading = new AbortController();
  const asking = filters();
  const kept = new URLSearchParams({ ...asking, ...(sort === "name" ? {} : { sort }) });
  history.replaceState(null, "", kept.size ? `?${kept}` : location.pathname);
  try {
    const page = await get("/auth/users", { ...asking, sort, limit: PAGE, cursor: more ? cursor : undefined }, { signal: loading.signal });
    rows = more ? [...rows, ...page.data] : page.data;
    cursor = page.meta.nextCursor;
    paint();
  } catch (error) {
    document.getElementById("wait").hidden = error.name !== "AbortError";
    complain("People could not be read", error);
  }
}

export function statusOf(user) {
  const out = [];
  if (user.disabledAt) out.push(el("span", { class: "badge off" }, "DISABLED"));
  if (user.mustChangePassword) out.push(el("span", { class: "badge plain" }, "New password due"));
  return out;
}

function updateRow(tr, u) {
  fill(tr, {
    name: nameOf(u), email: u.email || "—", roles: roleTags(u.roles), groups: u.groupIds.map((id) => groups.find((g) => g.id === id)?.name || `group ${id}`).join(", ") || "—",
    providers: u.providers.map((p) => PROVIDERS[p]).join(", ") || "nothing", status: statusOf(u), seen: u.lastSignInAt ? ago(u.lastSignInAt, serverNow()) : "never",
  });
  setAttr($("a", tr), "href", `/people/${u.id}`);
  $('[data-f="seen"]', tr).title = utc(u.lastSignInAt);
}

function paint() {
  document.getElementById("wait").hidden = true;
  keyed(document.getElementById("rows"), rows, (u) => u.id, () => clone("t-row"), updateRow);
  document.getElementById("more-box").hidden = !cursor;
  text(document.getElementById("sum"), rows.length ? `${plural(rows.length, "user")}${cursor ? ", more below" : ""}` : "");
  for (const th of $$("th[data-sort]")) {
    const on = sort.replace("-", "") === th.dataset.sort;
    setAttr(th, "aria-sort", on ? (sort.startsWith("-") ? "descending" : "ascending") : null);
    $("svg", th)?.remove();
    if (on) $("button", th).append(icon("chev", "i-s"));
    $("button", th).classList.toggle("up", on && !sort.startsWith("-"));
  }
  const none = document.getElementById("none");
  none.hidden = rows.length > 0;
  document.getElementById("panel").classList.toggle("bare", rows.length === 0);
  fill(none, { title: "Nobody matches", words: "Search for something else, or show everyone.", act: "Show everyone" });
}

$("thead").addEventListener("click", ({ target }) => {
  const name = target.closest("button")?.closest("th").dataset.sort;
  if (!name) return;
  const first = name === "lastSignInAt" ? `-${name}` : name;
  sort = sort !== first ? first : first.startsWith("-") ? name : `-${name}`;
  load();
});

async function loadGroups() {
  try {
    groups = await all("/auth/groups");
  } catch (error) {
    complain("Groups could not be read", error);
    return;
  }
  const now = field("groupId").value || asked.get("groupId") || "";
  field("groupId").append(...groups.map((g) => new Option(g.name, String(g.id))));
  field("groupId").value = now;
  groupTicks($('#new-groups [data-f="groups"]'), groups);
  document.getElementById("new-groups").hidden = !groups.length;
}

/* A new one */

const LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/** 20 letters without those that are read for another; 115 bits. */
const password = () => {
  const out = [];
  while (out.length < 20) out.push(...[...crypto.getRandomValues(new Uint8Array(32))].filter((n) => n < LETTERS.length * 4).map((n) => LETTERS[n % LETTERS.length]));
  return out.slice(0, 20).join("");
};

function startCreate() {
  const dialog = document.getElementById("create");
  const form = document.getElementById("create-form");
  const reach = reachEditor($(".reach", form));
  const open = () => dialog.showModal();
  document.getElementById("create-open").addEventListener("click", open);
  command("n", "New user", open, { glyph: "plus" });
  document.getElementById("make-password").addEventListener("click", () => {
    form.elements.password.value = password();
    form.elements.password.select();
  });
  onSubmit(form, async (f) => {
    const body = { email: f.email.value.trim(), name: f.name.value.trim(), password: f.password.value, roles: ticked(form, "roles") };
    const groupIds = ticked(form, "groupIds").map(Number);
    if (groupIds.length) body.groupIds = groupIds;
    if (reach.value.length) body.resourceGrants = reach.value;
    const { data } = await post("/auth/users", body);
    form.reset();
    location.assign(`/people/${data.id}`);
  }, { email_taken: "email" });
  dialog.addEventListener("close", () => { form.elements.password.value = ""; });
}

/* Start */

for (const name of FIELDS) {
  if (name !== "groupId") field(name).value = asked.get(name) || "";
  field(name).addEventListener("change", () => load());
}
q.value = asked.get("search") || "";
q.addEventListener("input", debounce(() => load(), 200));
document.getElementById("more").addEventListener("click", () => load({ more: true }));
document.getElementById("none-act").addEventListener("click", () => {
  q.value = "";
  for (const name of FIELDS) field(name).value = "";
  load();
});
startCreate();
loadGroups().then(() => load());
