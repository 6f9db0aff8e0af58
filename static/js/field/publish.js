// The publisher: two clicks, Go live and Stop. Everything between goes on by itself: accept, start, camera, media, positions, reconnects.
//
//   loading ▶ ready ─Go live▶ starting ▶ publishing ─Stop, end by anybody▶ over        loading ▶ barred

import { ApiError, get, post } from "../api.js";
import { fill } from "../dom.js";
import { clock } from "../format.js";
import { learn, serverNow } from "../now.js";
import { live } from "../socket.js";
import { Awake, canStayAwake } from "./awake.js";
import { CameraError, cameras, demandSecureOrigin, open, openCamera } from "./camera.js";
import { meters, place, toFence } from "./geo.js";
import { Meter } from "./meter.js";
import { mine } from "./mine.js";
import { usdc } from "./money.js";
import { note, say, showButton, showCameras, showMeter, showMute, showSignal, showTally } from "./publish-view.js";
import { Publisher, quality } from "./whip.js";
import { endWords, isOpen, refusal, title } from "./words.js";

const id = document.body.dataset.session;
const by = (name) => document.getElementById(name);
const UNKNOWN_MS = 10000;
const POLL_MS = 5000;
const TRIES = 40;
const state = { phase: "loading", s: null, tally: "off", publisher: null, beacon: null, stream: null, muted: false, silent: false };
const meter = new Meter();
const awake = new Awake(() => notice());

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const running = () => state.phase === "starting" || state.phase === "publishing";

/* Reading */

async function read() {
  const { data, date } = await get(`/sessions/${id}`);
  if (date) learn(new Date(date).toISOString());
  state.s = data;
  state.tally = data.tally || "off";
  meter.take(data);
  follow();
  fill(document, { name: title(data), for: mine.name(data.consumerWorkspaceId) ? `for ${mine.name(data.consumerWorkspaceId)}` : place(data.point, 3) });
  return data;
}

async function begin() {
  try {
    await mine.load();
    const s = await read();
    if (!isOpen(s)) over();
    else if (await admitted(s)) ready();
  } catch (error) {
    if (error.leaving) return;
    barred(error.status === 404 ? "There is no such session here" : "The session could not be read", error.status === 404 ? "It may be taken by somebody else, or over. Look at the list of sessions." : error.message);
  }
}

const GATE = { REQUESTED: "accept", ASSIGNED: "start", LIVE: "producerToken" };

async function admitted(s) {
  const action = (await get(`/sessions/${id}/actions`)).data.actions[GATE[s.state]];
  if (!action || action.enabled || !/side_required|permission_denied|role_required/.test(action.code)) return true;
  barred("This picture is not yours to bring", action.reason);
  return false;
}

function barred(name, words) {
  state.phase = "barred";
  say(name, words);
  showButton("x", "Back to the sessions", () => location.assign("/sessions?side=operator"));
}

function ready(name = "", words = "") {
  state.phase = "ready";
  showTally(null);
  showSignal(null);
  note("");
  by("meter").hidden = true;
  showMute(false, false);
  try {
    demandSecureOrigin();
  } catch (error) {
    if (!(error instanceof CameraError)) throw error;
    say(error.title, error.message);
    showButton("cam", "Go live", null);
    return;
  }
  const { s } = state;
  say(name || (s.state === "LIVE" ? "This session is live" : "Ready when you are"), words || (s.state === "LIVE" ? "Go live here takes the picture over from where it comes now." : `${s.state === "REQUESTED" ? "Go live accepts the request. " : ""}Point the camera, press Go live.`));
  showButton("play", "Go live", goLive);
}

/* Going live */

/** Repeats what the API calls transient, saying why it waits. */
async function patiently(act, words) {
  for (let i = 0; ; i += 1) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof ApiError) || !error.transient || i >= TRIES || !running()) throw error;
      say(words, refusal(error));
      await wait((error.retryAfterSeconds || 2) * 1000);
    }
  }
}

async function goLive() {
  state.phase = "starting";
  showButton("stop", "Stop", stop);
  say("Opening the camera", "Allow camera and microphone when the browser asks.");
  try {
    const opened = await open();
    if (state.phase !== "starting") {
      for (const track of opened.stream.getTracks()) track.stop();
      return;
    }
    Object.assign(state, opened);
    await showPicture();
    awake.take();
    if (state.s.state === "REQUESTED") await accept();
    if (state.s.mode === "telemetry") await startBeacon();
    const url = await address();
    if (state.phase !== "starting") return;
    say("Connecting", "The picture is on its way.");
    publish(url);
  } catch (error) {
    await giveUp(error);
  }
}

