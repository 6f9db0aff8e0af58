// One node: its bridge, what it records, its devices and its credential.

import { actionsOf, allow, apply } from "./actions.js";
import { Answers } from "./answers.js";
import { get } from "./api.js";
import { eventGlyph, eventTitle, nodeBadges, recBadge } from "./badges.js";
import { $, $$, arm, clone, complain, copyButton, debounce, el, fill, icon, keyed, setAttr, text } from "./dom.js";
import { ago, bytes, duration, hm, plural, signed, utc, when } from "./format.js";
import { showBridge, clearClips } from "./node-bridge.js";
import { startDialogs } from "./node-dialogs.js";
import { command } from "./keys.js";
import { interfaceName, place } from "./nodes.js";
import { serverNow } from "./now.js";
import { Active, PHASES, progress, record, startedAt, stop } from "./recordings.js";
import { may } from "./shell.js";
import { live } from "./socket.js";

const id = document.body.dataset.node;
const root = document.getElementById("node");
const active = new Active(id);
const state = { node: null, etag: null, actions: null };

const reload = debounce(load, 200);
const reads = { node: new Answers(), actions: new Answers(), alarms: new Answers() };

async function load() {
  try {
    const answer = await reads.node.next(get(`/nodes/${id}`));
    if (!answer) return;
    Object.assign(state, { node: answer.data, etag: answer.etag });
    paint();
  } catch (error) {
    if (error.status === 404) absent("There is no such node here", "It may have been removed, or it is outside of what you may see.");
    else if (!state.node) absent("The node could not be read", error.message);
    else complain("The node could not be read again", error);
    return;
  }
  loadActions();
}

const loadActions = debounce(async () => {
  try {
    const actions = await reads.actions.next(actionsOf(`/nodes/${id}`));
    if (!actions) return;
    state.actions = actions;
    apply(document, actions);
  } catch (error) {
    complain("What can be done here could not be read", error);
  }
}, 100);

function absent(title, words) {
  root.hidden = true;
  fill(document.getElementById("absent"), { title, words }).hidden = false;
}

function paint() {
  const { node } = state;
  root.hidden = false;
  document.getElementById("absent").hidden = true;
  document.title = `${node.alias} · Tallyroom`;
  fill($(".page-h", root), { alias: node.alias, badges: nodeBadges(node) });
  paintFacts(node);
  paintMachine(node);
  paintInterfaces(node);
  showBridge(node);
  if (!state.actions) apply(document, null);
}

const fact = (name, value, props = {}) => (value === null || value === "" ? [] : [el("div", {}, el("dt", {}, name), el("dd", props, value))]);
const pair = (name, value, props = {}) => (value === null || value === undefined || value === "" ? [] : [el("dt", {}, name), el("dd", props, value)]);

function paintFacts(node) {
  const disk = node.disk;
  const heard = node.lastSeenAt ? el("span", { "data-ago": node.lastSeenAt, title: utc(node.lastSeenAt) }, ago(node.lastSeenAt, serverNow())) : "never";
  document.getElementById("facts").replaceChildren(
    ...fact("Site", place(node)), ...fact("Heartbeat", heard), ...fact("Agent", node.agentVersion || null),
    ...fact("Clock", node.clock?.offsetMs === undefined || node.clock?.offsetMs === null ? null : `${signed(node.clock.offsetMs, Math.abs(node.clock.offsetMs) < 10 ? 1 : 0)} ms off`),
    ...fact("Disk", disk?.totalBytes ? `${bytes(disk.freeBytes)} free of ${bytes(disk.totalBytes)}` : null),
    ...fact("Up", node.runtime?.uptimeSeconds ? duration(node.runtime.uptimeSeconds) : null),
    ...fact("Tags", node.tags?.length ? el("span", { class: "row g1" }, ...node.tags.map((t) => el("span", { class: "tag" }, t))) : null),
  );
}

function paintMachine(node) {
  const r = node.runtime || {};
  document.getElementById("machine").replaceChildren(
    ...pair("Host", node.hostname, { class: "mono" }), ...pair("Address", (node.ipAddresses || []).join(", "), { class: "mono" }), ...pair("System", [r.osName, r.architecture].filter(Boolean).join(", ")),
    ...pair("Kernel", r.kernelRelease), ...pair("Audio", (r.audioBackends || []).join(", ")), ...pair("Recordings at once", String(node.recordingCapacity?.maxConcurrentRecordings ?? 1)),
    ...pair("Id", [el("span", { class: "mono" }, `${node.id.slice(0, 8)}…${node.id.slice(-4)}`), copyButton(node.id, "node id")], { class: "row g1 push" }),
    ...pair("Notes", node.notes, { class: "left" }),
  );
}

function paintInterfaces(node) {
  const list = node.interfaces || [];
  document.getElementById("interface-none").hidden = list.length > 0;
  keyed(document.getElementById("interface-list"), list, (i) => i.id, () => clone("t-interface"), (li, i) => {
    const broken = i.state === "error" || i.state === "lost";
    const rate = i.sampleRate || i.sampleRates?.[0];
    fill(li, {
      name: interfaceName(i), detail: [plural(i.channelCount || i.channels?.length || 0, "channel"), rate ? `${rate / 1000} kHz` : "", i.source?.kind || i.backend].filter(Boolean).join(" · "),
      badge: i.enabled === false ? el("span", { class: "badge off" }, "OFF") : broken ? el("span", { class: "badge warn", title: i.error || "" }, icon("warn"), i.state === "lost" ? "LOST" : "ERROR") : null,
    });
    const button = $("button", li);
    button.dataset.interface = i.id;
    setAttr(button, "aria-label", `Edit ${interfaceName(i)}`);
  });
}

