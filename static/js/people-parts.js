// What people, groups and policies share: words of providers and kinds, roles as ticks, things by their names, the editor of a reach.

import { all, get } from "./api.js";
import { $, $$, el, icon, setAttr } from "./dom.js";
import { humanise, short } from "./format.js";

export const PROVIDERS = { local: "Password", oidc: "Provider", wallet: "Wallet" };
const ADDRESS = /^0x[0-9a-f]{40}$/i;
/** Whoever came in by a wallet is named by its address until they are called something. */
export const nameOf = (user) => (user.name && !ADDRESS.test(user.name) ? user.name : user.email || short(user.name || user.wallets?.[0] || user.id));
export const roleTags = (roles) => (roles.length ? roles.map((r) => el("span", { class: "tag" }, humanise(r))) : [el("span", { class: "t3" }, "none")]);
export const kindWords = (kind) => (kind === "session" ? "Field session" : humanise(kind));
export const plainKind = (kind) => kindWords(kind).toLowerCase();

/* Things by name */

/** Kinds that have a list to choose from: its path and the name of a row. Others are named by their id. */
const LISTS = {
  site: ["/sites", (r) => r.name], node: ["/nodes", (r) => r.alias], recording: ["/recordings", (r) => r.name], schedule: ["/schedules", (r) => r.name],
  workspace: ["/workspaces", (r) => r.name], session: ["/sessions", (r) => r.name || r.title || short(r.id)], recording_profile: ["/settings/recording-profiles", (r) => r.name],
};
const known = new Map();

/** `[{id, name}]` of a kind; empty where there is no list, or none that this person may read. */
export function thingsOf(kind) {
  if (!known.has(kind)) known.set(kind, readThings(kind));
  return known.get(kind);
}

async function readThings(kind) {
  if (!LISTS[kind]) return [];
  const [path, name] = LISTS[kind];
  try {
    const rows = await all(path, {}, 400);
    return rows.map((row) => ({ id: row.id, name: name(row) || short(row.id) }));
  } catch (error) {
    // Without the list a thing is still named by its id.
    if (error.status >= 400 && error.status < 500) return [];
    throw error;
  }
}

/** "every site", "site Hall B". */
export async function thingWords(kind, id) {
  if (id === "*") return `every ${plainKind(kind)}`;
  const found = (await thingsOf(kind)).find((t) => t.id === id);
  return `${plainKind(kind)} ${found?.name || short(id)}`;
}

/** Puts into `place` what names a thing of `kind`: a list, or a field for its id. Returns the control. */
export async function thingField(place, kind, { id, value = "", everything = true, name = "resourceId" }) {
  const things = kind ? await thingsOf(kind) : [];
  let control;
  if (things.length) {
    control = el("select", { class: "in", id, name });
    if (everything) control.append(new Option("All of them", "*"));
    control.append(...things.map((t) => new Option(t.name, t.id)));
    if (value && ![...control.options].some((o) => o.value === value)) control.append(new Option(short(value), value));
  } else {
    control = el("input", { class: "in mono", id, name, autocomplete: "off", spellcheck: "false", placeholder: everything ? "An id, or * for all of them" : "An id" });
  }
  if (value) control.value = value;
  for (const old of $$("input, select", place)) old.remove();
  place.append(control);
  return control;
}

/* Roles and groups as ticks */

export const ticked = (form, name) => $$(`input[name="${name}"]:checked`, form).map((i) => i.value);

export function tick(form, name, values) {
  const wanted = new Set(values.map(String));
  for (const box of $$(`input[name="${name}"]`, form)) box.checked = wanted.has(box.value);
}

export function groupTicks(place, groups) {
  place.replaceChildren(...groups.map((g) => el("label", { class: "ckl" }, el("input", { class: "ck", type: "checkbox", name: "groupIds", value: String(g.id) }), el("span", {}, g.name))));
}

/** Hands out only what one holds: a role that isn't the person's to give says so when it is refused; here it is told before. */
export async function catalogue() {
  return (await get("/auth/permissions")).data;
}

/* The editor of a reach */

/** In a `.reach` fieldset: `value` is `[{resourceType, resourceId}]`; `onchange()` after each change by hand. */
export function reachEditor(box, onchange = () => {}) {
  const kinds = box.dataset.kinds.split(" ");
  const kind = $('[data-pick="kind"]', box);
  const place = $('[data-pick="place"]', box);
  let grants = [];
  kind.append(...kinds.map((k) => new Option(kindWords(k), k)));
  const offer = () => thingField(place, kind.value, { id: kind.id.replace(/kind$/, "thing"), name: "" });
  kind.addEventListener("change", offer);
  const same = (a, b) => a.resourceType === b.resourceType && a.resourceId === b.resourceId;
  async function paint() {
    const words = await Promise.all(grants.map((g) => thingWords(g.resourceType, g.resourceId)));
    $('[data-f="chosen"]', box).replaceChildren(...grants.map((g, i) => el("li", { class: "fchip" }, words[i], el("button", { type: "button", "aria-label": `Take ${words[i]} away`, onclick: () => { grants = grants.filter((x) => !same(x, g)); paint(); onchange(); } }, icon("x", "i-s")))));
    $('[data-f="nothing"]', box).hidden = grants.length > 0;
  }
  async function add() {
    const control = $("input, select", place);
    const id = control?.value.trim();
    setAttr(control, "aria-invalid", id ? null : "true");
    if (!id) {
      control.focus();
      return;
    }
    const grant = { resourceType: kind.value, resourceId: id };
    if (!grants.some((g) => same(g, grant))) grants.push(grant);
    await paint();
    onchange();
  }
  $('[data-pick="add"]', box).addEventListener("click", add);
  place.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  });
  offer();
  return {
    get value() { return grants; },
    set value(list) { grants = [...list]; paint(); },
  };
}
