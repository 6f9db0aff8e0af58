// One recording: live while it runs, then its waveform; what is known about it, and what can be done.

import { actionsOf, allow, apply, usable } from "./actions.js";
import { Answers } from "./answers.js";
import { del, get, patch, post } from "./api.js";
import { eventGlyph, eventTitle, healthWord, recordingStatus } from "./badges.js";
import { $, arm, complain, copyButton, debounce, el, fill, icon, keyed, press, setAttr, text, toast } from "./dom.js";
import { onSubmit, splitTags } from "./forms.js";
import { bytes, clock, duration, fileFormat, humanise, plural, short, signed, utc, when } from "./format.js";
import { command } from "./keys.js";
import { Player } from "./player.js";
import { PHASES, progress, startedAt, stop } from "./recordings.js";
import { live } from "./socket.js";
import { picture } from "./tile.js";

const id = document.body.dataset.recording;
const root = document.getElementById("recording");
const ACTIVE = new Set(["queued", "recording", "completed"]);
const state = { r: null, etag: null, context: null, player: null, node: null };

const reload = debounce(load, 250);
const reads = { recording: new Answers(), rest: new Answers() };

async function load() {
  try {
    const answer = await reads.recording.next(get(`/recordings/${id}`));
    if (!answer) return;
    Object.assign(state, { r: answer.data, etag: answer.etag });
  } catch (error) {
    if (error.status === 404) absent("There is no such recording here", "It may have been deleted, or it is outside of what you may see.");
    else if (!state.r) absent("The recording could not be read", error.message);
    else complain("The recording could not be read again", error);
    return;
  }
  paint();
  const rest = await reads.rest.next(Promise.allSettled([get(`/recordings/${id}/context`), actionsOf(`/recordings/${id}`)]));
  if (!rest) return;
  const [context, actions] = rest;
  if (context.status === "fulfilled") state.context = context.value.data;
  else complain("What belongs to it could not be read", context.reason);
  if (actions.status === "fulfilled") apply(document, actions.value);
  else complain("What can be done with it could not be read", actions.reason);
  paintContext();
  if (actions.status === "fulfilled") state.player?.permit(actions.value.playback.enabled);
}

function absent(title, words) {
  root.hidden = true;
  fill(document.getElementById("absent"), { title, words }).hidden = false;
}

const pair = (name, value, props = {}) => (value === null || value === undefined || value === "" ? [] : [el("dt", {}, name), el("dd", props, value)]);
const instant = (iso) => (iso ? el("span", { title: utc(iso) }, when(iso)) : null);

function paint() {
  const { r } = state;
  const running = ACTIVE.has(r.status);
  root.hidden = false;
  document.getElementById("absent").hidden = true;
  document.title = `${r.name} · Tallyroom`;
  const status = recordingStatus(r);
  const health = r.healthStatus === "warning" || r.healthStatus === "critical" ? healthWord(r.healthStatus) : null;
  fill($(".page-h", root), { name: r.name, badges: [status.classList.contains("badge") ? status : null, health?.classList.contains("c-warn") ? el("span", { class: "badge warn" }, icon("warn"), "WARNING") : health, r.legalHold ? el("span", { class: "badge" }, icon("hold"), "HOLD") : null].filter(Boolean) });
  document.getElementById("stop").hidden = !running;
  document.getElementById("delete").hidden = running || Boolean(r.deletedAt);
  document.getElementById("restore").hidden = !r.deletedAt;
  document.getElementById("now").hidden = !running;
  document.getElementById("player").hidden = running || !r.file;
  paintFile(r);
  paintAbout(r);
  paintGaps(r);
  if (!running && r.file) paintPlayer(r);
}

