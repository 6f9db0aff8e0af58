// Webhook endpoints of one workspace: made with a secret shown once, tested, edited; what was sent to them, try by try, and sent again.

import { actionsOf, allow, apply, usable } from "./actions.js";
import { all, call, del, get, newKey, post } from "./api.js";
import { $, $$, arm, clone, complain, copy, el, fill, keyed, press, setAttr, text, toast } from "./dom.js";
import { onSubmit } from "./forms.js";
import { ago, humanise, plural, utc, when } from "./format.js";
import { command } from "./keys.js";
import { serverNow } from "./now.js";
import { workspaceOf } from "./workspace-of.js";

const POLL_MS = 3000;
const select = document.getElementById("workspace-of-hooks");
const byId = new Map();
let endpoints = [];
let sent = [];
let status = "";
let timer = 0;

async function load() {
  const workspaceId = select.value;
  try {
    const found = await all("/webhook-endpoints", { workspaceId });
    const told = await Promise.allSettled(found.map((e) => actionsOf(`/webhook-endpoints/${e.id}`)));
    if (workspaceId !== select.value) return;
    endpoints = found.map((e, i) => ({ ...e, actions: told[i].value || null }));
    for (const e of endpoints) byId.set(e.id, e);
    paint();
    await loadSent();
  } catch (error) {
    complain("The endpoints could not be read", error);
  } finally {
    document.getElementById("wait").hidden = true;
  }
}

function paint() {
  keyed(document.getElementById("rows"), endpoints, (e) => e.id, createEndpoint, updateEndpoint);
  fill(document.getElementById("none"), { title: "No endpoint yet", words: "An endpoint is an address of yours that is told what happens to the sessions of this workspace." });
  document.getElementById("none").hidden = endpoints.length > 0;
  document.getElementById("endpoints").classList.toggle("bare", !endpoints.length);
  text(document.getElementById("sum"), endpoints.length ? plural(endpoints.length, "endpoint") : "");
}

const world = (name) => el("span", { class: `badge ${name === "LIVE" ? "" : "plain"}` }, name);
const WHY_OFF = { gone: "it answered 410", failing: "nothing succeeded for five days" };

function updateEndpoint(tr, e) {
  const off = e.disabledReason ? `Disabled: ${WHY_OFF[e.disabledReason] || e.disabledReason}` : "Disabled";
  fill(tr, {
    url: e.url, environment: world(e.environment), types: e.types.length > 3 ? `${e.types.slice(0, 2).join(", ")} and ${e.types.length - 2} more` : e.types.join(", "),
    state: e.enabled ? [el("span", { class: `badge ${e.failingSince ? "warn" : "plain"}`, title: e.failingSince ? utc(e.failingSince) : "" }, e.failingSince ? "FAILING" : "WORKING")] : [el("span", { class: "badge off" }, off)],
  });
  $('[data-f="types"]', tr).title = e.types.join("\n");
  // The others change their words when they are pressed, and must be heard to.
  for (const button of $$("[data-action]:not(.arm)", tr)) setAttr(button, "aria-label", `${button.textContent} ${e.url}`);
  apply(tr, e.actions);
}

function createEndpoint({ id }) {
  const tr = clone("t-endpoint");
  const on = (name) => $(`[data-action="${name}"]`, tr);
  on("test").addEventListener("click", () => tried("It could not be tested", async () => {
    await post(`/webhook-endpoints/${id}/test`);
    toast("A test is on its way", "Its answer stands below.");
    await loadSent();
  }));
  on("update").addEventListener("click", () => usable(on("update")) && open(byId.get(id)));
  arm(on("rotateSecret"), () => tried("The secret is as it was", async () => {
    const { data } = await post(`/webhook-endpoints/${id}/rotate-secret`);
    reveal(data.secret, "Both this one and the old one sign for 24 hours:");
    await load();
  }));
  arm(on("delete"), () => tried("It was not deleted", async () => {
    await del(`/webhook-endpoints/${id}`);
    toast("The endpoint is deleted");
    await load();
  }));
  return tr;
}

async function tried(words, act) {
  try {
    await act();
  } catch (error) {
    complain(words, error);
  }
}

/* New, and edit */

const dialog = document.getElementById("endpoint");
const form = document.getElementById("endpoint-form");
let at = null;
let etag = null;

async function open(endpoint) {
  if (!endpoint && !usable(document.getElementById("create-open"))) return;
  try {
    ({ data: at, etag } = endpoint ? await get(`/webhook-endpoints/${endpoint.id}`) : { data: null, etag: null });
  } catch (error) {
    complain("The endpoint could not be read", error);
    return;
  }
  text(document.getElementById("endpoint-h"), at ? "Edit endpoint" : "New endpoint");
  document.getElementById("only-new").hidden = Boolean(at);
  document.getElementById("only-old").hidden = !at;
  form.elements.url.value = at?.url || "";
  form.elements.enabled.checked = at?.enabled ?? true;
  for (const box of $$('[name="types"]', form)) box.checked = at ? at.types.includes(box.value) : false;
  dialog.showModal();
}