async function showPicture() {
  by("camera").srcObject = state.stream;
  for (const track of state.stream.getVideoTracks()) track.addEventListener("ended", cameraLost);
  showMute(state.muted, !state.silent);
  showCameras(await cameras(), state.stream.getVideoTracks()[0].getSettings().deviceId);
  notice();
}

async function accept() {
  say("Accepting", "");
  const place = mine.chosen("SUPPLIER");
  if (place) await mine.activate(place.id);
  await post(`/sessions/${id}/accept`, {});
  await read();
}

/** The address to publish to: from `start`, or from `producer-token` when it runs already. */
async function address() {
  if (state.s.state === "LIVE") return again();
  say("Getting ready", "");
  const { data } = await patiently(() => post(`/sessions/${id}/start`, {}), "Getting ready");
  return data.whipUrl;
}

const again = async () => (await get(`/sessions/${id}/producer-token`)).data.whipUrl;

function publish(url) {
  state.publisher = new Publisher(state.stream, url, again);
  state.publisher.addEventListener("state", mediaChanged);
  state.publisher.start();
}

async function startBeacon() {
  if (!navigator.geolocation) throw new CameraError("This device has no position", "This session counts seconds by position. Open it on a phone.");
  say("Making this device’s key", "Positions are signed on this device.");
  const [{ keyFor }, { Beacon }] = await Promise.all([import("./signer.js"), import("./beacon.js")]);
  const key = await keyFor(state.s.operatorId, serverNow);
  state.beacon = new Beacon(id, key);
  state.beacon.challenge = state.challenge || null;
  state.beacon.addEventListener("change", () => { notice(); paint(); });
  state.beacon.start();
}

async function giveUp(error) {
  if (state.phase !== "starting") return;
  letGo();
  if (error instanceof CameraError) ready(error.title, error.message);
  else if (error instanceof ApiError) {
    if (error.leaving) return;
    try {
      await read();
    } catch (second) {
      if (!(second instanceof ApiError)) throw second;
    }
    if (state.s && !isOpen(state.s)) over();
    else ready("It did not go live", refusal(error));
  } else throw error;
}

/* While it runs */

function mediaChanged() {
  const p = state.publisher;
  if (!p || !running()) return;
  if (p.state === "live") {
    state.phase = "publishing";
    say(state.s.state === "LIVE" ? "" : "Waiting for the first picture to arrive");
  } else if (p.state === "waiting") say("Reconnecting", p.words);
  else if (p.state === "connecting" && state.phase === "publishing") say("Reconnecting", "");
  else if (p.state === "refused") lookAgain(p.words);
  paint();
}

