// The publisher: two clicks, Go live and Stop. Everything between goes on by itself: accept, start, camera, media, positions, reconnects.
//
//   loading ▶ ready ─Go live▶ starting ▶ publishing ─Stop, end by anybody▶ over        loading ▶ barred

import { ApiError, get, post } from "../api.js";
import { serverNow } from "../now.js";
import { live } from "../socket.js";
import { CameraError, cameras, demandSecureOrigin, open, openCamera } from "./camera.js";
import { mine } from "./mine.js";
import { letGo, over, stop } from "./publish-end.js";
import { awake, cameraLost, mediaChanged, notice, offerCameras, paint, read, refresh } from "./publish-run.js";
import { by, id, running, stage, state, wait } from "./publish-state.js";
import { note, say, showButton, showCameras, showMute, showSignal, showTally } from "./publish-view.js";
import { Publisher, quality } from "./whip.js";
import { isOpen, refusal } from "./words.js";

const POLL_MS = 5000;
const TRIES = 40;

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
    offerCameras();
  }
});
navigator.mediaDevices?.addEventListener?.("devicechange", () => { if (running()) offerCameras(); });
addEventListener("beforeunload", (event) => { if (running() && state.s?.state === "LIVE") event.preventDefault(); });
live.addEventListener("state", () => { if (live.state === "live") refresh(); });
live.start();
setInterval(async () => {
  paint();
  if (running()) showSignal(quality(await state.publisher?.stats(), state.publisher?.state));
}, 1000);
setInterval(() => { if (running() && live.state !== "live") refresh(); }, POLL_MS);
Object.assign(stage, { ready, barred });
showButton("clock", "Looking…", null);
begin();
