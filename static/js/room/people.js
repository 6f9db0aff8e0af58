// Who is here, coming in, coming back, leaving; and for directors the links that let people in.

import { ApiError, all, del, get, getInAgain, post } from "../api.js";
import { $, arm, complain, copy, el, fill, icon, keyed, setAttr, text } from "../dom.js";
import { onSubmit } from "../forms.js";
import { initials } from "../format.js";
import { ROLES, guest, room } from "./store.js";

const REMEMBERED = "tr-control-room-me";
const by = (name) => document.getElementById(name);

/* The list */

function createPerson(row) {
  const li = el("li", { class: "row g3 oprow" }, el("span", { class: "av", "aria-hidden": "true" }, initials(row.name)), el("span", { class: "grow ell", "data-f": "name" }), el("span", { class: "t3 sm", "data-f": "role" }), el("span", { class: "t3 sm st", "data-f": "here" }));
  const remove = el("button", { class: "btn quiet s arm", type: "button", "data-sure": "Remove" }, el("span", { class: "lb" }, "×"));
  remove.hidden = true;
  arm(remove, () => leave(row.id, `${row.name} was not removed`));
  li.append(remove);
  return li;
}

function paintPerson(li, row) {
  const me = row.id === room.me?.id;
  $(".av", li).classList.toggle("away", !row.connected);
  const name = $('[data-f="name"]', li);
  if (name.dataset.is !== row.name) {
    name.dataset.is = row.name;
    name.replaceChildren(row.name, row.guest ? [" ", el("span", { class: "tag" }, "guest")].flat()[1] : "");
  }
  fill(li, { role: row.role, here: me ? "you" : row.connected ? "here" : "away" });
  const remove = $("button", li);
  remove.hidden = !room.director || me;
  setAttr(remove, "aria-label", `Remove ${row.name}`);
  setAttr(remove, "title", `Remove ${row.name}`);
}

export function paintPeople() {
  const people = [...room.view.operators].sort((a, b) => Number(b.connected) - Number(a.connected));
  keyed(by("operators"), people, (row) => row.id, createPerson, paintPerson);
  by("nobody").hidden = people.length > 0;
  text($('[data-f="here"]'), String(people.filter((row) => row.connected).length));
  paintEntrance();
}

/* Coming in and leaving */

const remembered = () => JSON.parse(localStorage.getItem(REMEMBERED) || "null");
let named = false;

function paintEntrance() {
  const box = by("enter");
  box.hidden = !room.known || Boolean(room.me);
  by("leave").hidden = !room.me;
  if (box.hidden) return;
  const may = room.mine.mayRegisterAs;
  const before = remembered();
  const back = before && may.includes(before.role) ? before : null;
  fill(box, {
    title: back ? "You have left the control room" : "You are watching",
    words: may.length ? "With a role you are seen by the others and can command." : "Your account may watch. For a role open an invite link, or ask an admin for the permission control-room:operate.",
  });
  const again = by("again");
  again.hidden = !back;
  if (back) text(again, `Back in as ${back.name}, ${back.role}`);
  by("enter-form").hidden = !may.length || Boolean(back);
  const role = by("enter-role");
  if (role.options.length !== may.length) role.replaceChildren(...may.map((name) => new Option(name, name)));
  if (!named) {
    named = true;
    by("enter-name").value = document.body.dataset.name || "";
  }
}

async function enter(name, role) {
  const { data } = await post("/operator/register", { name, role }, { key: null });
  localStorage.setItem(REMEMBERED, JSON.stringify({ name: data.name, role: data.role }));
  await room.readMe();
}

onSubmit(by("enter-form"), ({ name, role }) => enter(name.value, role.value), { duplicate_name: "name" });
by("again").addEventListener("click", async () => {
  const { name, role } = remembered();
  try {
    await enter(name, role);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    localStorage.removeItem(REMEMBERED);
    complain("You are not back", error);
    paintEntrance();
  }
});

