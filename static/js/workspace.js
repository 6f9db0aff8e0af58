// One workspace: how it serves, who belongs to it, as what.

import { actionsOf, allow, apply } from "./actions.js";
import { all, ApiError, del, get, patch, post } from "./api.js";
import { $, arm, clone, complain, copyButton, el, fill, keyed, setAttr, text, toast } from "./dom.js";
import { onSubmit } from "./forms.js";
import { humanise, short, utc, when } from "./format.js";
import { nameOf } from "./people-parts.js";

const id = document.body.dataset.workspace;
const path = `/workspaces/${id}`;
const form = document.getElementById("settings-form");
const f = form.elements;
const state = { workspace: null, etag: null, me: null, active: null, actions: null };
const DOES = { CONSUMER: "Consumes", SUPPLIER: "Supplies" };

const pair = (name, value) => (value ? [el("dt", {}, name), el("dd", {}, ...[value].flat())] : []);
const myRole = () => state.me?.workspaces.find((w) => w.id === id)?.role;

function paint() {
  const w = state.workspace;
  document.title = `${w.name} · Tallyroom`;
  const badges = [];
  if (w.suspendedAt) badges.push(el("span", { class: "badge off" }, "SUSPENDED"));
  else badges.push(el("span", { class: `badge ${w.availabilityState === "OFFLINE" ? "off" : "plain"}` }, w.availabilityState === "OFFLINE" ? "OFFLINE" : humanise(w.availabilityState)));
  if (state.me?.activeWorkspaceId === id) badges.push(el("span", { class: "badge live" }, "YOU WORK HERE"));
  fill(document.getElementById("head"), { name: w.name, badges });
  document.getElementById("suspended").hidden = !w.suspendedAt;
  document.getElementById("select").hidden = !myRole() || state.me.activeWorkspaceId === id;
  document.getElementById("keys").hidden = !state.actions.listKeys?.enabled;
  document.getElementById("facts").replaceChildren(
    ...pair("Slug", [el("span", { class: "mono" }, w.slug)]), ...pair("Does", w.roles.map((r) => DOES[r]).join(", ")), ...pair("Wallet", [el("span", { class: "mono" }, `${short(w.walletAddress)} `), copyButton(w.walletAddress, "wallet")]),
    ...pair("You are", humanise(myRole() || "no member")), ...pair("Since", when(w.createdAt)), ...pair("Id", [el("span", { class: "mono" }, `${short(w.id)} `), copyButton(w.id, "id")]),
  );
  f.name.value = w.name;
  f.availabilityState.value = w.availabilityState === "OFFLINE" ? "OFFLINE" : "ONLINE";
  f.deviceKind.value = w.deviceKind;
  f.lat.value = w.coverage?.center.lat ?? "";
  f.lng.value = w.coverage?.center.lng ?? "";
  f.radiusMeters.value = w.coverage?.radiusMeters ?? "";
  apply(document, state.actions);
}

async function load() {
  try {
    const [one, actions, me] = await Promise.all([get(path), actionsOf(path), get("/auth/me")]);
    Object.assign(state, { workspace: one.data, etag: one.etag, actions, me: me.data });
    paint();
    await loadMembers();
  } catch (error) {
    if (error.status !== 404) {
      complain("The workspace could not be read", error);
      return;
    }
    document.getElementById("all").hidden = true;
    document.getElementById("gone").hidden = false;
  }
}

/* Members */

async function loadMembers() {
  const rows = await all(`${path}/members`);
  keyed(document.getElementById("members"), rows, (m) => m.id, createMember, updateMember);
  const n = document.getElementById("n");
  n.hidden = false;
  text(n, String(rows.length));
}

