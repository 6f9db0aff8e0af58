// What a meter shows, from the frames that arrive: attack, 20 dB per 1.7 s decay, 2 s hold, latched clips,
// and which of the five kinds of silence a channel is in. Pure; the caller brings the clock (ms).

export const FLOOR = -60;
export const TICKS = [0, -3, -6, -12, -18, -20, -30, -40, -60];
const CURVE = [[-60, 0], [-40, 0.15], [-30, 0.29], [-20, 0.5], [-18, 0.55], [-12, 0.71], [-6, 0.86], [-3, 0.93], [0, 1]];

const NOTHING = -160;
const DECAY_DB_PER_SECOND = 20 / 1.7;
const RMS_TAU_SECONDS = 0.055;
const HOLD_MS = 2000;
const STALE_MS = 3000;
const NO_SIGNAL_DBFS = -90;
const NO_SIGNAL_MS = 2000;
const STUCK_MS = 500;
/** While the 100 ms lane speaks, the 1 s lane gives facts but no levels. */
const FAST_LANE_MS = 600;

/** dBFS → 0…1 up the bar. */
export function pos(dbfs) {
  if (dbfs <= FLOOR) return 0;
  if (dbfs >= 0) return 1;
  let i = 1;
  while (dbfs > CURVE[i][0]) i += 1;
  const [a, p] = CURVE[i - 1];
  const [b, q] = CURVE[i];
  return p + ((q - p) * (dbfs - a)) / (b - a);
}

const fresh = (label, role) => ({
  label, role, target: NOTHING, rms: NOTHING, peak: NOTHING, hold: NOTHING, holdAt: 0, max: NOTHING,
  clips: 0, inClip: false, stuck: false, silentSince: null, at: null, fastAt: -Infinity,
});

export class Meter {
  /** `channels`: [{label, role: expected|optional|unused}], in channel order. */
  constructor(channels) {
    this.channels = channels.map((c) => fresh(c.label, c.role));
  }

  get count() {
    return this.channels.length;
  }

  /**
   * Takes a decoded frame that is `ageMs` old. `slots[k]` is where the frame's k-th channel stands here (identity without it);
   * channels that the frame doesn't have are left to grow stale.
   */
  push(frame, now, { ageMs = 0, slots = null } = {}) {
    const fast = frame.kind === 3;
    frame.channels.forEach((f, k) => {
      const c = this.channels[slots ? slots[k] : k];
      if (!c || !f) return;
      if (fast) c.fastAt = now;
      if (f.stuckRunMs !== undefined) c.stuck = f.stuckRunMs >= STUCK_MS && f.peak > NO_SIGNAL_DBFS;
      if (fast || now - c.fastAt > FAST_LANE_MS) this.take(c, f, now);
      c.at = Math.max(c.at ?? -Infinity, now - ageMs);
    });
  }

  take(c, f, now) {
    c.target = f.rms;
    if (c.rms < -100) c.rms = f.rms;
    if (f.peak > c.peak) c.peak = f.peak;
    if (f.peak >= c.hold) {
      c.hold = f.peak;
      c.holdAt = now;
    }
    if (f.peak > c.max) c.max = f.peak;
    if (f.clipping && !c.inClip) c.clips += 1;
    c.inClip = f.clipping;
    if (f.peak > NO_SIGNAL_DBFS) c.silentSince = null;
    else c.silentSince ??= now;
  }

  /** Moves the picture on by `dt` seconds. */
  advance(dt, now) {
    const k = 1 - Math.exp(-dt / RMS_TAU_SECONDS);
    const fall = DECAY_DB_PER_SECOND * dt;
    for (const c of this.channels) {
      c.rms += (c.target - c.rms) * k;
      c.peak = Math.max(NOTHING, c.peak - fall);
      if (now - c.holdAt > HOLD_MS) c.hold = Math.max(NOTHING, c.hold - fall);
    }
  }

  /** Age of the oldest channel that should speak; null before the first frame. */
  ageMs(now) {
    const heard = this.channels.filter((c) => c.role !== "unused" && c.at !== null);
    return heard.length ? now - Math.min(...heard.map((c) => c.at)) : null;
  }

  /** ok · none (no signal) · stuck · stale · unused · waiting (no frame yet). */
  state(i, now) {
    const c = this.channels[i];
    if (c.role === "unused") return "unused";
    if (c.at === null) return "waiting";
    if (now - c.at > STALE_MS) return "stale";
    if (c.silentSince !== null && now - c.silentSince >= NO_SIGNAL_MS) return "none";
    return c.stuck ? "stuck" : "ok";
  }

  clearClip(i) {
    this.channels[i].clips = 0;
  }

  clearMaxima() {
    for (const c of this.channels) c.max = NOTHING;
  }

  /** "5 no signal, 9 stuck": what a person should know, worst first; "" when all is well. */
  trouble(now) {
    const by = { none: [], stuck: [], clip: [] };
    this.channels.forEach((c, i) => {
      const s = this.state(i, now);
      if (s === "none" && c.role !== "expected") return;
      if (by[s]) by[s].push(i + 1);
      if (s === "ok" && c.clips) by.clip.push(i + 1);
    });
    const say = (list, word) => (list.length ? `${list.length > 4 ? `${list.length} channels` : list.join("+")} ${word}` : null);
    return [say(by.none, "no signal"), say(by.stuck, "stuck"), say(by.clip, "clipped")].filter(Boolean).join(", ");
  }
}
