// Sessions: what was asked for and what is served, in a list and on a map. Two sides: Request and Operate.

import { allow } from "../actions.js";
import { Answers } from "../answers.js";
import { ApiError, all, get, post } from "../api.js";
import { $, $$, arm, clone, complain, debounce, fill, keyed, press, setAttr, text, toast } from "../dom.js";
import { clock, duration, plural, utc, when } from "../format.js";
import { command } from "../keys.js";
import { serverNow } from "../now.js";
import { live } from "../socket.js";
import { devices, drawnDevices, loadDevices, startDevices, taking } from "./devices.js";
import { distance, meters } from "./geo.js";
import { FieldMap } from "./map.js";
import { mine, workspaceSelect } from "./mine.js";
import { usdc } from "./money.js";
import * as request from "./request.js";
import { MODES, OPEN_STATES, endWords, fenceWords, isOpen, kindWords, lengthOf, refusal, stateBadge, testBadge, title } from "./words.js";

const SIDE = "tr-side";
const PAGE = 50;
const ROLE = { consumer: "CONSUMER", operator: "SUPPLIER" };
const query = new URLSearchParams(location.search);
const state = { side: "consumer", which: "open", rows: [], open: [], active: [], cursor: null, workspace: null };
const reads = { rows: new Answers(), open: new Answers(), active: new Answers() };
const by = (id) => document.getElementById(id);
const map = new FieldMap(by("map"), { onPick: (point) => { if (request.isOpen()) request.pick(point); }, onChoose: chosen, label: "Sessions" });

function chosen(item) {
  if (!item.device) location.assign(`/sessions/${item.id}`);
}

/* Sides */

function setSide(side) {
  state.side = side;
  localStorage.setItem(SIDE, side);
  press(by("sides"), (b) => b.dataset.side === side);
  const operate = side === "operator";
  state.workspace = workspaceSelect(by("acting"), ROLE[side], () => setSide(side));
  for (const id of ["open", "devices"]) by(id).hidden = !operate || !state.workspace;
  if (operate) request.open(false);
  const opener = by("request-open");
  opener.hidden = operate;
  paintNobody();
  if (!operate) allow(opener, Boolean(state.workspace) && mine.can("sessions:create", state.workspace), state.workspace ? "You may not request sessions here. Ask for a role with sessions:create." : mine.wide ? "Choose the workspace that requests." : "You belong to no workspace that requests.");
  refresh();
}

function paintNobody() {
  const box = by("nobody");
  box.hidden = Boolean(state.workspace) || mine.wide;
  fill(box, state.side === "operator"
    ? { title: "You belong to no workspace that supplies video.", words: "Ask the owner of one to add you. What you may see by your role is listed below." }
    : { title: "You belong to no workspace that requests video.", words: "Ask the owner of one to add you. What you may see by your role is listed below." });
}

async function refresh() {
  state.open = [];
  await Promise.all([load(), loadActive(), state.side === "operator" && state.workspace ? Promise.all([loadOpen(), loadDevices(state.workspace)]) : null]);
}

/* Lists */

// A side is that of one's own workspaces; whoever sees all by a role of the installation narrows by the chosen one here.
const filters = () => ({ side: state.workspace?.member ? state.side : undefined, state: state.which === "open" ? OPEN_STATES : state.which === "over" ? ["ENDED", "CANCELLED", "EXPIRED"] : undefined });
const ours = (s) => !state.workspace || s[state.side === "operator" ? "operatorWorkspaceId" : "consumerWorkspaceId"] === state.workspace.id;

async function load({ more = false } = {}) {
  try {
    const answer = await reads.rows.next(get("/sessions", { ...filters(), limit: PAGE, cursor: more ? state.cursor : undefined }));
    if (!answer) return;
    const { data, meta } = answer;
    state.rows = (more ? [...state.rows, ...data] : data).filter(ours);
    state.cursor = meta.nextCursor;
    paint();
  } catch (error) {
    by("wait").hidden = true;
    complain("The sessions could not be read", error);
  }
}

async function loadOpen() {
  try {
    const answer = await reads.open.next(get("/sessions", { state: "REQUESTED", view: by("open-near").checked ? "open" : undefined, limit: PAGE }));
    if (!answer) return;
    state.open = answer.data.filter((s) => s.state === "REQUESTED");
  } catch (error) {
    complain("Open requests could not be read", error);
  }
  paintOpen();
}

