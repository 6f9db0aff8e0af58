// API keys of one workspace: minted and shown once, last used, revoked at once or later.

import { actionsOf, allow, apply, usable } from "./actions.js";
import { all, post } from "./api.js";
import { $, $$, clone, complain, copy, el, fill, keyed, press, setAttr, text, toast } from "./dom.js";
import { onSubmit } from "./forms.js";
import { ago, plural, utc, when } from "./format.js";
import { command } from "./keys.js";
import { serverNow } from "./now.js";
import { workspaceOf } from "./workspace-of.js";

const select = document.getElementById("workspace-of-keys");
let rows = [];
let live = "true";
let actions = null;

const path = () => `/workspaces/${select.value}`;

async function load() {
  const none = document.getElementById("none");
  try {
    actions = await actionsOf(path());
    apply(document, actions);
    rows = actions.listKeys.enabled ? await all(`${path()}/api-keys`, { live }) : [];
    fill(none, actions.listKeys.enabled ? { title: live ? "No key works" : "No key yet", words: "A key lets a program use the API for this workspace. An owner mints it." } : { title: "Keys are not shown", words: actions.listKeys.reason });
    paint();
  } catch (error) {
    complain("The keys could not be read", error);
  } finally {
    document.getElementById("wait").hidden = true;
  }
}

function ends(key) {
  const now = serverNow();
  if (key.revokedAt) {
    const later = key.gracePeriodEnd && new Date(key.gracePeriodEnd) > now;
    return later ? el("span", { class: "badge warn", title: utc(key.gracePeriodEnd) }, `Ends ${when(key.gracePeriodEnd)}`) : el("span", { class: "badge off", title: utc(key.revokedAt) }, "REVOKED");
  }
  if (!key.expiresAt) return el("span", { class: "t3" }, "never");
  return new Date(key.expiresAt) > now ? el("span", { class: "t2", title: utc(key.expiresAt) }, when(key.expiresAt)) : el("span", { class: "badge off" }, "EXPIRED");
}

const over = (key) => Boolean(key.revokedAt && !(key.gracePeriodEnd && new Date(key.gracePeriodEnd) > serverNow())) || Boolean(key.expiresAt && new Date(key.expiresAt) <= serverNow());

function updateRow(tr, key) {
  fill(tr, {
    label: key.label, environment: el("span", { class: `badge ${key.environment === "LIVE" ? "" : "plain"}` }, key.environment), key: `${key.prefix}…${key.lastFour}`,
    scopes: key.scopes.length > 3 ? `${key.scopes.slice(0, 2).join(", ")} and ${key.scopes.length - 2} more` : key.scopes.join(", "), used: key.lastUsedAt ? ago(key.lastUsedAt, serverNow()) : "never", ends: ends(key),
  });
  $('[data-f="scopes"]', tr).title = key.scopes.join("\n");
  $('[data-f="used"]', tr).title = utc(key.lastUsedAt);
  const button = $("button", tr);
  button.hidden = over(key);
  setAttr(button, "aria-label", `Revoke ${key.label}`);
}

function createRow(key) {
  const tr = clone("t-row");
  $("button", tr).addEventListener("click", () => {
    revoking = key;
    fill(document.getElementById("revoke"), { label: key.label });
    document.getElementById("revoke").showModal();
  });
  return tr;
}

function paint() {
  keyed(document.getElementById("rows"), rows, (k) => k.id, createRow, updateRow);
  document.getElementById("none").hidden = rows.length > 0;
  document.getElementById("panel").classList.toggle("bare", !rows.length);
  text(document.getElementById("sum"), rows.length ? plural(rows.length, "key") : "");
}

/* Mint */

const dialog = document.getElementById("mint");
const form = document.getElementById("mint-form");
const minted = document.getElementById("minted");
let token = "";

function open() {
  if (usable(document.getElementById("mint-open"))) dialog.showModal();
}

document.getElementById("mint-open").addEventListener("click", open);
command("n", "New API key", open, { glyph: "key" });
onSubmit(form, async (f) => {
  const body = { label: f.label.value.trim(), environment: f.environment.value, scopes: $$('[name="scopes"]:checked', form).map((i) => i.value) };
  // To the end of that day, where the person is.
  if (f.expiresAt.value) body.expiresAt = new Date(`${f.expiresAt.value}T23:59:59`).toISOString();
  const { data } = await post(`${path()}/api-keys`, body);
  token = data.token;
  fill(minted, { label: data.label, token });
  form.hidden = true;
  minted.hidden = false;
  form.reset();
  load();
});
document.getElementById("copy-token").addEventListener("click", () => copy(token, "Key"));
dialog.addEventListener("close", () => {
  // The key must not stay in the page.
  token = "";
  fill(minted, { token: "" });
  minted.hidden = true;
  form.hidden = false;
});

/* Revoke */

let revoking = null;
onSubmit(document.getElementById("revoke-form"), async (f) => {
  const graceSeconds = Number(f.graceSeconds.value);
  await post(`${path()}/api-keys/${revoking.id}/revoke`, { graceSeconds });
  document.getElementById("revoke").close();
  toast(`${revoking.label} ${graceSeconds ? "will end" : "is revoked"}`);
  load();
});

/* Start */

document.getElementById("which").addEventListener("click", ({ target }) => {
  if (target.dataset.live === undefined) return;
  live = target.dataset.live;
  press(document.getElementById("which"), (b) => b === target);
  load();
});

async function start() {
  allow(document.getElementById("mint-open"), false, "Finding out whether this is possible…");
  try {
    const any = await workspaceOf(select, load);
    if (any) {
      await load();
      return;
    }
    document.getElementById("wait").hidden = true;
    fill(document.getElementById("none"), { title: "No workspace yet", words: "Keys belong to a workspace. A wallet makes one under Workspaces." });
    allow(document.getElementById("mint-open"), false, "Keys belong to a workspace, and there is none yet.");
    paint();
  } catch (error) {
    document.getElementById("wait").hidden = true;
    complain("Workspaces could not be read", error);
  }
}

start();
