// Overview: what is wrong, what is live, what is recording. Three columns that change by themselves.

import { allow } from "./actions.js";
import { Answers } from "./answers.js";
import { get } from "./api.js";
import { eventGlyph, eventTitle, nodeBadges } from "./badges.js";
import { $, arm, clone, complain, debounce, fill, icon, keyed, setAttr, text } from "./dom.js";
import { ago, count, duration, hm, plural, utc, when } from "./format.js";
import { channelsOf, fleet, place } from "./nodes.js";
import { serverNow } from "./now.js";
import { Active, progress, record, startedAt, stop } from "./recordings.js";
import { may } from "./shell.js";
import { live } from "./socket.js";
import { forget, picture } from "./tile.js";
import { row as waveRow } from "./wave.js";

const MOST = 8;
const DAY_MS = 86400000;
const active = new Active();
let events = [];
let failed = [];
const loaded = { events: false };
const reads = { problems: new Answers(), latest: new Answers() };

function settle(name, rows, ready) {
  document.getElementById(`${name}-wait`).hidden = ready;
  document.getElementById(`${name}-none`).hidden = !ready || rows > 0;
  const tag = document.getElementById(`${name}-n`);
  tag.hidden = !rows;
  text(tag, String(rows));
}

/* Needs you */

function nodeProblems() {
  const told = new Set(events.filter((e) => e.type.startsWith("controller.node.")).map((e) => e.nodeId));
  return fleet.rows
    .filter((n) => !told.has(n.id) && (n.status === "offline" || n.liveness === "degraded"))
    .map((n) => (n.status === "offline" ? offline(n) : slow(n)));
}

function offline(node) {
  const never = !node.lastSeenAt;
  return {
    id: `node-${node.id}`, severity: node.intent > 0 ? "critical" : "warning", href: `/nodes/${node.id}`, at: node.lastSeenAt || node.createdAt,
    title: never ? `${node.alias} has not come online yet` : node.intent > 0 ? `${node.alias} went offline while recording` : `${node.alias} is offline`,
    detail: never ? "Paste the command from its enrolment on that machine." : node.intent > 0 ? "It keeps recording and sends the file when it is back." : [place(node), "Check its power and network."].filter(Boolean).join(" · "),
  };
}

const slow = (node) => ({ id: `node-${node.id}`, severity: "warning", href: `/nodes/${node.id}`, at: node.lastSeenAt, title: `${node.alias} answers slowly`, detail: "Heartbeats are late. What it records goes on." });

function eventProblem(event) {
  const node = fleet.byId.get(event.nodeId);
  const href = event.nodeId ? `/nodes/${event.nodeId}` : event.recordingId ? `/recordings/${event.recordingId}` : "#needs-you";
  return { id: event.id, severity: event.severity, href, at: event.openedAt, title: event.message || eventTitle(event), detail: [node?.alias || event.subject?.label, event.message ? eventTitle(event) : "", event.count > 1 ? `${event.count} times` : ""].filter(Boolean).join(" · "), acknowledged: event.status === "acknowledged" };
}

const failedProblem = (r) => ({ id: `rec-${r.id}`, severity: "warning", href: `/recordings/${r.id}`, at: r.endedAt || r.createdAt, title: `${r.name} failed`, detail: [r.nodeLabel, "Open it to see why."].filter(Boolean).join(" · ") });

const WEIGHT = { critical: 0, warning: 1, info: 2 };

