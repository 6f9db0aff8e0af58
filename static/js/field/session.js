// One session: picture, history, track, seconds and money, settlement; and what can be done with it.

import { actionsOf, apply, usable } from "../actions.js";
import { Answers } from "../answers.js";
import { ApiError, get, post, del } from "../api.js";
import { $, arm, complain, copyButton, debounce, el, fill, icon, keyed, setAttr, text, toast } from "../dom.js";
import { clock, duration, humanise, short, time, utc, when } from "../format.js";
import { serverNow } from "../now.js";
import { live } from "../socket.js";
import { Candidates } from "./candidates.js";
import { meters, place, toFence } from "./geo.js";
import { FieldMap } from "./map.js";
import { SettlementView } from "./settlement.js";
import { Kept } from "./kept.js";
import { Meter } from "./meter.js";
import { mine } from "./mine.js";
import { percent, split, usdc } from "./money.js";
import { Track } from "./track.js";
import { Viewer } from "./whep.js";
import { MODES, availabilityBadge, endWords, eventWords, fenceWords, isOpen, kindWords, refusal, stateBadge, testBadge, title } from "./words.js";

const id = document.body.dataset.session;
const by = (name) => document.getElementById(name);
const root = by("session");
const state = { s: null, events: [], actions: null, device: null };
const reads = Object.fromEntries(["session", "actions", "events", "meter", "device", "track", "kept"].map((part) => [part, new Answers()]));
const meter = new Meter();
const track = new Track(id);
const viewer = new Viewer(by("video"), id);
const money = new SettlementView(id, () => reload());
const candidates = new Candidates(id, () => reload());
const kept = new Kept(by("recording"), id, { reading: (read, keep) => quiet(reads.kept, read, keep), changed: () => loadActions() });
const map = new FieldMap(by("map"), { label: "Where the picture is from" });

/* Reading */

async function load() {
  try {
    const answer = await reads.session.next(get(`/sessions/${id}`));
    if (!answer) return;
    const { data } = answer;
    state.s = { mediaLostAt: data.state === "LIVE" ? state.s?.mediaLostAt ?? null : null, ...data };
  } catch (error) {
    if (error.status === 404) absent("There is no such session here", "It may be another workspace’s, or an open request that somebody else took.");
    else if (!state.s) absent("The session could not be read", error.message);
    else complain("The session could not be read again", error);
    return;
  }
  meter.take(state.s);
  follow();
  paint();
  loadActions();
  loadRest();
}

async function loadActions() {
  try {
    const actions = await reads.actions.next(actionsOf(`/sessions/${id}`));
    if (!actions) return;
    state.actions = actions;
  } catch (error) {
    if (error.status !== 404) complain("What can be done could not be read", error);
    return;
  }
  paintActions();
  candidates.load(state.s, Boolean(state.actions.candidates?.enabled));
}

/** Reads a part of the page that not everybody may see. `answers` keeps the newest of it. */
const quiet = async (answers, read, keep) => {
  try {
    const answer = await answers.next(read());
    if (answer !== null) keep(answer);
  } catch (error) {
    if (error.status !== 403 && error.status !== 404) complain("A part of the session could not be read", error);
  }
};

const quietEvents = () => state.s.consumerWorkspaceId && quiet(reads.events, () => get(`/sessions/${id}/events`, { limit: 200 }), ({ data }) => { state.events = data; paintTimeline(); });

function loadRest() {
  const { s } = state;
  quietEvents();
  if (!isOpen(s)) money.load(s);
  if (s.startedAt) quiet(reads.meter, () => get(`/sessions/${id}/meter`), ({ data }) => { state.failed = data.failedIntervals; meter.take(data); paintMoney(); paintTimeline(); });
  if (s.operatorId && !state.device && mine.can("operators:read", mine.workspaces.find((w) => w.id === s.operatorWorkspaceId))) quiet(reads.device, () => get(`/device-operators/${s.operatorId}`), ({ data }) => { state.device = data; paintParties(); });
  if (seesRecording()) kept.load();
}

const reload = debounce(load, 250);

function absent(name, words) {
  root.hidden = true;
  viewer.stop();
  fill(by("absent"), { title: name, words }).hidden = false;
}

/* Painting */

const pair = (name, value, props = {}) => (value === null || value === undefined || value === "" ? [] : [el("dt", {}, name), el("dd", props, value)]);
const instant = (iso) => (iso ? el("span", { title: utc(iso) }, when(iso)) : null);