function updateMember(tr, m) {
  const own = m.userId === state.me.user.id;
  fill(tr, { name: nameOf({ ...m, id: m.userId, wallets: [m.walletAddress] }), you: own ? "you" : null, wallet: short(m.walletAddress), since: when(m.createdAt) });
  const select = $("select", tr);
  select.value = m.role;
  const may = state.actions.addMember;
  const owners = m.role === "OWNER" && myRole() !== "OWNER";
  const why = !may.enabled ? may.reason : owners ? "Only an owner of the workspace touches an owner." : "";
  select.disabled = Boolean(why);
  select.title = why;
  setAttr(select, "aria-label", `Role of ${m.name || "this member"}`);
  for (const option of select.options) option.disabled = option.value === "OWNER" && myRole() !== "OWNER";
  const button = $("button", tr);
  if (!("armed" in button.dataset)) text($(".lb", button), own ? "Leave" : "Remove");
  button.dataset.sure = own ? "Leave it" : "Remove them";
  allow(button, own || !why, why);
  $('[data-f="since"]', tr).title = utc(m.createdAt);
}

function createMember(m) {
  const tr = clone("t-member");
  $("select", tr).addEventListener("change", async ({ target }) => {
    try {
      await patch(`${path}/members/${m.id}`, { role: target.value });
      toast(`${m.name || "The member"} is ${humanise(target.value).toLowerCase()} now`);
    } catch (error) {
      complain("The role stayed as it was", error);
    }
    load();
  });
  const button = $("button", tr);
  text($(".lb", button), m.userId === state.me.user.id ? "Leave" : "Remove");
  arm(button, async () => {
    try {
      await del(`${path}/members/${m.id}`);
      if (m.userId === state.me.user.id) location.assign("/workspaces");
      else {
        toast(`${m.name || "The member"} removed`);
        load();
      }
    } catch (error) {
      complain("Nobody was removed", error);
    }
  });
  return tr;
}

const adding = document.getElementById("add");
document.getElementById("add-open").addEventListener("click", ({ currentTarget }) => { if (currentTarget.getAttribute("aria-disabled") !== "true") adding.showModal(); });
onSubmit(document.getElementById("add-form"), async (a) => {
  const who = a.who.value.trim();
  try {
    await post(`${path}/members`, { [who.startsWith("0x") || who.startsWith("0X") ? "walletAddress" : "userId"]: who, role: a.role.value });
  } catch (error) {
    const said = error instanceof ApiError && (error.fields.walletAddress || error.fields.userId || (error.code === "reference_not_found" && "Nobody has this id."));
    if (!said) throw error;
    throw new ApiError({ ...error, message: error.message, data: { errors: [{ path: "who", message: said }] } });
  }
  adding.close();
  document.getElementById("add-form").reset();
  toast("Added");
  load();
}, { already_member: "who" });

/* Settings */

onSubmit(form, async () => {
  const w = state.workspace;
  const body = { name: f.name.value.trim() };
  if (f.availabilityState.value !== (w.availabilityState === "OFFLINE" ? "OFFLINE" : "ONLINE")) body.availabilityState = f.availabilityState.value;
  if (f.deviceKind.value !== w.deviceKind) body.deviceKind = f.deviceKind.value;
  const circle = [f.lat.value, f.lng.value, f.radiusMeters.value].map((v) => v.trim());
  if (circle.every((v) => !v)) body.coverage = null;
  else body.coverage = { center: { lat: Number(circle[0] || NaN), lng: Number(circle[1] || NaN) }, radiusMeters: Number(circle[2] || NaN) };
  try {
    await patch(path, body, { ifMatch: state.etag });
  } catch (error) {
    if (error.code === "edit_conflict") await load();
    throw error;
  }
  toast("Saved");
  load();
});

document.getElementById("select").addEventListener("click", async () => {
  try {
    await post("/auth/workspace/select", { workspaceId: id }, { key: null });
    location.reload();
  } catch (error) {
    complain("It was not selected", error);
  }
});

for (const button of document.querySelectorAll("[data-action]")) allow(button, false, "Finding out whether this is possible…");
load();
