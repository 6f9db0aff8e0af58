// Signed positions at 1 Hz: taken, signed on this device, sent; while there is no network the last 30 s are kept and sent together.

import { ApiError, post } from "../api.js";
import { serverNow } from "../now.js";

const EVERY_MS = 1000;
const KEEP_MS = 30000;
const FIX_MS = 5000;
const BATCH = 120;

const REFUSALS = {
  sample_signature_invalid: "This device’s key is not accepted. Reload the page to make a new one.",
  sample_in_future: "This device’s clock is ahead. Set it to automatic.",
  sample_before_assignment: "This device’s clock is behind. Set it to automatic.",
};
const FIX_ERRORS = {
  1: "The position is not allowed. Allow it for this site in the browser’s address bar: without it no second counts.",
  2: "No position can be found here. Go outside or near a window.",
  3: "The position takes too long. Go outside or near a window.",
};
const VERDICTS = {
  late: "Positions arrive too late to count.",
  unusable_source: "This position is not a measured one; it doesn’t count.",
  inaccurate: "The position is too rough to count. Wait for a better fix, or go outside.",
  challenge_missing: "A challenge was answered late; the next seconds count again.",
  out_of_fence: "Outside the fence: seconds here don’t count.",
};

const rounded = (value, digits) => Number(value.toFixed(digits));

export class Beacon extends EventTarget {
  /** `key` is what `signer.keyFor` answers. Events: `change` with {position, words, kept}. */
  constructor(sessionId, key) {
    super();
    this.sessionId = sessionId;
    this.key = key;
    this.queue = [];
    this.challenge = null;
    this.position = null;
    this.words = "";
    this.trouble = "";
  }

  start() {
    this.timer = setInterval(() => this.take(), EVERY_MS);
    this.take();
    this.online = () => this.send();
    addEventListener("online", this.online);
  }

  stop() {
    clearInterval(this.timer);
    removeEventListener("online", this.online);
    this.stopped = true;
  }

  say(words) {
    this.words = words;
    this.dispatchEvent(new Event("change"));
  }

  take() {
    if (this.taking) return;
    this.taking = true;
    this.askedAt = Date.now();
    navigator.geolocation.getCurrentPosition((fix) => this.fixed(fix), (error) => {
      this.taking = false;
      if (!this.stopped) this.say(FIX_ERRORS[error.code] || error.message);
    }, { enableHighAccuracy: true, maximumAge: 0, timeout: FIX_MS });
  }

  fixed(fix) {
    this.taking = false;
    if (this.stopped) return;
    // Asked for with `maximumAge: 0` it is new by contract; some providers leave the time of an earlier one on it.
    const taken = fix.timestamp >= this.askedAt - EVERY_MS ? fix.timestamp : Date.now();
    const at = taken + (serverNow() - Date.now());
    const capturedAt = new Date(Math.min(at, serverNow())).toISOString();
    if (this.queue.at(-1)?.capturedAt === capturedAt || this.latest === capturedAt) return;
    this.latest = capturedAt;
    const { latitude, longitude, accuracy } = fix.coords;
    const sample = { capturedAt, point: { lat: rounded(latitude, 7), lng: rounded(longitude, 7) }, accuracyMeters: rounded(accuracy, 2), source: "fused" };
    if (this.challenge) sample.challenge = this.challenge;
    sample.signature = this.key.sign({ ...sample, sessionId: this.sessionId });
    this.position = { point: sample.point, accuracyMeters: sample.accuracyMeters, at: capturedAt };
    this.queue.push(sample);
    this.say(this.trouble);
    this.send();
  }

  async send() {
    if (this.sending || this.stopped || performance.now() < (this.notBefore || 0)) return;
    const oldest = serverNow() - KEEP_MS;
    this.queue = this.queue.filter((s) => new Date(s.capturedAt).getTime() >= oldest);
    const samples = this.queue.slice(0, BATCH);
    if (!samples.length) return;
    this.sending = true;
    try {
      const path = `/sessions/${this.sessionId}/telemetry`;
      const { data } = samples.length === 1 ? await post(path, samples[0], { key: null }) : await post(`${path}/batch`, { samples }, { key: null });
      this.queue = this.queue.filter((s) => !samples.includes(s));
      this.answered(data, samples.length);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failed(error, samples);
    } finally {
      this.sending = false;
    }
    if (this.queue.length > 1) this.send();
  }

  answered(data, count) {
    if (data.challenge) this.challenge = data.challenge;
    const code = count === 1 ? data.verdict : data.rejected?.at(-1)?.code;
    this.trouble = REFUSALS[code] || VERDICTS[code] || "";
    this.say(this.trouble);
  }

  /** Without a network samples wait; one that is refused for itself is dropped. */
  failed(error, samples) {
    if (error.status === 0 || error.status >= 500) this.trouble = "No network: the last 30 s of positions are kept.";
    else if (error.status === 429) this.notBefore = performance.now() + (error.retryAfterSeconds || 1) * 1000;
    else {
      this.queue = this.queue.filter((s) => !samples.includes(s));
      this.trouble = error.code === "invalid_state" ? "" : REFUSALS[error.code] || error.message;
    }
    this.say(this.trouble);
  }
}
