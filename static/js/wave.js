// Waveforms on glass: a row's preview (≤ 256 peaks, 0…1) and the player's lanes (int8 min, max pairs), with gaps hatched.

import { clock, duration } from "./format.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** How high a sample stands: a root, as ears hear it, or speech at −20 dBFS would be a thread. */
const height = (amplitude) => Math.abs(amplitude) ** 0.65;

export function fit(canvas) {
  const d = Math.min(2, devicePixelRatio || 1);
  const w = Math.round(canvas.clientWidth * d);
  const h = Math.round(canvas.clientHeight * d);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  return { c: canvas.getContext("2d"), w, h, d };
}

/** The small picture of a whole recording, from its `waveformPreview`; a dotted line while there is none. */
export function row(canvas, recording) {
  const preview = recording.waveformPreview;
  const paint = () => {
    const { c, w, h, d } = fit(canvas);
    c.clearRect(0, 0, w, h);
    c.fillStyle = css("--wave-row");
    const peaks = preview?.peaks;
    if (!peaks?.length) {
      for (let x = 0; x < w; x += 6 * d) c.fillRect(x, h / 2, 2 * d, d);
      return;
    }
    const step = 2 * d;
    const n = Math.floor(w / step);
    for (let i = 0; i < n; i += 1) {
      const from = Math.floor((i / n) * peaks.length);
      const to = Math.max(from + 1, Math.floor(((i + 1) / n) * peaks.length));
      let peak = 0;
      for (let k = from; k < to; k += 1) peak = Math.max(peak, peaks[k]);
      const a = Math.max(d / 2, height(peak) * h * 0.48);
      c.fillRect(i * step, h / 2 - a, step - d * 0.5, a * 2);
    }
  };
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", preview?.peaks?.length ? `Waveform of ${recording.name}` : `No waveform of ${recording.name} yet`);
  canvas.repaint = paint;
  requestAnimationFrame(paint);
}

addEventListener("themechange", () => { for (const canvas of document.querySelectorAll("canvas")) canvas.repaint?.(); });

export function hatch(c, x, y, w, h, d, ground, line) {
  c.save();
  c.beginPath();
  c.rect(x, y, w, h);
  c.clip();
  c.fillStyle = ground;
  c.fillRect(x, y, w, h);
  c.strokeStyle = line;
  c.lineWidth = 2 * d;
  c.beginPath();
  for (let k = x - h; k < x + w; k += 9 * d) {
    c.moveTo(k, y + h);
    c.lineTo(k + h, y);
  }
  c.stroke();
  c.restore();
}

/** One lane of min/max pairs over [from, to] seconds into the box; `peaks` covers [peaksFrom, peaksTo]. */
export function lane(c, peaks, span, box, d, colours) {
  const mid = box.y + box.h / 2;
  const pairs = peaks.length / 2;
  const seconds = span.peaksTo - span.peaksFrom;
  if (!pairs || seconds <= 0) return;
  const index = (t) => ((t - span.peaksFrom) / seconds) * pairs;
  const step = Math.max(1, Math.round(d));
  c.fillStyle = colours.peak;
  for (let x = 0; x < box.w; x += step) {
    const a = index(span.from + (x / box.w) * (span.to - span.from));
    const b = index(span.from + ((x + step) / box.w) * (span.to - span.from));
    const first = Math.max(0, Math.floor(a));
    const last = Math.min(pairs - 1, Math.max(first, Math.ceil(b) - 1));
    if (first >= pairs || b < 0) continue;
    let lo = 127;
    let hi = -128;
    for (let k = first; k <= last; k += 1) {
      lo = Math.min(lo, peaks[2 * k]);
      hi = Math.max(hi, peaks[2 * k + 1]);
    }
    const top = mid - height(Math.max(hi, 0) / 128) * box.h * 0.48;
    const bottom = mid + height(Math.max(-lo, 0) / 128) * box.h * 0.48;
    c.fillRect(box.x + x, Math.min(top, mid - d / 2), step, Math.max(d, bottom - top));
  }
}

const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];

/** Round times for a ruler: about one label each 110 px. */
export function ruler(from, to, width) {
  const wanted = (to - from) / Math.max(2, width / 110);
  const step = STEPS.find((s) => s >= wanted) || STEPS.at(-1);
  const out = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) out.push(t);
  return { step, times: out };
}

/** 55.25 → "00:00:55.25" with as many decimals as the step needs. */
export function stamp(seconds, step) {
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  const whole = clock(seconds + (digits ? 0 : 0.0001));
  return digits ? whole + (seconds % 1).toFixed(digits).slice(1) : whole;
}

/** What the lanes show, in a sentence. */
export function describe(view, gaps) {
  const inside = gaps.filter((g) => g.atSeconds < view.to && g.atSeconds + g.lengthSeconds > view.from);
  const holes = inside.length ? `${inside.length === 1 ? "One gap" : `${inside.length} gaps`}, ${duration(inside.reduce((s, g) => s + g.lengthSeconds, 0))} in all; the table lists them.` : "No gaps.";
  return `Waveform from ${clock(view.from)} to ${clock(view.to)}. ${holes}`;
}
