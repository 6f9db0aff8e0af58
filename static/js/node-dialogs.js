// What a person changes about a node: its card, an interface, its credential, and a recording with options.

import { usable } from "./actions.js";
import { all, patch, post } from "./api.js";
import { $, $$, arm, complain, copy, el, fill, toast } from "./dom.js";
import { enrolCommand, fillSites } from "./enrol.js";
import { onSubmit, splitTags } from "./forms.js";
import { interfaceName, roleOf } from "./nodes.js";
import { record } from "./recordings.js";
import { may } from "./shell.js";

const dialog = (id) => document.getElementById(id);

/** `state` = {node, etag}; `reload()` reads it again, `startedOne()` the recordings. */
export function startDialogs(state, { reload, startedOne }) {
  editNode(state, reload);
  editInterface(state, reload);
  rotate(state);
  recordWith(state, startedOne);
}

function editNode(state, reload) {
  const form = document.getElementById("edit-form");
  document.getElementById("edit-open").addEventListener("click", async ({ currentTarget }) => {
    if (!usable(currentTarget)) return;
    const { node } = state;
    const f = form.elements;
    f.alias.value = node.alias;
    for (const name of ["building", "floor", "room"]) f[name].value = node.location?.[name] || "";
    f.tags.value = (node.tags || []).join(", ");
    f.notes.value = node.notes || "";
    f.maxConcurrentRecordings.value = node.recordingCapacity?.maxConcurrentRecordings ?? 1;
    dialog("edit").showModal();
    try {
      await fillSites(f.siteId, node.location?.siteId);
    } catch (error) {
      complain("Sites could not be read", error);
    }
  });
  onSubmit(form, async (f) => {
    const location = { siteId: f.siteId.value };
    for (const name of ["building", "floor", "room"]) location[name] = f[name].value.trim() || null;
    await patch(`/nodes/${state.node.id}`, {
      alias: f.alias.value.trim(), location, tags: splitTags(f.tags.value), notes: f.notes.value, recordingCapacity: { maxConcurrentRecordings: Number(f.maxConcurrentRecordings.value) },
    }, { ifMatch: state.etag });
    dialog("edit").close();
    toast("Saved");
    reload();
  }, { duplicate_name: "alias" });
  arm(document.getElementById("retire"), async () => {
    try {
      await patch(`/nodes/${state.node.id}`, { retired: true });
      location.assign("/nodes");
    } catch (error) {
      complain(`${state.node.alias} was not retired`, error);
    }
  });
}

const ROLES = [["expected", "Expected"], ["optional", "Optional"], ["unused", "Unused"]];

/** Only what a person changed is sent: an untouched role stays the channel map's. */
const changed = (at) => (c) => {
  const old = at.channels?.find((o) => o.index === c.index);
  return !old || (old.alias || null) !== c.alias || roleOf(old) !== c.role;
};

function channelRow(channel) {
  const n = channel.index;
  const role = el("select", { class: "in", name: `role-${n}`, "aria-label": `Role of channel ${n}` }, ...ROLES.map(([value, words]) => new Option(words, value)));
  role.value = roleOf(channel);
  const alias = el("input", { class: "in", name: `alias-${n}`, maxlength: "64", "aria-label": `Name of channel ${n}`, autocomplete: "off" });
  alias.value = channel.alias || "";
  return el("tr", { "data-index": n }, el("td", { class: "num" }, String(n)), el("td", {}, alias), el("td", {}, role));
}

const KINDS = { url: "A stream, by its address", file: "A file on the node", lavfi: "A test signal" };
const RATES = [44100, 48000, 88200, 96000, 176400, 192000];

/** Its own source, or null where it records from the device that the node reported. */
const ownSource = (i) => (i.source && (i.source.kind !== i.backend || i.source.ref !== i.systemRef) ? i.source : null);

function fillSource(f, i) {
  const own = ownSource(i);
  const kinds = { ...(own ? { [own.kind]: own.kind } : {}), ...KINDS };
  f.kind.replaceChildren(new Option("The device itself", ""), ...Object.entries(kinds).map(([kind, words]) => new Option(words, kind)));
  f.kind.value = own?.kind || "";
  f.ref.value = own?.ref || "";
  const rates = [...new Set([...(i.sampleRates?.length ? i.sampleRates : RATES), ...(i.sampleRate ? [i.sampleRate] : [])])].sort((a, b) => a - b);
  f.sampleRate.replaceChildren(new Option("As the node has it", ""), ...rates.map((rate) => new Option(String(rate), rate)));
  f.sampleRate.value = i.sampleRate || "";
  f.sampleFormat.value = i.sampleFormat || "";
  f.room.value = i.room || "";
  f.monitor.value = i.monitor;
}

/** What the form says of the interface, in the API's names. */
const said = (f) => ({
  alias: f.alias.value.trim() || null, enabled: f.enabled.checked, source: f.kind.value ? { kind: f.kind.value, ref: f.ref.value.trim() } : null,
  sampleRate: Number(f.sampleRate.value) || null, sampleFormat: f.sampleFormat.value || null, room: f.room.value.trim() || null, monitor: f.monitor.value,
});

