// While the publisher runs: the media's state, the socket's words, the tally, seconds, the line above the button.

import { ApiError, get } from "../api.js";
import { fill } from "../dom.js";
import { learn } from "../now.js";
import { live } from "../socket.js";
import { Awake, canStayAwake } from "./awake.js";
import { cameras } from "./camera.js";
import { meters, place, toFence } from "./geo.js";
import { mine } from "./mine.js";
import { letGo, over } from "./publish-end.js";
import { id, meter, running, stage, state } from "./publish-state.js";
import { note, say, showCameras, showMeter, showTally } from "./publish-view.js";
import { isOpen, title } from "./words.js";

const UNKNOWN_MS = 10000;
export const awake = new Awake(() => notice());
addEventListener("letgo", () => awake.drop());

/** The session as it is now. */
export async function read() {
  const { data, date } = await get(`/sessions/${id}`);
  if (date) learn(new Date(date).toISOString());
  state.s = data;
  state.tally = data.tally || "off";
  meter.take(data);
  follow();
  fill(document, { name: title(data), for: mine.name(data.consumerWorkspaceId) ? `for ${mine.name(data.consumerWorkspaceId)}` : place(data.point, 3) });
  return data;
}

export function mediaChanged() {
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
    stage.ready("The picture has stopped", words);
  }
}

export function cameraLost() {
  if (running()) note("The camera stopped. Pick another one, or press Stop and begin again.", "warn");
  offerCameras();
}

export const offerCameras = () => cameras().then((list) => showCameras(list, state.stream?.getVideoTracks()[0]?.getSettings().deviceId));

function edge() {
  if (state.s?.mode !== "telemetry") return undefined;
  const at = state.beacon?.position?.point;
  return at ? toFence(state.s, at) : null;
}

export function notice() {
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
  // A tick comes each second: a socket that is silent for ten is none.
  const silent = performance.now() - (live.heard ?? 0) > UNKNOWN_MS;
  if (silent || (live.state !== "live" && live.lostAt === null)) return "unknown";
  return state.tally;
}

export function paint() {
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

export async function refresh() {
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

