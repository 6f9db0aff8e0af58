// One person: what they may do and reach, where they are signed in, and what can be done to the account now.

import { actionsOf, allow, apply, usable } from "./actions.js";
import { all, ApiError, del, get, patch } from "./api.js";
import { $, arm, clone, complain, copy, copyButton, el, fill, keyed, setAttr, text, toast } from "./dom.js";
import { onSubmit } from "./forms.js";
import { ago, browser, humanise, utc, when } from "./format.js";
import { serverNow } from "./now.js";
import { groupTicks, nameOf, PROVIDERS, reachEditor, tick, ticked } from "./people-parts.js";

const id = document.body.dataset.user;
const path = `/auth/users/${id}`;
const form = document.getElementById("access-form");
const state = { user: null, etag: null, dirty: false };

const dirty = (on) => {
  state.dirty = on;
  text(document.getElementById("dirty"), on ? "Not saved yet" : "");
};
const reach = reachEditor($(".reach", form), () => dirty(true));
form.addEventListener("change", (event) => { if (event.target.name) dirty(true); });

function showStored() {
  tick(form, "roles", state.user.roles);
  tick(form, "groupIds", state.user.groupIds);
  reach.value = state.user.resourceGrants;
  document.getElementById("conflict").hidden = true;
  dirty(false);
}

const pair = (name, value) => (value ? [el("dt", {}, name), el("dd", {}, ...[value].flat())] : []);

function paint(actions) {
  const u = state.user;
  document.title = `${nameOf(u)} · Tallyroom`;
  fill(document, { name: nameOf(u) });
  const badges = [];
  if (u.disabledAt) badges.push(el("span", { class: "badge off", title: utc(u.disabledAt) }, "DISABLED"));
  if (u.mustChangePassword) badges.push(el("span", { class: "badge plain" }, "New password due"));
  fill(document.getElementById("head"), { badges });
  document.getElementById("facts").replaceChildren(
    ...pair("E-mail", u.email), ...pair("Signs in by", u.providers.map((p) => PROVIDERS[p]).join(", ") || "nothing"), ...u.wallets.flatMap((w) => pair("Wallet", [el("span", { class: "mono" }, `${w.slice(0, 8)}…${w.slice(-4)} `), copyButton(w, "wallet")])),
    ...pair("Roles", u.roles.map(humanise).join(", ") || "none"), ...pair("Since", when(u.createdAt)), ...pair("Last sign-in", u.lastSignInAt ? ago(u.lastSignInAt, serverNow()) : "never"), ...pair("Disabled", u.disabledAt && when(u.disabledAt)),
    ...pair("Id", [el("span", { class: "mono" }, `${u.id.slice(0, 8)}… `), copyButton(u.id, "id")]),
  );
  document.getElementById("permissions").replaceChildren(...u.permissions.map((p) => el("li", { class: "tag mono" }, p)));
  text(document.getElementById("n-permissions"), String(u.permissions.length));
  document.getElementById("no-permissions").hidden = u.permissions.length > 0;
  document.getElementById("enable").hidden = !u.disabledAt;
  document.getElementById("disable-open").hidden = Boolean(u.disabledAt);
  apply(document, actions);
}

/** Reads the person again; what was chosen and not saved stays. */
async function load() {
  try {
    const { data, etag } = await get(path);
    state.user = data.user;
    state.etag = etag;
    paint(data.actions);
    if (!state.dirty) showStored();
    // Until it shows what is stored nothing can be chosen that this would overwrite.
    form.inert = false;
  } catch (error) {
    if (error.status !== 404) {
      complain("This person could not be read", error);
      return;
    }
    document.getElementById("all").hidden = true;
    document.getElementById("gone").hidden = false;
    for (const button of document.querySelectorAll("[data-action]")) button.hidden = true;
  }
}

async function loadGroups() {
  try {
    const groups = await all("/auth/groups");
    groupTicks($('#groups [data-f="groups"]'), groups);
    document.getElementById("groups").hidden = !groups.length;
  } catch (error) {
    complain("Groups could not be read", error);
  }
}