function editInterface(state, reload) {
  const form = document.getElementById("interface-form");
  let at = null;
  let before = {};
  form.elements.kind.addEventListener("change", () => { form.elements.ref.disabled = !form.elements.kind.value; });
  document.getElementById("interface-list").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-interface]");
    if (!button || !usable(button)) return;
    at = state.node.interfaces.find((i) => i.id === button.dataset.interface);
    const channels = at.channels?.length ? at.channels : Array.from({ length: at.channelCount || 0 }, (_, k) => ({ index: k + 1 }));
    document.getElementById("interface-h").textContent = interfaceName(at);
    fill(form, { ref: [at.systemName, at.systemRef, at.hardwarePath].filter(Boolean).join(" · ") });
    form.elements.alias.value = at.alias || "";
    form.elements.enabled.checked = at.enabled !== false;
    document.getElementById("if-channels").replaceChildren(...channels.map(channelRow));
    fillSource(form.elements, at);
    $("details", form).open = Boolean(ownSource(at));
    form.elements.ref.disabled = !form.elements.kind.value;
    before = said(form.elements);
    dialog("interface").showModal();
  });
  onSubmit(form, async (f) => {
    const channels = $$("#if-channels tr").map((tr) => ({ index: Number(tr.dataset.index), alias: $("input", tr).value.trim() || null, role: $("select", tr).value }));
    // Only what was changed here: whatever another changes meanwhile stays.
    const news = Object.fromEntries(Object.entries(said(f)).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
    await patch(`/nodes/${state.node.id}/interfaces/${at.id}`, { ...news, channels: channels.filter(changed(at)) });
    dialog("interface").close();
    toast("Saved", "The node applies it with its next configuration.");
    reload();
  });
}

function rotate(state) {
  const form = document.getElementById("rotate-form");
  const result = document.getElementById("rotated");
  let commandText = "";
  document.getElementById("rotate-open").addEventListener("click", ({ currentTarget }) => {
    if (!usable(currentTarget)) return;
    form.hidden = false;
    result.hidden = true;
    form.elements.deliver.value = state.node.status === "offline" ? "response" : "node";
    dialog("rotate").showModal();
  });
  onSubmit(form, async (f) => {
    const body = { deliver: f.deliver.value, revokeNow: f.revokeNow.checked };
    if (f.reason.value.trim()) body.reason = f.reason.value.trim();
    const { data } = await post(`/nodes/${state.node.id}/credentials/rotate`, body);
    form.reset();
    if (!data.credential?.token) {
      dialog("rotate").close();
      toast("Rotating", "The node takes the new credential with its next heartbeat.");
      return;
    }
    commandText = await enrolCommand(state.node.id, data.credential.token, { fetchAgent: false });
    fill(result, { command: commandText });
    form.hidden = true;
    result.hidden = false;
  });
  document.getElementById("copy-rotated").addEventListener("click", () => copy(commandText, "Command"));
  dialog("rotate").addEventListener("close", () => {
    // The token must not stay in the page.
    commandText = "";
    fill(result, { command: "" });
  });
}

/** The profiles that a recording can have; who may not read them records with the usual one. */
async function offerProfiles(select) {
  const usual = new Option("The usual one", "");
  select.replaceChildren(usual);
  if (!may("settings:read")) return;
  try {
    const rows = (await all("/settings/recording-profiles", { enabled: true })).filter((p) => p.kind === "audio");
    select.replaceChildren(...rows.map((p) => new Option(p.isDefault ? `${p.name}, the usual one` : p.name, p.isDefault ? "" : p.id, p.isDefault, p.isDefault)));
  } catch (error) {
    complain("Profiles could not be read", error);
  }
}

function recordWith(state, startedOne) {
  const form = document.getElementById("start-form");
  document.getElementById("record-options").addEventListener("click", ({ currentTarget }) => {
    if (!usable(currentTarget)) return;
    const list = (state.node.interfaces || []).filter((i) => i.enabled !== false);
    form.elements.captureInterfaceId.replaceChildren(...list.map((i) => new Option(interfaceName(i), i.id)));
    dialog("start").showModal();
    offerProfiles(form.elements.recordingProfileId);
  });
  onSubmit(form, async (f) => {
    const body = { nodeId: state.node.id };
    for (const name of ["name", "folder"]) if (f[name].value.trim()) body[name] = f[name].value.trim();
    if (f.recordingProfileId.value) body.recordingProfileId = f.recordingProfileId.value;
    if (f.captureInterfaceId.value) body.captureInterfaceId = f.captureInterfaceId.value;
    if (f.durationSeconds.value) body.durationSeconds = Math.round(Number(f.durationSeconds.value) * 60);
    if (f.tags.value.trim()) body.tags = splitTags(f.tags.value);
    if (!(await record(body, state.node.alias))) return;
    dialog("start").close();
    form.reset();
    startedOne();
  });
}
