// Groups: the same roles and the same reach for several people.

import { all, ApiError, del, patch, post } from "./api.js";
import { $, $$, arm, clone, complain, el, fill, keyed, text, toast } from "./dom.js";
import { onSubmit } from "./forms.js";
import { plural } from "./format.js";
import { command } from "./keys.js";
import { nameOf, reachEditor, roleTags, thingWords, tick, ticked } from "./people-parts.js";

const dialog = document.getElementById("group");
const form = document.getElementById("group-form");
const reach = reachEditor($(".reach", form));
const find = document.getElementById("member-q");
let people = [];
let groups = [];
let at = null;

async function load() {
  try {
    groups = await all("/auth/groups");
  } catch (error) {
    complain("Groups could not be read", error);
    return;
  } finally {
    document.getElementById("wait").hidden = true;
  }
  keyed(document.getElementById("rows"), groups, (g) => g.id, createRow, updateRow);
  document.getElementById("none").hidden = groups.length > 0;
  $("main .panel").classList.toggle("bare", !groups.length);
  text(document.getElementById("sum"), groups.length ? plural(groups.length, "group") : "");
}

async function updateRow(tr, g) {
  fill(tr, { name: g.name, roles: roleTags(g.roles), members: String(g.memberIds.length), reach: g.resourceGrants.length ? "…" : "—" });
  const first = await Promise.all(g.resourceGrants.slice(0, 3).map((x) => thingWords(x.resourceType, x.resourceId)));
  if (first.length) fill(tr, { reach: first.join(", ") + (g.resourceGrants.length > 3 ? ` and ${g.resourceGrants.length - 3} more` : "") });
}

function createRow(g) {
  const tr = clone("t-row");
  $('[data-do="edit"]', tr).setAttribute("aria-label", `Edit ${g.name}`);
  $('[data-do="edit"]', tr).addEventListener("click", () => open(groups.find((x) => x.id === g.id)));
  arm($('[data-do="delete"]', tr), async () => {
    try {
      await del(`/auth/groups/${g.id}`);
      toast(`${g.name} deleted`);
      load();
    } catch (error) {
      complain(`${g.name} was not deleted`, error);
    }
  });
  return tr;
}

/* The dialog */

function narrow() {
  const words = find.value.trim().toLowerCase();
  for (const li of $$("#members li")) li.hidden = !$("input", li).checked && !li.textContent.toLowerCase().includes(words);
}

function show(group) {
  form.elements.name.value = group?.name || "";
  tick(form, "roles", group?.roles || []);
  reach.value = group?.resourceGrants || [];
  const members = new Set(group?.memberIds || []);
  const order = [...people].sort((a, b) => members.has(b.id) - members.has(a.id));
  document.getElementById("members").replaceChildren(...order.map((u) => {
    const box = el("input", { class: "ck", type: "checkbox", name: "memberIds", value: u.id });
    box.checked = members.has(u.id);
    return el("li", {}, el("label", { class: "ckl" }, box, el("span", {}, nameOf(u), " ", el("span", { class: "t3 sm" }, u.email && u.email !== nameOf(u) ? u.email : ""))));
  }));
  document.getElementById("reread").hidden = true;
  find.value = "";
  narrow();
}

async function open(group) {
  at = group ? { ...group } : null;
  text(document.getElementById("group-h"), group ? `Group ${group.name}` : "New group");
  if (!people.length) {
    try {
      people = await all("/auth/users", {}, 2000);
    } catch (error) {
      complain("People could not be read", error);
    }
  }
  show(group);
  dialog.showModal();
}

/** Groups carry no tag in their list: a change in between is seen by comparing with what was read. */
async function changedMeanwhile() {
  const now = (await all("/auth/groups")).find((g) => g.id === at.id);
  if (!now || JSON.stringify(now) === JSON.stringify(at)) return;
  at = now;
  document.getElementById("reread").hidden = false;
  throw new ApiError({ code: "edit_conflict", status: 412, message: "Someone changed this group since you opened it. Save again to put yours in its place, or look at what is stored." });
}

onSubmit(form, async (f) => {
  const body = { name: f.name.value.trim(), roles: ticked(form, "roles"), memberIds: ticked(form, "memberIds"), resourceGrants: reach.value };
  if (at) await changedMeanwhile();
  if (at) await patch(`/auth/groups/${at.id}`, body);
  else await post("/auth/groups", body);
  dialog.close();
  toast(at ? "Saved" : `${body.name} made`, "It applies within five seconds.");
  load();
}, { duplicate_name: "name" });

document.getElementById("reread").addEventListener("click", () => show(at));
find.addEventListener("input", narrow);
find.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
document.getElementById("create-open").addEventListener("click", () => open(null));
document.getElementById("none-act").addEventListener("click", () => open(null));
command("n", "New group", () => open(null), { glyph: "plus" });
load();