function paintFile(r) {
  const f = r.file;
  const L = r.loudness;
  text($("#download .lb"), f ? `Download, ${bytes(f.size)}` : "Download");
  document.getElementById("file").replaceChildren(
    ...(f ? [] : pair("File", ACTIVE.has(r.status) ? "comes when it has stopped" : "none")),
    ...pair("Format", f && fileFormat(f)), ...pair("Size", f && bytes(f.size)), ...pair("Length", r.durationSeconds ? clock(Math.round(r.durationSeconds)) : null),
    ...pair("Loudness", L?.integratedLufs === null || L?.integratedLufs === undefined ? null : `${signed(L.integratedLufs)} LUFS${L.loudnessRangeLu === null || L.loudnessRangeLu === undefined ? "" : `, LRA ${L.loudnessRangeLu.toFixed(1)}`}`),
    ...pair("True peak", L?.truePeakDbtp === null || L?.truePeakDbtp === undefined ? null : `${signed(L.truePeakDbtp)} dBTP`), ...pair("Clipped", L?.clippedSamples ? plural(L.clippedSamples, "sample") : null),
    ...pair("SHA-256", f?.sha256 ? [el("span", { class: "mono", title: f.sha256 }, `${f.sha256.slice(0, 4)}…${f.sha256.slice(-4)}`), copyButton(f.sha256, "SHA-256")] : null, { class: "row g1 push" }),
  );
}

function paintAbout(r) {
  const node = r.nodeId ? el("a", { href: `/nodes/${r.nodeId}` }, r.nodeLabel || "its node") : null;
  document.getElementById("about").replaceChildren(
    ...pair("Recorded", instant(r.recordedAt || r.createdAt)), ...pair("Ended", instant(r.endedAt)), ...pair("Node", node), ...pair("Folder", r.folder ? el("a", { href: `/recordings?folder=${encodeURIComponent(r.folder)}` }, r.folder) : null),
    ...pair("Tags", r.tags.length ? r.tags.map((t) => el("a", { class: "tag", href: `/recordings?tag=${encodeURIComponent(t)}` }, t)) : null, { class: "row wrap g1 push" }), ...pair("Profile", r.profileLabel),
    ...pair("Health", healthWord(r.healthStatus), { class: "row push" }), ...pair("Partial", r.partial ? r.partialReasons.map(humanise).join(", ") || "yes" : null), ...pair("Clock", r.clockCorrected ? "corrected" : null), ...pair("In the trash", instant(r.deletedAt)),
    ...pair("Id", [el("span", { class: "mono" }, short(r.id)), copyButton(r.id, "recording id")], { class: "row g1 push" }),
  );
  const notes = document.getElementById("notes");
  notes.hidden = !r.notes;
  text(notes, r.notes || "");
}

const CAUSES = { device_lost: "The device was lost", restart: "The agent was restarted", overrun: "The machine was too slow", reconnect: "The source reconnected", disk: "The disk was full", late_start: "The node began late", publisher_lost: "The publisher was lost" };

function paintGaps(r) {
  const gaps = r.gaps || [];
  document.getElementById("gaps-panel").hidden = !gaps.length;
  text(document.getElementById("gaps-n"), String(gaps.length));
  document.getElementById("gaps").replaceChildren(...gaps.map((g) => el("tr", {},
    el("td", { class: "num" }, el("button", { class: "btn quiet s", type: "button", onclick: () => state.player?.seek(g.atSeconds) }, clock(g.atSeconds))),
    el("td", { class: "num r" }, g.lengthSeconds < 10 ? `${g.lengthSeconds.toFixed(1)} s` : duration(g.lengthSeconds)), el("td", {}, CAUSES[g.cause] || humanise(g.cause)))));
}

/* Context: jobs, files, alarms */

function phases(step) {
  return PHASES.map(([, words], i) => el("li", { class: i < step ? "done" : i === step ? "now" : "", "aria-current": i === step ? "step" : null }, words));
}