async function loadSignIns() {
  try {
    const { data } = await get("/auth/sign-ins", { userId: id, limit: 100 });
    keyed(document.getElementById("sign-ins"), data, (s) => s.id, createSignIn, (li, s) => {
      fill(li, { browser: browser(s.userAgent), detail: [s.ip, s.kind === "token" ? "API token" : "", `seen ${ago(s.lastSeenAt, serverNow())}`, `ends ${when(s.expiresAt)}`].filter(Boolean).join(" · ") });
    });
    const n = document.getElementById("n");
    n.hidden = !data.length;
    text(n, String(data.length));
    document.getElementById("no-sign-ins").hidden = data.length > 0;
  } catch (error) {
    complain("The sign-ins could not be read", error);
  }
}

function createSignIn(s) {
  const li = clone("t-sign-in");
  const button = $("button", li);
  setAttr(button, "aria-label", `Sign out ${browser(s.userAgent)} at ${s.ip}`);
  button.addEventListener("click", async () => {
    try {
      await del(`/auth/sign-ins/${s.id}`);
      toast("Signed out", `${browser(s.userAgent)} at ${s.ip}`);
      loadSignIns();
    } catch (error) {
      complain("It was not signed out", error);
    }
  });
  return li;
}

/** A write with the state that was seen; after a conflict the new state is read and the person decides. */
async function write(act) {
  try {
    return await act();
  } catch (error) {
    if (error instanceof ApiError && error.code === "edit_conflict") {
      document.getElementById("conflict").hidden = false;
      await load();
    }
    throw error;
  }
}

/* What can be done */

onSubmit(form, async () => {
  // Sent is chosen: a conflict keeps it.
  dirty(true);
  const body = { roles: ticked(form, "roles"), groupIds: ticked(form, "groupIds").map(Number), resourceGrants: reach.value };
  await write(() => patch(`${path}/access`, body, { ifMatch: state.etag }));
  dirty(false);
  toast("Saved", "It applies within five seconds.");
  await load();
});

function dialogOf(name) {
  const dialog = document.getElementById(name);
  document.getElementById(`${name}-open`).addEventListener("click", ({ currentTarget }) => { if (usable(currentTarget)) dialog.showModal(); });
  return dialog;
}

const disabling = dialogOf("disable");
onSubmit(document.getElementById("disable-form"), async (f) => {
  await write(() => patch(`${path}/status`, { disabled: true, reason: f.reason.value.trim() }, { ifMatch: state.etag }));
  f.reason.value = "";
  disabling.close();
  toast(`${nameOf(state.user)} is disabled`, "Every sign-in has ended.");
  load();
  loadSignIns();
});
document.getElementById("enable").addEventListener("click", async () => {
  try {
    await write(() => patch(`${path}/status`, { disabled: false }, { ifMatch: state.etag }));
    toast(`${nameOf(state.user)} is enabled`);
    load();
  } catch (error) {
    complain("Not enabled", error);
  }
});

const resetting = dialogOf("reset");
const made = document.getElementById("reset-done");
let secret = "";
onSubmit(document.getElementById("reset-form"), async () => {
  const { data } = await write(() => patch(`${path}/password`, { generate: true }, { ifMatch: state.etag }));
  secret = data.password;
  fill(made, { password: secret });
  document.getElementById("reset-form").hidden = true;
  made.hidden = false;
  load();
  loadSignIns();
});
document.getElementById("copy-password").addEventListener("click", () => copy(secret, "Password"));
resetting.addEventListener("close", () => {
  // The password must not stay in the page.
  secret = "";
  fill(made, { password: "" });
  made.hidden = true;
  document.getElementById("reset-form").hidden = false;
});

arm(document.getElementById("delete"), async () => {
  try {
    await del(path);
    location.assign("/people");
  } catch (error) {
    complain(`${nameOf(state.user)} was not deleted`, error);
    apply(document, await actionsOf(path));
  }
});
document.getElementById("take-theirs").addEventListener("click", showStored);

for (const button of document.querySelectorAll("[data-action]")) allow(button, false, "Finding out whether this is possible…");
loadGroups().then(load);
loadSignIns();