function paint() {
  const { s } = state;
  root.hidden = false;
  by("absent").hidden = true;
  document.title = `${title(s)} · Tallyroom`;
  paintBadges();
  const idBox = $('[data-f="id"]', root);
  if (!idBox.firstChild) idBox.append(el("span", { class: "mono", title: s.id }, short(s.id)), copyButton(s.id, "session id"));
  paintMonitor();
  paintMoney();
  money.paint(s);
  paintTrust();
  paintParties();
  paintTimeline();
  paintMap();
}

const WORDS = { REQUESTED: "OPEN", ASSIGNED: "WAITING", LIVE: "LIVE" };
const PICTURES = { REQUESTED: "No picture yet: nobody has accepted.", ASSIGNED: "No picture yet: the camera is on its way." };

function paintMonitor() {
  const { s } = state;
  const bus = s.state !== "LIVE" ? "" : s.tally === "program" ? "air" : s.tally === "preview" ? "pvw" : "";
  by("mon").className = `mon vouch ${bus}`;
  const word = $('[data-f="word"]', by("mon"));
  word.className = `word ${bus || (isOpen(s) && !s.mediaLostAt ? "" : "off")}`;
  fill(by("mon"), { word: bus === "air" ? "ON AIR" : bus === "pvw" ? "PREVIEW" : s.mediaLostAt && s.state === "LIVE" ? "LOST" : WORDS[s.state] || s.state, who: state.device?.label || mine.name(s.operatorWorkspaceId) || (s.operatorKind ? humanise(kindWords(s.operatorKind)) : ""), what: place(s.point, 4), flow: flow() });
  const running = $('[data-f="clock"]', by("mon"));
  setAttr(running, "data-since", s.state === "LIVE" ? s.startedAt : null);
  text(running, s.startedAt ? clock(((s.endedAt ? new Date(s.endedAt) : serverNow()) - new Date(s.startedAt)) / 1000) : "");
  const wanted = s.state === "LIVE" || (s.state === "ASSIGNED" && s.videoBackendRef);
  if (wanted) viewer.start();
  else if (viewer.wanted) viewer.stop();
  paintPicture();
}

/** "720p30 VP8, 2.4 Mb/s" of what this page receives. */
function flow() {
  const f = viewer.state === "playing" && state.flow;
  return f ? [f.height && `${f.height}p${f.fps ? Math.round(f.fps) : ""} ${f.codec}`, f.bitrate && `${(f.bitrate / 1e6).toFixed(1)} Mb/s`].filter(Boolean).join(", ") : null;
}

function paintPicture() {
  const { s } = state;
  if (!s) return;
  let words = "";
  if (!isOpen(s)) words = s.endReason ? `Over: ${endWords(s.endReason)}.` : "Over.";
  else if (s.state !== "LIVE") words = PICTURES[s.state];
  else if (viewer.state !== "playing") words = viewer.words || (s.mediaLostAt ? "The picture is lost. The camera is trying to come back." : "The picture is coming…");
  text(by("pic-note"), words);
  by("sound").hidden = viewer.state !== "playing";
}

function paintMoney() {
  const { s } = state;
  if (!s) return;
  const v = meter.values;
  const consumer = split(v?.clean ?? 0, s.ratePerSecondMicroUsdc, s.feeBps);
  const gross = v?.gross ?? consumer.gross;
  const over = !isOpen(s);
  by("money").classList.toggle("is-stale", s.state === "LIVE" && meter.stale);
  fill(by("money"), {
    clean: (v?.clean ?? 0).toLocaleString("en-GB"), gross: usdc(gross), "gross-h": over ? "Charged, USDC" : "Cost so far, USDC",
    final: s.meterFinal ? "final" : s.state === "LIVE" ? (meter.stale ? `stale since ${time(new Date(meter.at))}` : "provisional") : null,
  });
  const held = BigInt(s.holdMicroUsdc || "0");
  const bar = by("spent");
  bar.hidden = held === 0n;
  bar.value = held ? Number((BigInt(gross) * 1000n) / held) : 0;
  setAttr(bar, "aria-label", `${usdc(gross)} of ${usdc(held)} USDC held`);
  const left = s.state === "LIVE" ? new Date(s.startedAt).getTime() + s.maxDurationSeconds * 1000 - serverNow() : null;
  by("bill").replaceChildren(
    ...pair("Rate", `${usdc(s.ratePerSecondMicroUsdc)} a second`), ...pair("To the operator", usdc(v?.earned ?? consumer.operator)), ...pair(`Fee, ${percent(s.feeBps)}`, usdc(v?.fee ?? consumer.fee)),
    ...pair(isOpen(s) ? "Held" : "Was held", held ? usdc(held) : "nothing"), ...pair("Failed seconds, not billed", v ? v.failed.toLocaleString("en-GB") : "0"),
    ...pair("A second counts", MODES[s.mode]), ...pair("Asked for", duration(s.maxDurationSeconds)),
    ...pair("Ends by itself", left === null ? null : `in ${duration(Math.max(0, left / 1000))}`), ...pair("Waits until", isOpen(s) && s.state !== "LIVE" ? instant(s.deadlineAt) : null),
  );
}