onSubmit(form, async (f) => {
  const body = { url: f.url.value.trim(), types: $$('[name="types"]:checked', form).map((i) => i.value) };
  if (at) {
    await call("PATCH", `/webhook-endpoints/${at.id}`, { body: { ...body, enabled: f.enabled.checked }, ifMatch: etag, key: newKey() });
    dialog.close();
    toast("Saved");
  } else {
    const { data } = await post("/webhook-endpoints", { ...body, environment: f.environment.value, workspaceId: select.value });
    dialog.close();
    reveal(data.secret, `${data.url} is told from now on. Its signatures are made with:`);
  }
  await load();
}, { webhook_url_refused: "url" });

document.getElementById("create-open").addEventListener("click", () => open(null));
command("n", "New endpoint", () => open(null), { glyph: "output" });

/* The secret, once */

const box = document.getElementById("secret");
let secret = "";

function reveal(value, words) {
  secret = value;
  fill(box, { secret, words });
  box.showModal();
}

document.getElementById("copy-secret").addEventListener("click", () => copy(secret, "Secret"));
box.addEventListener("close", () => {
  // The secret must not stay in the page.
  secret = "";
  fill(box, { secret: "" });
});

/* Deliveries */

const BADGE = { pending: "warn", succeeded: "plain", failed: "crit", discarded: "off" };
const stateOf = (d) => el("span", { class: `badge ${BADGE[d.status]}` }, d.status.toUpperCase());
const urlOf = (d) => byId.get(d.endpointId)?.url || "deleted endpoint";

async function loadSent() {
  clearTimeout(timer);
  const workspaceId = select.value;
  try {
    const { data } = await get("/webhook-deliveries", { workspaceId, status, limit: 50 });
    if (workspaceId !== select.value) return;
    sent = data;
  } catch (error) {
    complain("The deliveries could not be read", error);
    return;
  }
  keyed(document.getElementById("sent"), sent, (d) => d.id, createDelivery, updateDelivery);
  document.getElementById("none-sent").hidden = sent.length > 0;
  document.getElementById("deliveries").classList.toggle("bare", !sent.length);
  // What is on its way changes by itself.
  if (sent.some((d) => d.status === "pending")) timer = setTimeout(() => (document.hidden ? (timer = setTimeout(loadSent, POLL_MS)) : loadSent()), POLL_MS);
}

function updateDelivery(tr, d) {
  const next = d.nextAttemptAt && d.status === "pending" && d.attempts.length ? el("span", { class: "t3 sm", title: utc(d.nextAttemptAt) }, `again ${when(d.nextAttemptAt)}`) : null;
  fill(tr, { when: ago(d.createdAt, serverNow()), type: d.type, url: urlOf(d), state: [stateOf(d), next], tries: String(d.attempts.length) });
  $('[data-f="when"]', tr).title = utc(d.createdAt);
}

function createDelivery(d) {
  const tr = clone("t-delivery");
  const button = $("button", tr);
  setAttr(button, "aria-label", `Look at ${d.type} of ${utc(d.createdAt)}`);
  button.addEventListener("click", () => look(d.id));
  return tr;
}

const sheet = document.getElementById("delivery");
const again = $('[data-action="redeliver"]', sheet);
let looked = null;

async function look(id) {
  try {
    const [{ data: d }, actions] = await Promise.all([get(`/webhook-deliveries/${id}`), actionsOf(`/webhook-deliveries/${id}`)]);
    looked = d;
    const tries = d.attempts.map((a) => el("li", {}, el("span", { title: utc(a.at) }, when(a.at)), ` · ${a.error ? humanise(a.error) : `answered ${a.statusCode}`} · ${a.durationMs} ms`));
    fill(sheet, { type: d.type, url: urlOf(d), state: stateOf(d), webhookId: d.webhookId, attempts: tries.length ? [el("ul", {}, ...tries)] : "none yet", body: JSON.stringify(d.body, null, 2) });
    apply(sheet, actions);
    sheet.showModal();
  } catch (error) {
    complain("The delivery could not be read", error);
  }
}

again.addEventListener("click", () => usable(again) && tried("It was not sent again", async () => {
  await post(`/webhook-deliveries/${looked.id}/redeliver`);
  sheet.close();
  toast("It is sent again", "As a delivery of its own.");
  await loadSent();
}));

document.getElementById("which").addEventListener("click", ({ target }) => {
  if (target.dataset.status === undefined) return;
  status = target.dataset.status;
  press(document.getElementById("which"), (b) => b === target);
  loadSent();
});

/* Start */


async function start() {
  const create = document.getElementById("create-open");
  allow(create, false, "Finding out whether this is possible…");
  try {
    const any = await workspaceOf(select, load);
    document.getElementById("none-sent").hidden = any;
    if (any) {
      allow(create, true);
      await load();
      return;
    }
    allow(create, false, "Endpoints belong to a workspace, and there is none yet.");
    fill(document.getElementById("none"), { title: "No workspace yet", words: "Endpoints belong to a workspace. A wallet makes one under Workspaces." });
    document.getElementById("none").hidden = false;
  } catch (error) {
    complain("Workspaces could not be read", error);
  } finally {
    document.getElementById("wait").hidden = true;
  }
}

start();
