// The devices of a supplier: list, add, edit, keys, on duty from this browser.

import { all, del, get, patch, post } from "../api.js";
import { $, arm, clone, complain, copyButton, el, fill, keyed, setAttr, text, toast } from "../dom.js";
import { onSubmit } from "../forms.js";
import { ago, humanise, short, when } from "../format.js";
import { serverNow } from "../now.js";
import { Duty } from "./duty.js";
import { meters, parsePoint, place } from "./geo.js";
import { here } from "./here.js";
import { KIND_LIST, availabilityBadge, kindWords } from "./words.js";

const dialog = document.getElementById("device");
const form = document.getElementById("device-form");
const list = document.getElementById("device-list");
const state = { rows: [], editing: null, etag: null, workspace: null, changed: () => {}, served: () => {} };
const duty = new Duty(() => paint());

export const devices = () => state.rows;

/** Who takes a request that this person accepts: nobody in particular for a member; a role of the installation must name one. */
export function taking() {
  if (state.workspace?.member) return {};
  const free = state.rows.find((d) => d.availabilityState === "ONLINE") || state.rows.find((d) => d.availabilityState !== "BUSY" && d.enabled);
  return free ? { operatorId: free.id } : {};
}

/** What the map draws: each device where it was last, else at home, with the circle it serves. */
export function drawnDevices() {
  return state.rows.flatMap((d) => {
    const at = d.lastPoint || d.home;
    const circle = d.coverage && (d.coverage.center || d.home);
    return [
      circle && { kind: "circle", at: circle, meters: d.coverage.radiusMeters, faint: true },
      at && { kind: "point", id: d.id, device: true, at, label: d.label, shape: d.availabilityState === "OFFLINE" ? "hollow" : "dot", accuracyMeters: d.lastPoint ? d.lastAccuracyMeters : 0 },
    ].filter(Boolean);
  });
}

export async function loadDevices(workspace) {
  state.workspace = workspace;
  try {
    state.rows = await all("/device-operators", { workspaceId: workspace.id });
  } catch (error) {
    if (error.status !== 403) complain("The devices could not be read", error);
    state.rows = [];
  }
  paint();
  state.changed();
}

function detail(d) {
  const where = d.lastPoint ? `${place(d.lastPoint, 4)}${d.lastAccuracyMeters ? ` ± ${meters(d.lastAccuracyMeters)}` : ""}` : d.home ? `home ${place(d.home, 4)}` : "no place";
  const seen = d.lastSeenAt ? `seen ${ago(d.lastSeenAt, serverNow())}` : "never seen";
  const serves = d.coverage ? `serves ${meters(d.coverage.radiusMeters)} around` : "no coverage: takes open requests only by hand";
  return [humanise(kindWords(d.kind)), d.enabled ? "" : "takes no work", where, serves, seen].filter(Boolean).join(" · ");
}

function paint() {
  const rows = state.rows;
  keyed(list, rows, (d) => d.id, create, (li, d) => {
    fill(li, { label: d.label, badge: [availabilityBadge(d.availabilityState), d.isDefault ? el("span", { class: "tag" }, "the workspace itself") : null, d.environment === "TEST" ? el("span", { class: "tag" }, "TEST") : null].filter(Boolean), detail: duty.id === d.id && duty.words ? duty.words : detail(d) });
    const button = $("[data-do=duty]", li);
    setAttr(button, "aria-pressed", String(duty.id === d.id));
    setAttr(button, "aria-label", `On duty here: ${d.label}`);
    setAttr($("[data-do=edit]", li), "aria-label", `Edit ${d.label}`);
  });
  document.getElementById("devices-none").hidden = rows.length > 0;
  const n = document.getElementById("devices-n");
  n.hidden = !rows.length;
  text(n, String(rows.length));
}

function create(d) {
  const li = clone("t-device");
  $("[data-do=duty]", li).addEventListener("click", () => duty.toggle(d.id));
  $("[data-do=edit]", li).addEventListener("click", () => edit(d.id));
  return li;
}

/* One of them */