/** What “Cancel N active assignments” counts. */
async function loadActive() {
  if (state.side === "operator" && state.workspace?.member) {
    try {
      const rows = await reads.active.next(all("/sessions", { side: "operator", state: "ASSIGNED" }));
      if (!rows) return;
      state.active = rows.filter(ours);
    } catch (error) {
      complain("Assignments could not be counted", error);
    }
  } else state.active = [];
  const button = by("cancel-all");
  button.hidden = !state.active.length;
  // An armed button keeps its question.
  if (!("armed" in button.dataset)) text($(".lb", button), `Cancel ${plural(state.active.length, "active assignment")}`);
}

function party(s) {
  const other = state.side === "operator" ? s.consumerWorkspaceId : s.operatorWorkspaceId;
  return mine.name(other) || (s.operatorKind && state.side === "consumer" ? kindWords(s.operatorKind) : "");
}

function detailOf(s) {
  const over = s.endReason ? endWords(s.endReason) : "";
  return [party(s), MODES[s.mode], fenceWords(s), over || (s.state === "REQUESTED" ? `waits until ${when(s.deadlineAt)}` : s.state === "ASSIGNED" ? `to be live until ${when(s.deadlineAt)}` : ""), `requested ${when(s.createdAt)}`].filter(Boolean).join(" · ");
}

function update(li, s) {
  const length = lengthOf(s);
  const money = state.side === "operator" ? s.operatorEarnedMicroUsdc : s.chargedMicroUsdc;
  fill(li, {
    badge: [stateBadge(s), testBadge(s)].filter(Boolean), title: title(s), detail: detailOf(s), length: length.text ?? clock((serverNow() - new Date(s.startedAt)) / 1000),
    money: s.meterFinal ? `${usdc(money)} USDC` : `${usdc(s.ratePerSecondMicroUsdc)} a second`,
  });
  setAttr($('[data-f="length"]', li), "data-since", length.since || null);
  setAttr($('[data-f="title"]', li), "href", `/sessions/${s.id}`);
  $('[data-f="detail"]', li).title = `Requested ${utc(s.createdAt)}`;
  const publish = $('[data-f="publish"]', li);
  publish.hidden = state.side !== "operator" || !["ASSIGNED", "LIVE"].includes(s.state);
  setAttr(publish, "href", `/sessions/${s.id}/publish`);
  setAttr(publish, "aria-label", `Publish to ${title(s)}`);
}

const NONE = {
  consumer: ["Nothing is requested", "Press Request video, pick a place on the map, and whoever is near brings the picture."],
  operator: ["Nothing is assigned to you", "Accept an open request above, or put a device on duty: requests in its coverage are sent to it."],
};

function paint() {
  by("wait").hidden = true;
  keyed(by("list"), state.rows, (s) => s.id, () => clone("t-session"), update);
  by("none").hidden = state.rows.length > 0;
  const [name, words] = state.which === "open" ? NONE[state.side] : ["Nothing here yet", "Sessions that are over are kept, with their bills."];
  fill(by("none"), { title: name, words });
  by("more-box").hidden = !state.cursor;
  const n = by("list-n");
  n.hidden = !state.rows.length;
  text(n, `${state.rows.length}${state.cursor ? "+" : ""}`);
  text(by("sum"), state.rows.filter((s) => s.state === "LIVE").length ? plural(state.rows.filter((s) => s.state === "LIVE").length, "session") + " live" : "");
  const chosenFilters = new URLSearchParams(Object.entries(filters()).flatMap(([k, v]) => [v].flat().filter(Boolean).map((x) => [k, x])));
  by("export").href = `/api/v1/sessions/export?${chosenFilters}`.replace(/\?$/, "");
  paintMap();
}

function nearest(s) {
  const all = devices().map((d) => d.lastPoint || d.home).filter(Boolean).map((at) => distance(at, s.point));
  return all.length ? `${meters(Math.min(...all))} from the nearest device` : "";
}