function paintContext() {
  const { r, context } = state;
  if (!context) return;
  const jobs = context.jobs || [];
  document.getElementById("jobs-none").hidden = jobs.length > 0;
  keyed(document.getElementById("jobs"), jobs, (j) => j.id, () => el("li", { class: "col g1" }), (li, j) => li.replaceChildren(...jobLines(j)));
  if (ACTIVE.has(r.status)) paintNow(r, jobs[0] || null);
  const files = context.files || [];
  document.getElementById("files-panel").hidden = files.length < 2;
  text(document.getElementById("files-n"), String(files.length));
  keyed(document.getElementById("files"), files, (f) => f.id, () => el("li", { class: "row" }), (li, f) => li.replaceChildren(el("span", { class: "grow ell" }, humanise(f.role || "file")), el("span", { class: "t2 sm" }, `${bytes(f.size)} · ${humanise(f.state || "present")}`)));
  paintHealth(context.healthEvents || []);
}

function jobLines(j) {
  const bad = j.failureReason ? el("p", { class: "err" }, icon("warn", "i-s"), [humanise(j.failureReason), j.failureDetail].filter(Boolean).join(": ")) : null;
  const facts = [j.captureStartAt && `${when(j.captureStartAt)}${j.captureEndAt ? ` to ${when(j.captureEndAt)}` : ""}`, j.bytesWritten ? `${bytes(j.bytesWritten)} captured` : "", j.xruns ? plural(j.xruns, "overrun") : "", j.stop?.requestedAt ? `stopped by ${j.stop.by || "someone"} at ${when(j.stop.requestedAt)}` : ""];
  return [
    el("div", { class: "row" }, el("b", { class: "grow" }, j.attempt > 1 ? `Attempt ${j.attempt}` : "Job"), el("span", { class: "t2" }, humanise(j.status)), el("span", { class: "mono t3 sm", title: j.id }, short(j.id)), copyButton(j.id, "job id")),
    el("p", { class: "t2 sm" }, facts.filter(Boolean).join(" · ")), bad,
  ].filter(Boolean);
}

function paintHealth(events) {
  document.getElementById("health-panel").hidden = !events.length;
  text(document.getElementById("health-n"), String(events.length));
  keyed(document.getElementById("health"), events, (e) => e.id, () => el("li", { class: "row g3" }), (li, e) => {
    const glyph = eventGlyph(e.severity);
    li.replaceChildren(el("span", { class: `ic ${glyph.cls}` }, icon(glyph.name)), el("div", { class: "grow col g0" }, el("b", {}, e.message || eventTitle(e)), el("span", { class: "t2 sm" }, `${eventTitle(e)} · ${e.status}`)), el("span", { class: "t3 sm nw", title: utc(e.openedAt) }, when(e.openedAt)));
  });
}

/* While it runs */

function paintNow(r, job) {
  const p = progress(r, job);
  const box = document.getElementById("now");
  fill(box, { word: p.word, phases: phases(p.step), worry: p.worry ? [icon("warn", "i-s"), p.worry] : null });
  const running = $('[data-f="clock"]', box);
  setAttr(running, "data-since", p.running ? startedAt(r, job) : null);
  if (!p.running) text(running, r.durationSeconds ? clock(r.durationSeconds) : "—");
  const bar = $("progress", box);
  bar.hidden = p.percent === null;
  if (p.percent !== null) bar.value = p.percent;
  setAttr(bar, "aria-label", p.word);
  const button = document.getElementById("stop");
  if (p.stopping) allow(button, false, "It is stopping; everything captured is kept.");
  showLevels(r);
}

async function showLevels(r) {
  const box = $(".glass.tall", root);
  if (!r.nodeId || state.node) return;
  try {
    state.node = (await get(`/nodes/${r.nodeId}`)).data;
    picture(box, state.node);
    setAttr($("canvas", box), "aria-label", `Levels of ${state.node.alias}`);
  } catch (error) {
    box.hidden = true;
    if (error.status !== 403 && error.status !== 404) complain("Its node could not be read", error);
  }
}

/* The player */

const part = (name) => document.getElementById(name);