async function edit(id) {
  let row = null;
  if (id) {
    try {
      const { data, etag } = await get(`/device-operators/${id}`);
      row = data;
      state.etag = etag;
    } catch (error) {
      complain("The device could not be read", error);
      return;
    }
  }
  state.editing = row;
  form.reset();
  const f = form.elements;
  text(document.getElementById("device-h"), row ? row.label : "Add a device");
  f.label.value = row?.label || "";
  f.kind.value = row?.kind || "phone";
  f.home.value = row?.home ? `${row.home.lat}, ${row.home.lng}` : "";
  f.coverage.value = row?.coverage?.radiusMeters ?? (row ? "" : 1000);
  f.enabled.checked = row ? row.enabled : true;
  document.getElementById("device-delete").hidden = !row || row.isDefault;
  document.getElementById("device-keys").hidden = !row;
  dialog.showModal();
  if (row) loadKeys();
}

function body(f) {
  const home = f.home.value.trim() ? parsePoint(f.home.value) : null;
  const kept = state.editing?.coverage?.center;
  return {
    label: f.label.value.trim(), kind: f.kind.value, home, enabled: f.enabled.checked,
    coverage: f.coverage.value ? { radiusMeters: Number(f.coverage.value), ...(kept && !home ? { center: kept } : {}) } : null,
  };
}

async function save(f) {
  const fields = body(f);
  if (state.editing) await patch(`/device-operators/${state.editing.id}`, fields, { ifMatch: state.etag });
  else await post("/device-operators", { ...fields, workspaceId: state.workspace.id });
  dialog.close();
  toast("Saved", fields.label);
  await loadDevices(state.workspace);
  state.served();
}

/* Keys */

async function loadKeys() {
  const id = state.editing.id;
  try {
    const { data } = await get(`/device-operators/${id}/keys`);
    const ul = document.getElementById("key-list");
    ul.replaceChildren(...(data.length ? data.map((k) => keyRow(id, k)) : [el("li", { class: "t2 sm" }, "None yet. The wallet of the workspace may always sign.")]));
  } catch (error) {
    complain("The keys could not be read", error);
  }
}

function keyRow(id, k) {
  const revoke = k.revokedAt ? el("span", { class: "badge off" }, "REVOKED") : el("button", { class: "btn s arm", type: "button", "data-sure": "Revoke it", "aria-label": `Revoke ${k.address}` }, el("span", { class: "lb" }, "Revoke"));
  if (!k.revokedAt) {
    arm(revoke, async () => {
      try {
        await del(`/device-operators/${id}/keys/${k.id}`);
        loadKeys();
      } catch (error) {
        complain("The key was not revoked", error);
      }
    });
  }
  return el("li", { class: "row" }, el("span", { class: "mono", title: k.address }, short(k.address)), copyButton(k.address, "address"), el("span", { class: "t3 sm grow" }, k.createdAt || k.issuedAt ? `since ${when(k.createdAt || k.issuedAt)}` : ""), revoke);
}

async function makeKey() {
  try {
    const { keyFor } = await import("./signer.js");
    const key = await keyFor(state.editing.id, serverNow);
    toast("This device signs for it", short(key.address));
    loadKeys();
  } catch (error) {
    complain("No key was made", error);
  }
}

/** `changed` hears when the list was read, `served` when what is covered may be another. */
export function startDevices(changed, served) {
  Object.assign(state, { changed, served });
  form.elements.kind.replaceChildren(...KIND_LIST.map(([value, words]) => new Option(humanise(words), value)));
  document.getElementById("device-add").addEventListener("click", () => edit(null));
  document.getElementById("key-make").addEventListener("click", makeKey);
  document.getElementById("dv-here").addEventListener("click", async () => {
    try {
      const { point } = await here();
      form.elements.home.value = `${point.lat}, ${point.lng}`;
    } catch (error) {
      complain("Where you are is not known", { message: error.message, status: 0 });
    }
  });
  arm(document.getElementById("device-delete"), async () => {
    try {
      await del(`/device-operators/${state.editing.id}`);
      dialog.close();
      await loadDevices(state.workspace);
      state.served();
    } catch (error) {
      complain("The device was not deleted", error);
    }
  });
  onSubmit(form, save, { duplicate_name: "label" });
}
