// The workspaces in reach, and a new one by the signature of a wallet.

import { get, post } from "./api.js";
import { $, clone, complain, debounce, el, fill, keyed, setAttr, text } from "./dom.js";
import { onSubmit } from "./forms.js";
import { humanise, plural, utc, when } from "./format.js";
import { command } from "./keys.js";
import { signChallenge } from "./wallet-sign.js";

const PAGE = 50;
const DOES = { CONSUMER: "Consumes", SUPPLIER: "Supplies" };
const q = document.getElementById("q");
const field = (name) => document.getElementById(`f-${name}`);
let rows = [];
let cursor = null;
let mine = new Map();
let loading = null;

const filters = () => ({ role: field("role").value, suspended: field("suspended").value, search: q.value.trim().length > 1 ? q.value.trim() : "" });

async function load({ more = false } = {}) {
  loading?.abort();
  loading = new AbortController();
  try {
    const page = await get("/workspaces", { ...filters(), limit: PAGE, cursor: more ? cursor : undefined }, { signal: loading.signal });
    rows = more ? [...rows, ...page.data] : page.data;
    cursor = page.meta.nextCursor;
    paint();
  } catch (error) {
    complain("Workspaces could not be read", error);
  }
}

export const availability = (w) => (w.suspendedAt ? el("span", { class: "badge off" }, "SUSPENDED") : w.availabilityState === "OFFLINE" ? el("span", { class: "badge off" }, "OFFLINE") : el("span", { class: "badge plain" }, humanise(w.availabilityState)));

function updateRow(tr, w) {
  fill(tr, { name: w.name, slug: w.slug, does: w.roles.map((r) => DOES[r]).join(", "), state: availability(w), role: mine.has(w.id) ? humanise(mine.get(w.id)) : "—", since: when(w.createdAt) });
  setAttr($("a", tr), "href", `/workspaces/${w.id}`);
  $('[data-f="since"]', tr).title = utc(w.createdAt);
}

function paint() {
  document.getElementById("wait").hidden = true;
  keyed(document.getElementById("rows"), rows, (w) => w.id, () => clone("t-row"), updateRow);
  document.getElementById("more-box").hidden = !cursor;
  text(document.getElementById("sum"), rows.length ? `${plural(rows.length, "workspace")}${cursor ? ", more below" : ""}` : "");
  const none = document.getElementById("none");
  const narrowed = Object.values(filters()).some(Boolean);
  none.hidden = rows.length > 0;
  document.getElementById("panel").classList.toggle("bare", !rows.length);
  fill(none, narrowed ? { title: "Nothing matches", words: "Search for something else, or show all of them.", act: "Show all" } : { title: "No workspace yet", words: "A workspace is a tenant: it requests live sessions, or serves them. A wallet makes one and owns it.", act: "Make a workspace" });
  document.getElementById("none-act").onclick = narrowed ? clear : () => document.getElementById("create-open").click();
}

function clear() {
  q.value = field("role").value = field("suspended").value = "";
  load();
}

const dialog = document.getElementById("create");
const form = document.getElementById("create-form");
document.getElementById("create-open").addEventListener("click", () => dialog.showModal());
command("n", "New workspace", () => dialog.showModal(), { glyph: "plus" });
let typed = false;
form.elements.slug.addEventListener("input", () => { typed = form.elements.slug.value !== ""; });
form.elements.name.addEventListener("input", () => {
  if (!typed) form.elements.slug.value = form.elements.name.value.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^[^a-z]+|-+$/g, "").slice(0, 40);
});
onSubmit(form, async (f) => {
  const signed = await signChallenge("/workspaces/challenge");
  const roles = [...form.querySelectorAll('[name="roles"]:checked')].map((i) => i.value);
  const { data } = await post("/workspaces", { ...signed, slug: f.slug.value.trim(), name: f.name.value.trim(), roles }, { key: null });
  // Its owner is the wallet's user, who may be another than the one who is signed in.
  location.assign(`/workspaces/${data.id}`);
}, { slug_taken: "slug" });

for (const name of ["role", "suspended"]) field(name).addEventListener("change", () => load());
q.addEventListener("input", debounce(() => load(), 200));
document.getElementById("more").addEventListener("click", () => load({ more: true }));
get("/auth/me").then(({ data }) => { mine = new Map(data.workspaces.map((w) => [w.id, w.role])); }, (error) => complain("Your memberships could not be read", error)).then(() => load());