async function leave(id, what) {
  try {
    await del(`/operator/${encodeURIComponent(id)}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    complain(what, error);
    return;
  }
  if (id !== room.me?.id) return;
  if (guest) getInAgain();
  else room.readMe();
}
arm(by("leave"), () => leave(room.me.id, "You have not left"));

/* Invites */

const dialog = by("invites");
const link = (token) => `${location.origin}/join#${token}`;

async function readInvites() {
  const [rows, tokens] = await Promise.all([all("/operator/invites", {}, 400), get("/operator/invite-tokens")]);
  const active = (row) => ["active", "stale"].includes(row.status);
  const roles = ROLES.map((role) => ({ role, row: rows.find((r) => r.kind === "role" && r.role === role && r.status !== "revoked"), token: tokens.data[role] }));
  by("role-links").replaceChildren(...roles.map(roleLine));
  by("personal-links").replaceChildren(...rows.filter((r) => r.kind === "personal" && active(r)).map(personalLine));
}

const did = async (what, act) => {
  try {
    await act();
    await readInvites();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    complain(what, error);
  }
};
const button = (words, press, props = {}) => el("button", { class: "btn s", type: "button", onclick: press, ...props }, words);

function armed(words, sure, press) {
  const node = el("button", { class: "btn s quiet arm", type: "button", "data-sure": sure }, el("span", { class: "lb" }, words));
  arm(node, press);
  return node;
}

const STATUS = { active: "", expired: "expired", used_up: "used up", stale: "made under another key: rotate it to see it again" };

function roleLine({ role, row, token }) {
  const tools = !row
    ? [button("Make a link", () => did("The link was not made", () => post("/operator/invites", { kind: "role", role }, { key: null })), { "aria-label": `Make a link for ${role}` })]
    : [
        token ? el("button", { class: "btn s", type: "button", "aria-label": `Copy the link for ${role}`, onclick: () => copy(link(token), `The link for ${role}`) }, icon("copy", "i-s"), "Copy link") : null,
        armed("Rotate", "Old link ends", () => did("The link was not rotated", () => post(`/operator/invites/${row.id}/rotate`, {}, { key: null }))),
        armed("Revoke", "Revoke now", () => did("The link was not revoked", () => del(`/operator/invites/${row.id}`))),
      ];
  const words = row ? STATUS[row.status] || `${row.uses} came by it` : "no link";
  return el("li", { class: "row wrap" }, el("b", { class: "rolew" }, role), el("span", { class: "t2 sm grow" }, words), ...tools.filter(Boolean));
}

const personalLine = (row) =>
  el("li", { class: "row wrap" }, el("b", { class: "ell" }, row.label || "No name"), el("span", { class: "tag" }, row.role), el("span", { class: "t2 sm grow" }, `…${row.lastFour}, ${row.uses ? `${row.uses} of ${row.maxUses ?? "any number"} came` : "not used yet"}`), armed("Revoke", "Revoke now", () => did("The link was not revoked", () => del(`/operator/invites/${row.id}`))));

onSubmit(by("personal-form"), async ({ label, role, hours, uses }) => {
  const expiresAt = new Date(Date.now() + Number(hours.value) * 3600e3).toISOString();
  const { data } = await post("/operator/invites", { kind: "personal", role: role.value, label: label.value.trim(), expiresAt, maxUses: Number(uses.value) || 1 }, { key: null });
  const box = by("fresh");
  box.hidden = by("fresh-words").hidden = false;
  text(by("fresh-words"), `Shown this once. It lets ${data.invite.maxUses === 1 ? "one person" : `${data.invite.maxUses} people`} in.`);
  text($("pre", box), link(data.token));
  $("button", box)?.remove();
  box.append(button("Copy link", () => copy(link(data.token), "The link")));
  label.value = "";
  uses.value = "1";
  await readInvites();
});

by("personal-role").replaceChildren(...ROLES.map((role) => new Option(role, role)));
by("invite-open").addEventListener("click", async ({ currentTarget }) => {
  if (currentTarget.getAttribute("aria-disabled") === "true") return;
  by("fresh").hidden = by("fresh-words").hidden = true;
  try {
    await readInvites();
    dialog.showModal();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    complain("The invites could not be read", error);
  }
});
export const noLongerDirector = () => { if (dialog.open) dialog.close(); };