/* Recording now */

function paintNow() {
  const { rows } = active;
  keyed(document.getElementById("now"), rows, (r) => r.recording.id, createNow, updateNow);
  document.getElementById("now-none").hidden = rows.some((r) => r.recording.status !== "completed");
  text($("#now-none p"), rows.length ? "Free to record again." : "Nothing is recording here.");
  const tag = document.getElementById("now-n");
  tag.hidden = rows.length < 2;
  text(tag, String(rows.length));
  loadActions();
}

function createNow(r) {
  const li = clone("t-now");
  arm($("button", li), async () => {
    if (await stop(r.recording)) active.load();
  });
  return li;
}

function phases(step) {
  return PHASES.map(([, words], i) => el("li", { class: i < step ? "done" : i === step ? "now" : "", "aria-current": i === step ? "step" : null }, words));
}

function updateNow(li, { recording, job }) {
  const p = progress(recording, job);
  fill(li, { name: recording.name, badge: p.running && !p.stopping ? recBadge() : el("span", { class: "badge plain" }, p.word), phases: phases(p.step), worry: p.worry ? [icon("warn", "i-s"), p.worry] : null });
  setAttr($("a", li), "href", `/recordings/${recording.id}`);
  const clock = $('[data-f="clock"]', li);
  setAttr(clock, "data-since", p.running ? startedAt(recording, job) : null);
  if (!p.running) text(clock, recording.durationSeconds ? duration(recording.durationSeconds) : "—");
  const bar = $("progress", li);
  bar.hidden = p.percent === null;
  if (p.percent !== null) bar.value = p.percent;
  setAttr(bar, "aria-label", p.word);
  $('[data-f="facts"]', li).replaceChildren(
    ...pair("Window", job?.captureEndAt ? `${hm(job.captureStartAt)} to ${hm(job.captureEndAt)}` : "until stopped"), ...pair("Written", job?.bytesWritten ? bytes(job.bytesWritten) : null),
    ...pair("Gaps", job?.gaps?.length ? `${job.gaps.length}, ${duration(job.gaps.reduce((s, g) => s + g.lengthSeconds, 0))}` : job?.framesCaptured ? "none" : null), ...pair("Lost samples", job?.xruns ? plural(job.xruns, "time") : null),
    ...pair("Asked to stop", job?.stop?.requestedAt ? when(job.stop.requestedAt) : null),
  );
  const button = $("button", li);
  if (!may("recording:control")) allow(button, false, "You may not stop recordings. Ask for a role with recording:control.");
  else if (p.stopping) allow(button, false, "It is stopping; everything captured is kept.");
  else if (recording.status === "completed") allow(button, false, "It has stopped; the file is on its way.");
  else allow(button, true);
}

async function startNow() {
  const button = document.getElementById("record");
  if (!state.node || button.getAttribute("aria-disabled") === "true") {
    button.focus();
    return;
  }
  for (const b of $$('[data-action="startRecording"]')) allow(b, false, "Starting…");
  await record({ nodeId: id }, state.node.alias);
  await active.load();
}

/* Alarms */

const loadAlarms = debounce(async () => {
  if (!may("health:read")) return;
  try {
    const answer = await reads.alarms.next(get("/health-events", { nodeId: id, status: ["open", "acknowledged"], limit: 20 }));
    if (!answer) return;
    const { data } = answer;
    keyed(document.getElementById("alarms"), data, (e) => e.id, () => clone("t-alarm"), (li, e) => {
      const glyph = eventGlyph(e.severity);
      li.className = `alarm ${e.severity === "critical" && e.status === "open" ? "" : "w"}`;
      $(".ic", li).className = `ic ${glyph.cls}`;
      fill(li, { glyph: icon(glyph.name), title: e.message || eventTitle(e), age: ago(e.openedAt, serverNow()), detail: [e.message ? eventTitle(e) : "", e.count > 1 ? `${e.count} times` : ""].filter(Boolean).join(" · ") });
      setAttr($('[data-f="age"]', li), "data-ago", e.openedAt);
    });
    document.getElementById("alarms-panel").hidden = !data.length;
    text(document.getElementById("alarms-n"), String(data.length));
  } catch (error) {
    complain("Alarms could not be read", error);
  }
}, 200);

/* Start */

document.getElementById("record").addEventListener("click", startNow);
document.getElementById("record-2").addEventListener("click", startNow);
command("r", "Record on this node", startNow, { glyph: "record" });
command("s", "Stop what records here", () => $("#now .arm")?.focus(), { glyph: "stop" });
command("c", "Clear clip lamps", clearClips, { glyph: "check" });
startDialogs(state, { reload, startedOne: () => active.load() });
active.addEventListener("change", () => {
  if (active.error) complain("Recordings could not be read", active.error);
  paintNow();
});
live.subscribe("nodes", {
  onSnapshot: reload,
  onEvent: (name, data) => { if (data.id === id) reload(); },
});
live.subscribe("health", { onEvent: loadAlarms });
load();
loadAlarms();
// The heartbeat's own figures (disk, clock) move without an event.
setInterval(() => { if (!document.hidden) load(); }, 15000);