function paintOpen() {
  const rows = state.open;
  by("open-none").hidden = rows.length > 0;
  fill(by("open-none"), { words: by("open-near").checked ? "Requests appear here by themselves. Untick “In my coverage” to see those elsewhere." : "Requests appear here by themselves." });
  const n = by("open-n");
  n.hidden = !rows.length;
  text(n, String(rows.length));
  keyed(by("open-list"), rows, (s) => s.id, createOpen, (li, s) => {
    fill(li, { badge: [stateBadge(s), testBadge(s)].filter(Boolean), title: title(s), detail: [nearest(s), MODES[s.mode], fenceWords(s), s.kinds?.length ? `wants ${s.kinds.map(kindWords).join(", ")}` : ""].filter(Boolean).join(" · "), worth: `${usdc(s.ratePerSecondMicroUsdc)} a second`, left: `up to ${duration(s.maxDurationSeconds)}` });
    setAttr($("a", li), "href", `/sessions/${s.id}`);
    $('[data-f="left"]', li).title = `Waits until ${utc(s.deadlineAt)}`;
    const button = $("button", li);
    setAttr(button, "aria-label", `Accept ${title(s)}`);
    allow(button, mine.can("sessions:operate", state.workspace), "You may not serve sessions here. Ask for a role with sessions:operate.");
  });
  paintMap();
}

function createOpen(s) {
  const li = clone("t-open");
  $("button", li).addEventListener("click", async ({ currentTarget }) => {
    if (currentTarget.getAttribute("aria-disabled") === "true") return;
    currentTarget.disabled = true;
    try {
      await mine.activate(state.workspace.id);
      await post(`/sessions/${s.id}/accept`, taking());
      toast("Accepted", "Open its Publish page on the device with the camera.");
    } catch (error) {
      if (error instanceof ApiError) error.message = refusal(error);
      complain("It was not accepted", error);
    }
    currentTarget.disabled = false;
    refresh();
  });
  return li;
}

/* Map */

function paintMap() {
  const shown = new Map([...state.rows.filter((s) => state.which !== "open" || isOpen(s)), ...state.open].map((s) => [s.id, s]));
  const items = [...shown.values()].flatMap((s) => [
    s.geofencePolygon ? { kind: "fence", ring: s.geofencePolygon.coordinates[0].map(([lng, lat]) => ({ lat, lng })) } : { kind: "circle", at: s.point, meters: s.geofenceRadiusMeters },
    { kind: "point", id: s.id, at: s.point, label: title(s), shape: s.state === "REQUESTED" ? "want" : isOpen(s) ? "dot" : "hollow" },
  ]);
  if (state.side === "operator") items.push(...drawnDevices());
  const form = request.drawn();
  by("map").classList.toggle("picks", request.isOpen());
  text(by("map-note"), request.isOpen() ? "Press the place you want to see" : state.side === "operator" ? "Requests, devices and what they cover" : "Where the pictures are from");
  map.show([...items, ...form]);
}

/* Start */

for (const button of $$("#sides button")) button.addEventListener("click", () => setSide(button.dataset.side));
by("which").addEventListener("click", ({ target }) => {
  if (!target.dataset.which) return;
  state.which = target.dataset.which;
  press(by("which"), (b) => b === target);
  load();
});
by("open-near").addEventListener("change", loadOpen);
by("more").addEventListener("click", () => load({ more: true }));
arm(by("cancel-all"), async () => {
  try {
    await mine.activate(state.workspace.id);
    const { data } = await post("/sessions/cancel-all-assignments", {});
    toast(`${plural(data.count, "assignment")} cancelled`, "Live sessions go on.");
  } catch (error) {
    complain("Nothing was cancelled", error);
  }
  refresh();
});
startDevices(paintMap, loadOpen);
request.startRequest(paintMap);
command("n", "Request video", () => { if (!by("request-open").hidden) by("request-open").click(); }, { glyph: "session" });
const soon = debounce(() => { load(); loadActive(); if (state.side === "operator" && state.workspace) loadOpen(); }, 400);
mine.load().then(() => {
  const wanted = query.get("side") || localStorage.getItem(SIDE);
  setSide(ROLE[wanted] ? wanted : !mine.with("CONSUMER").some((w) => w.member) && mine.with("SUPPLIER").some((w) => w.member) ? "operator" : "consumer");
  if (query.has("request")) request.open(true);
  live.subscribe("sessions", { onEvent: soon });
  setInterval(() => { if (!document.hidden && state.side === "operator" && state.workspace) loadDevices(state.workspace); }, 10000);
}, (error) => complain("Your workspaces could not be read", error));
