// The end of a publication: the camera is given back at once, the bill is closed for as long as that takes, and shown.

import { ApiError, get, post } from "../api.js";
import { clock } from "../format.js";
import { usdc } from "./money.js";
import { by, id, meter, stage, state, wait } from "./publish-state.js";
import { note, say, showButton, showMeter, showMute, showSignal, showTally } from "./publish-view.js";
import { endWords, isOpen } from "./words.js";

/** Everything that this device gave is taken back: camera light off, positions off. */
export function letGo() {
  state.beacon?.stop();
  const done = state.publisher ? state.publisher.stop() : Promise.resolve();
  for (const track of state.stream?.getTracks() || []) track.stop();
  by("camera").srcObject = null;
  by("pick").hidden = true;
  dispatchEvent(new Event("letgo"));
  Object.assign(state, { publisher: null, beacon: null, stream: null });
  return done;
}

export async function stop() {
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
    state.s = (await get(`/sessions/${id}`)).data;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    stage.barred("Stopped", error.message);
    return;
  }
  if (!isOpen(state.s)) over();
  else stage.ready("Stopped before it was live", "Nothing is billed. The session is still yours: go live again, or cancel it on its page.");
}

export function over() {
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