const FLAGS = { implausible_speed: "moved faster than it can", no_sensor_noise: "positions without the noise of a sensor", slow_beacon: "positions too rare", late_media_event: "the media server reported late" };
const PROVENANCE = { NONE: "none", DECLARED: "declared, not checked yet", VERIFIED: "verified", BROKEN: "BROKEN" };

function paintTrust() {
  const { s } = state;
  const t = s.trust || {};
  const last = track.last;
  by("trusted").replaceChildren(
    ...pair("Reached", `tier ${t.reached ?? 0}${t.required ? ` of ${t.required} asked` : ""}`),
    ...pair("Position", last ? [icon(last.verdict === "in_fence" ? "check" : "warn", "i-s"), `${last.verdict ? humanise(last.verdict) : "told"}, `, el("span", { "data-ago": last.capturedAt }, time(last.capturedAt))] : null, { class: "row g1 push" }),
    ...pair("Flags", t.flags?.length ? t.flags.map((f) => FLAGS[f] || humanise(f)).join(", ") : null),
    ...pair("Provenance", s.provenance ? PROVENANCE[s.provenance.state] || humanise(s.provenance.state) : null),
  );
}

function paintParties() {
  const { s, device } = state;
  const line = (name, who, badge) => el("li", {}, el("div", { class: "row g3" }, el("div", { class: "grow" }, el("b", {}, name), el("p", { class: "t2 sm" }, who)), badge));
  const operator = device?.label || (s.operatorKind ? humanise(kindWords(s.operatorKind)) : "");
  by("parties").replaceChildren(...[
    s.consumerWorkspaceId ? line(mine.name(s.consumerWorkspaceId) || short(s.consumerWorkspaceId), "asks for the picture", null) : line("A consumer", "who it is shows when you have accepted", null),
    s.operatorWorkspaceId ? line([operator, mine.name(s.operatorWorkspaceId)].filter(Boolean).join(", ") || short(s.operatorWorkspaceId), "brings the picture", device ? availabilityBadge(device.availabilityState) : null) : null,
  ].filter(Boolean));
}

/* Until the history is read, the instants of the session itself. */
function fallback(s) {
  return [["session.requested", s.createdAt], ["session.assigned", s.assignedAt], ["session.live", s.startedAt], [{ ENDED: "session.ended", CANCELLED: "session.cancelled", EXPIRED: "session.expired" }[s.state], s.endedAt]]
    .filter(([type, at]) => type && at).map(([type, at], i) => ({ sequence: i + 1, type, at, data: { endReason: s.endReason } }));
}

/* Seconds that failed for want of a position; those without a picture have events of their own. */
const unplaced = () => (state.failed || []).filter((f) => f.reason !== "media").map((f) => ({ sequence: f.from, type: "unplaced", at: f.from, data: { seconds: (new Date(f.to) - new Date(f.from)) / 1000 } }));

function paintTimeline() {
  const events = [...(state.events.length ? state.events : fallback(state.s)), ...unplaced()].sort((a, b) => new Date(b.at) - new Date(a.at) || (b.sequence > a.sequence ? 1 : -1));
  keyed(by("timeline"), events, (e) => `${e.type}-${e.sequence}`, (e) => {
    const w = eventWords({ ...e, data: { endReason: state.s.endReason, ...e.data } });
    return el("li", {}, el("time", { datetime: e.at, title: utc(e.at) }, time(e.at)), el("span", { class: `dot ${w.dot}` }), el("div", {}, el("b", {}, w.title), " ", el("span", { class: "t2" }, w.detail)));
  });
}

function paintMap() {
  const { s } = state;
  const fence = s.geofencePolygon ? { kind: "fence", ring: s.geofencePolygon.coordinates[0].map(([lng, lat]) => ({ lat, lng })) } : { kind: "circle", at: s.point, meters: s.geofenceRadiusMeters };
  const { last } = track;
  map.show([fence, { kind: "point", at: s.point, shape: "want", label: s.label || "wanted" }, { kind: "track", points: track.points }, last && { kind: "point", at: last.point, label: state.device?.label || kindWords(s.operatorKind) || "device", accuracyMeters: last.accuracyMeters }].filter(Boolean));
  const edge = last ? toFence(s, last.point) : null;
  text(by("where"), edge === null ? fenceWords(s) : edge >= 0 ? `inside the fence, ${meters(edge)} to its edge` : `outside the fence by ${meters(edge)}`);
  const line = by("last-point");
  line.hidden = !last;
  if (last) text(line, `${place(last.point)} ± ${meters(last.accuracyMeters ?? 0)} at ${time(last.capturedAt)}`);
}