function paintPlayer(r) {
  if (state.player) {
    state.player.update(r);
    return;
  }
  const labels = new Map((state.context?.jobs?.[0]?.command?.channelMap?.entries || []).map((e) => [e.outputChannelIndex, e.label]));
  state.player = new Player(r, { overview: part("overview"), main: part("main-wave"), note: part("wave-note"), audio: part("audio"), play: part("play"), at: part("at"), length: part("length"), house: part("house") }, labels);
  const channels = r.waveformPreview?.channelCount || r.file.channels || 1;
  const lanes = part("lanes");
  lanes.hidden = channels < 2;
  text($('[data-lanes="each"]', lanes), channels > 8 ? `8 of ${channels}` : plural(channels, "channel"));
  text(part("wave-facts"), fileFormat(r.file));
}

part("lanes").addEventListener("click", ({ target }) => {
  if (!target.dataset.lanes) return;
  press(part("lanes"), (b) => b === target);
  state.player.setMode(target.dataset.lanes);
});
part("speed").addEventListener("click", ({ target }) => {
  if (!target.dataset.rate) return;
  press(part("speed"), (b) => b === target);
  part("audio").playbackRate = Number(target.dataset.rate);
});
part("volume").addEventListener("input", ({ target }) => { part("audio").volume = target.value / 100; });
const act = (fn) => () => { if (state.player) fn(state.player); };
const acts = {
  "zoom-in": act((p) => p.zoom(0.5)), "zoom-out": act((p) => p.zoom(2)), "zoom-all": act((p) => p.all()), back: act((p) => p.seek(p.position - 10)), ahead: act((p) => p.seek(p.position + 10)),
};
for (const [name, fn] of Object.entries(acts)) part(name).addEventListener("click", fn);
command(" ", "Play or pause", act((p) => p.toggle()), { glyph: "play" });
command("ArrowLeft", "Back 5 seconds", act((p) => p.seek(p.position - 5)), { glyph: "replay" });
command("ArrowRight", "Ahead 5 seconds", act((p) => p.seek(p.position + 5)), { glyph: "replay" });
command("+", "Zoom in", acts["zoom-in"], { glyph: "search" });
command("-", "Zoom out", acts["zoom-out"], { glyph: "search" });
command("0", "Show all of it", acts["zoom-all"], { glyph: "search" });

/* What can be done */

part("download").addEventListener("click", async ({ currentTarget }) => {
  if (!usable(currentTarget)) return;
  try {
    const { data } = await post(`/recordings/${id}/download`);
    el("a", { href: data.url, download: data.fileName }).click();
    toast("Downloading", data.fileName);
  } catch (error) {
    complain("It can’t be downloaded", error);
  }
});

part("edit-open").addEventListener("click", ({ currentTarget }) => {
  if (!usable(currentTarget)) return;
  const f = part("edit-form").elements;
  f.name.value = state.r.name;
  f.folder.value = state.r.folder || "";
  f.tags.value = state.r.tags.join(", ");
  f.notes.value = state.r.notes || "";
  part("edit").showModal();
});
onSubmit(part("edit-form"), async (f) => {
  await patch(`/recordings/${id}/metadata`, { name: f.name.value.trim(), folder: f.folder.value.trim(), tags: splitTags(f.tags.value), notes: f.notes.value }, { ifMatch: state.etag });
  part("edit").close();
  toast("Saved");
  load();
});
command("e", "Edit name, folder, tags, notes", () => part("edit-open").click(), { glyph: "title" });

arm(part("stop"), async () => {
  if (await stop(state.r)) reload();
});
arm(part("delete"), async () => {
  try {
    await del(`/recordings/${id}`);
    toast("Moved to the trash", "It can be restored for 24 h.");
    load();
  } catch (error) {
    complain("It was not deleted", error);
  }
});
part("restore").addEventListener("click", async ({ currentTarget }) => {
  if (!usable(currentTarget)) return;
  try {
    await post(`/recordings/${id}/restore`);
    toast("Restored");
    load();
  } catch (error) {
    complain("It was not restored", error);
  }
});

live.subscribe("recordings", { onSnapshot: reload, onEvent: (name, row) => { if (row.id === id || row.recordingId === id) reload(); } });
load();
setInterval(() => { if (!document.hidden && state.r && (ACTIVE.has(state.r.status) || state.r.analysisStatus === "pending")) load(); }, 4000);