function paintProblems() {
  const rows = [...events.map(eventProblem), ...nodeProblems(), ...failed.map(failedProblem)]
    .sort((a, b) => WEIGHT[a.severity] - WEIGHT[b.severity] || Boolean(a.acknowledged) - Boolean(b.acknowledged) || new Date(b.at || 0) - new Date(a.at || 0));
  keyed(document.getElementById("problems"), rows, (p) => p.id, () => clone("t-problem"), (li, p) => {
    const glyph = eventGlyph(p.severity);
    li.className = `alarm ${p.severity === "critical" && !p.acknowledged ? "" : "w"}`;
    $(".ic", li).className = `ic ${glyph.cls}`;
    fill(li, { glyph: icon(glyph.name), title: p.title, detail: p.detail, age: p.at ? ago(p.at, serverNow()) : "" });
    const age = $('[data-f="age"]', li);
    setAttr(age, "data-ago", p.at);
    age.title = utc(p.at);
    setAttr($("a", li), "href", p.href);
  });
  settle("problems", rows.length, loaded.events && fleet.loaded);
}

const loadProblems = debounce(async () => {
  const since = new Date(serverNow() - DAY_MS).toISOString();
  const answer = await reads.problems.next(Promise.allSettled([
    may("health:read") ? get("/health-events", { status: ["open", "acknowledged"], severity: ["critical", "warning"], limit: 50 }) : { data: [] },
    get("/recordings", { status: "failed", recordedFrom: since, limit: 5 }),
  ]));
  if (!answer) return;
  const [open, broken] = answer;
  if (open.status === "fulfilled") events = open.value.data;
  else complain("Alarms could not be read", open.reason);
  if (broken.status === "fulfilled") failed = broken.value.data;
  loaded.events = true;
  paintProblems();
}, 150);

/* Live */

function paintLive() {
  const rows = fleet.rows.filter((n) => n.status !== "offline");
  const shown = rows.slice(0, MOST);
  keyed(document.getElementById("live"), shown, (n) => n.id, createLive, updateLive, forget);
  const more = document.getElementById("live-more");
  more.hidden = rows.length <= shown.length;
  if (!more.hidden) text(more, `${count(rows.length - shown.length)} more under Fleet`);
  settle("live", rows.length, fleet.loaded);
  const some = fleet.byId.size > 0;
  fill(document.getElementById("live-none"), {
    title: some ? "No node is online" : "No node yet",
    words: some ? "They come back here by themselves. Check power and network of those under Needs you." : "Enrol the machine that records; the console gives you one command to paste there.",
    act: some ? null : "Enrol a node",
  });
}

function createLive(node) {
  const li = clone("t-live");
  const button = $("button", li);
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    const row = fleet.byId.get(node.id);
    allow(button, false, "Starting…");
    await record({ nodeId: node.id }, row.alias);
    await active.load();
    updateLive(li, fleet.byId.get(node.id) || row);
  });
  return li;
}

function badgesOf(node) {
  const badges = nodeBadges(node, false).filter((b) => !b.classList.contains("plain"));
  return badges.length ? badges : null;
}

function updateLive(li, node) {
  const channels = channelsOf(node).length;
  const trouble = picture(li, node).meter.trouble(performance.now());
  fill(li, { alias: node.alias, badge: badgesOf(node), detail: trouble || [place(node), channels ? plural(channels, "channel") : "no device yet"].filter(Boolean).join(" · ") });
  setAttr($("a", li), "href", `/nodes/${node.id}`);
  setAttr($("canvas", li), "aria-label", `Levels of ${node.alias}`);
  const capacity = node.recordingCapacity?.maxConcurrentRecordings ?? 1;
  const busy = active.rows.filter((r) => r.recording.nodeId === node.id && r.recording.status !== "completed").length;
  const button = $("button", li);
  setAttr(button, "aria-label", `Record on ${node.alias}`);
  if (!may("recording:create")) allow(button, false, "You may not start recordings. Ask for a role with recording:create.");
  else if (busy >= capacity) allow(button, false, capacity === 1 ? "It is recording already." : `It is recording ${busy} already, as many as it may.`);
  else if (!channels) allow(button, false, "Its agent has reported no device yet.");
  else allow(button, true);
}

/* Recording */

function paintRecording() {
  const rows = active.rows;
  keyed(document.getElementById("recording"), rows, (r) => r.recording.id, createRecording, updateRecording, forget);
  settle("recording", rows.length, active.loaded);
}