async function lookAgain(words) {
  const { publisher } = state;
  try {
    await read();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
  if (!isOpen(state.s)) over();
  else if (publisher === state.publisher) {
    letGo();
    ready("The picture has stopped", words);
  }
}

function cameraLost() {
  if (running()) note("The camera stopped. Pick another one, or press Stop and begin again.", "warn");
  showMuteable();
}

const showMuteable = () => cameras().then((list) => showCameras(list, state.stream?.getVideoTracks()[0]?.getSettings().deviceId));

function edge() {
  if (state.s?.mode !== "telemetry") return undefined;
  const at = state.beacon?.position?.point;
  return at ? toFence(state.s, at) : null;
}

function notice() {
  if (!running()) {
    note("");
    return;
  }
  const away = edge();
  if (away < 0) note(`Outside the fence by ${meters(away)}: seconds here don’t count. Go back in.`, "warn");
  else if (state.beacon?.words) note(state.beacon.words, "warn");
  else if (state.silent) note("No microphone: the picture goes alone.", "muted");
  else if (!canStayAwake) note("This browser can’t keep the screen on. Set the display to stay awake yourself.", "warn");
  else if (awake.held) note("The screen stays on while you are live.");
  else note("The screen may go dark here. Touch it now and then.", "warn");
}

function tallyNow() {
  if (!running() || state.s.state !== "LIVE") return null;
  if (live.state !== "live" && (live.lostAt === null || Date.now() - live.lostAt.getTime() > UNKNOWN_MS)) return "unknown";
  return state.tally;
}

function paint() {
  if (!running()) return;
  showTally(tallyNow());
  if (state.s.state === "LIVE") showMeter(meter, edge());
}

const EVENTS = {
  tick: (data) => meter.take(data.meter),
  tally: (data) => { state.tally = data.tally; },
  challenge: (data) => { state.challenge = data.challenge || data.nonce; if (state.beacon) state.beacon.challenge = state.challenge; },
  point: () => {},
  media: () => {},
};

function heard(name, data) {
  if (!EVENTS[name]) {
    refresh();
    return;
  }
  EVENTS[name](data);
  paint();
}

/** The session's topic is for its two sides: an open request is nobody's yet. */
function follow() {
  if (state.following || !state.s.consumerWorkspaceId) return;
  state.following = true;
  live.subscribe(`session:${id}`, { onSnapshot: snapshot, onEvent: heard, onGone: refresh });
}

function snapshot(data) {
  meter.take(data.meter);
  state.tally = data.tally.tally;
  refresh();
}

async function refresh() {
  if (state.phase === "over" || state.phase === "barred" || state.refreshing) return;
  state.refreshing = true;
  try {
    await read();
    if (!isOpen(state.s)) over();
    else {
      if (state.phase === "publishing" && state.s.state === "LIVE" && state.publisher?.state === "live") say("");
      paint();
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404 && running()) lookAgain("This session is no longer yours.");
  } finally {
    state.refreshing = false;
  }
}

/* Stopping */

/** Everything that this device gave is taken back: camera light off, positions off. */
function letGo() {
  state.beacon?.stop();
  const done = state.publisher ? state.publisher.stop() : Promise.resolve();
  for (const track of state.stream?.getTracks() || []) track.stop();
  by("camera").srcObject = null;
  by("pick").hidden = true;
  awake.drop();
  Object.assign(state, { publisher: null, beacon: null, stream: null });
  return done;
}

async function stop() {
  const was = state.s.state;
  state.phase = "stopping";
  showTally(null);
  showButton("clock", "Stopping…", null);
  note("");
  const released = letGo();
  say("Stopped", "The camera is off. The bill is being closed.");
  if (was !== "LIVE") await released;
  await closeBill();
}

/** Ends the session for as long as that takes; seconds without a picture are not billed meanwhile. */
async function closeBill() {
  for (let i = 0; ; i += 1) {
    try {
      await post(`/sessions/${id}/end`, {});
      break;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.leaving || error.status === 409 || error.status === 403 || error.status === 404) break;
      say("Stopped", `The camera is off. Closing the bill waits: ${error.message}`);
      await wait(Math.min(8000, 1000 * 2 ** i));
    }
  }
  try {
    await read();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    barred("Stopped", error.message);
    return;
  }
  if (!isOpen(state.s)) over();
  else ready("Stopped before it was live", "Nothing is billed. The session is still yours: go live again, or cancel it on its page.");
}

function over() {
  if (state.phase === "over") return;
  state.phase = "over";
  letGo();
  showTally(null);
  showSignal(null);
  showMute(false, false);
  note("");
  const { s } = state;
  const billed = s.startedAt && s.state !== "CANCELLED";
  say(s.state === "CANCELLED" ? "Cancelled" : s.state === "EXPIRED" && !s.startedAt ? "Expired" : "Ended", [s.endReason ? `${endWords(s.endReason)[0].toUpperCase()}${endWords(s.endReason).slice(1)}.` : "", billed ? `${clock(s.cleanSeconds)} clean, ${s.failedSeconds} s failed. You earned ${usdc(s.operatorEarnedMicroUsdc)} USDC of ${usdc(s.chargedMicroUsdc)}.` : "Nothing is billed."].join(" "));
  by("meter").hidden = !billed;
  if (billed) {
    meter.take({ ...s, meterFinal: true });
    showMeter(meter, undefined);
  }
  showButton("session", "See the bill", () => location.assign(`/sessions/${id}`));
}

/* Controls */

by("mute").addEventListener("click", () => {
  state.muted = !state.muted;
  for (const track of state.stream?.getAudioTracks() || []) track.enabled = !state.muted;
  showMute(state.muted);
});
by("cameras").addEventListener("change", async ({ target }) => {
  try {
    const track = await openCamera(target.value);
    track.addEventListener("ended", cameraLost);
    if (state.publisher) await state.publisher.replaceVideo(track);
    by("camera").srcObject = state.stream;
    notice();
  } catch (error) {
    if (!(error instanceof CameraError)) throw error;
    note(`${error.title}. ${error.message}`, "warn");
    showMuteable();
  }
});
navigator.mediaDevices?.addEventListener?.("devicechange", () => { if (running()) showMuteable(); });
addEventListener("beforeunload", (event) => { if (running() && state.s?.state === "LIVE") event.preventDefault(); });
live.addEventListener("state", () => { if (live.state === "live") refresh(); });
live.start();
setInterval(async () => {
  paint();
  if (running()) showSignal(quality(await state.publisher?.stats(), state.publisher?.state));
}, 1000);
setInterval(() => { if (running() && live.state !== "live") refresh(); }, POLL_MS);
showButton("clock", "Looking…", null);
begin();