/* What can be done */

function paintActions() {
  const { s, actions } = state;
  const offered = (name) => Boolean(actions?.[name]) && actions[name].code !== "permission_denied" && !/_side_required$|^workspace_role_required$/.test(actions[name].code || "");
  const show = (name, is) => { by(name).hidden = !is; };
  show("accept", s.state === "REQUESTED" && offered("accept"));
  show("publish", (s.state === "REQUESTED" && offered("accept")) || (["ASSIGNED", "LIVE"].includes(s.state) && (offered("producerToken") || offered("start"))));
  show("cancel", ["REQUESTED", "ASSIGNED"].includes(s.state) && offered("cancel"));
  show("end", s.state === "LIVE" && offered("end"));
  apply(root, actions);
  kept.offer(s, actions);
}

const run = async (what, act) => {
  try {
    await act();
  } catch (error) {
    if (error instanceof ApiError) error.message = refusal(error);
    complain(what, error);
  }
  reload();
};

by("accept").addEventListener("click", ({ currentTarget }) => { if (usable(currentTarget)) run("It was not accepted", () => post(`/sessions/${id}/accept`, {})); });
arm(by("cancel"), () => run("It was not cancelled", () => del(`/sessions/${id}`)));
arm(by("end"), () => run("It was not ended", async () => {
  const { data } = await post(`/sessions/${id}/end`, {});
  toast("Ended", `${(data.session || data).cleanSeconds} clean seconds`);
}));
by("sound").addEventListener("click", ({ currentTarget }) => {
  const video = by("video");
  video.muted = !video.muted;
  setAttr(currentTarget, "aria-pressed", String(!video.muted));
  currentTarget.firstElementChild.replaceWith(icon(video.muted ? "muted" : "listen", "i-s"));
});

/* The recording of it */

function seesRecording() {
  const { s } = state;
  return Boolean(s?.startedAt && mine.can("recording:read", mine.workspaces.find((w) => w.id === s.consumerWorkspaceId)));
}

/* Live */

function paintBadges() {
  fill($(".page-h", root), { title: title(state.s), badges: [stateBadge(state.s), testBadge(state.s)].filter(Boolean) });
}

function told(place) {
  if (!place || !track.add({ point: place.point, accuracyMeters: place.accuracyMeters, capturedAt: place.at })) return;
  paintMap();
  paintTrust();
}

function flows(media) {
  state.s.mediaLostAt = media && !media.flowing ? media.since : null;
  paintBadges();
  paintMonitor();
}

const EVENTS = {
  tick: (data) => { meter.take(data.meter); paintMoney(); },
  point: told,
  media: (data) => { flows(data); quietEvents(); },
  // An answer under way may not know it yet.
  tally: (data) => { Object.assign(state.s, { tally: data.tally, tallySince: data.since }); paintBadges(); paintMonitor(); reload(); },
  challenge: () => {},
};

function snapshot(data) {
  if (!state.s) return;
  if (data.session.state !== state.s.state) reload();
  Object.assign(state.s, data.session);
  meter.take(data.meter);
  told(data.lastPoint);
  flows(data.media);
  paintMoney();
}

/** The session's own topic is for its two sides; an open request names no consumer to whoever could take it. */
function follow() {
  if (state.following || !state.s.consumerWorkspaceId) return;
  state.following = true;
  live.subscribe(`session:${id}`, { onSnapshot: snapshot, onEvent: (name, data) => { if (EVENTS[name] && state.s) EVENTS[name](data); else reload(); } });
}

viewer.addEventListener("state", paintPicture);
setInterval(async () => {
  if (state.s?.state !== "LIVE") return;
  paintMoney();
  state.flow = await viewer.stats();
  fill(by("mon"), { flow: flow() });
}, 1000);
mine.load().catch((error) => complain("Workspaces could not be read", error)).finally(async () => {
  await load();
  if (state.s?.consumerWorkspaceId) quiet(reads.track, () => track.load(), () => { paintMap(); paintTrust(); });
  live.subscribe("sessions", { onEvent: (name, data) => { if (data.id === id) reload(); } });
  // Its file is joined when the session is over and nothing more is told of the session itself: the recording says when it is in the library.
  kept.follow(seesRecording);
});