function createRecording(r) {
  const li = clone("t-recording");
  arm($("button", li), async () => {
    if (await stop(r.recording)) active.load();
  });
  return li;
}

function updateRecording(li, { recording, job }) {
  const p = progress(recording, job);
  const node = fleet.byId.get(recording.nodeId);
  if (node) picture(li, node);
  const ends = job?.captureEndAt ? `ends ${hm(job.captureEndAt)}` : "";
  fill(li, { name: recording.name, detail: [node?.alias || recording.nodeLabel, p.worry ? "node silent, goes on by itself" : p.word === "Recording" ? ends : p.word].filter(Boolean).join(" · ") });
  setAttr($("a", li), "href", `/recordings/${recording.id}`);
  setAttr($("canvas", li), "aria-label", `Levels of ${node?.alias || "its node"}`);
  const clock = $('[data-f="clock"]', li);
  setAttr(clock, "data-since", p.running ? startedAt(recording, job) : null);
  if (!p.running) text(clock, recording.durationSeconds ? duration(recording.durationSeconds) : "");
  const bar = $("progress", li);
  bar.hidden = p.percent === null;
  if (p.percent !== null) bar.value = p.percent;
  setAttr(bar, "aria-label", `${recording.name}: ${p.word}`);
  const button = $("button", li);
  setAttr(button, "aria-label", `Stop ${recording.name}`);
  if (!may("recording:control")) allow(button, false, "You may not stop recordings. Ask for a role with recording:control.");
  else if (p.stopping) allow(button, false, "It is stopping; everything captured is kept.");
  else if (recording.status === "completed") allow(button, false, "It has stopped; the file is on its way.");
  else allow(button, true);
}

/* Just recorded, House */

const loadLatest = debounce(async () => {
  try {
    const answer = await reads.latest.next(get("/recordings", { cacheState: "cached", limit: 4 }));
    if (!answer) return;
    const { data } = answer;
    keyed(document.getElementById("latest"), data, (r) => r.id, () => clone("t-latest"), (li, r) => {
      fill(li, { name: r.name, detail: [r.nodeLabel, r.folder].filter(Boolean).join(" · "), length: r.durationSeconds ? duration(r.durationSeconds) : "", age: ago(r.endedAt || r.recordedAt || r.createdAt, serverNow()) });
      setAttr($('[data-f="age"]', li), "data-ago", r.endedAt || r.recordedAt || r.createdAt);
      setAttr($("a", li), "href", `/recordings/${r.id}`);
      waveRow($("canvas", li), r);
    });
    document.getElementById("latest-none").hidden = data.length > 0;
  } catch (error) {
    complain("The latest recordings could not be read", error);
  }
}, 300);

addEventListener("status", ({ detail: s }) => {
  fill(document.getElementById("house"), {
    online: s.nodes ? `${count(s.nodes.total - s.nodes.offline)} of ${count(s.nodes.total)}` : "not known",
    queued: s.recordings ? count(s.recordings.queued) : "not known",
    uploading: s.recordings ? count(s.recordings.uploading) : "not known",
    lapsed: s.recordings ? count(s.recordings.lapsed) : "not known",
    up: s.startedAt ? when(s.startedAt) : duration(s.uptimeSeconds),
    version: s.version,
  });
});

function paintAll() {
  paintProblems();
  paintLive();
  paintRecording();
}

fleet.addEventListener("change", () => {
  if (fleet.error) complain("The fleet could not be read", fleet.error);
  paintAll();
});
active.addEventListener("change", () => {
  if (active.error) complain("Recordings could not be read", active.error);
  paintRecording();
  paintLive();
});
fleet.start();
live.subscribe("health", { onSnapshot: loadProblems, onEvent: loadProblems });
live.subscribe("recordings", { onSnapshot: () => loadLatest(), onEvent: () => { loadProblems(); loadLatest(); } });
loadProblems();
loadLatest();
setInterval(() => { if (fleet.loaded) paintLive(); }, 2000);
