// Drawing: one canvas for a whole bridge, its heads and clip lamps in the DOM on the same grid; small canvases
// for wall tiles. One clock draws everything that is on screen, at the display's rate.

import { FLOOR, TICKS, pos } from "./ballistics.js";
import { el, setAttr, text } from "./dom.js";
import { MINUS, db, duration } from "./format.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");
const LABELLED = TICKS.filter((t) => t !== -20);
const RULED = [-6, -18];
const ZONES = [[FLOOR, -18, "lo"], [-18, -6, "mid"], [-6, 0, "hi"]];

let palette = null;
function colours() {
  if (palette) return palette;
  const css = getComputedStyle(document.documentElement);
  const v = (name) => css.getPropertyValue(name).trim();
  // Glass is the same in both themes, so this is read once.
  palette = {
    lo: v("--m-lo"), mid: v("--m-mid"), hi: v("--m-hi"), peak: v("--m-peak"), hold: v("--m-hold"), off: v("--m-off"),
    line: v("--glass-line"), t: v("--glass-t"), t1: v("--glass-t1"), well: v("--glass-2"), glass: v("--glass"), font: v("--font"),
  };
  return palette;
}

/** Everything that moves. An item is `{draw(dt, now), visible}`. */
class Clock {
  constructor() {
    this.items = new Set();
    this.last = 0;
    this.running = false;
  }

  add(item) {
    this.items.add(item);
    if (!this.running) {
      this.running = true;
      this.last = performance.now();
      this.next();
    }
    return () => this.items.delete(item);
  }

  next() {
    if (still.matches) setTimeout(() => this.tick(performance.now()), 500);
    else requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    const dt = Math.min(0.5, Math.max(0, (now - this.last) / 1000));
    this.last = now;
    for (const item of this.items) if (item.visible !== false) item.draw(dt, now);
    if (this.items.size) this.next();
    else this.running = false;
  }
}

export const clock = new Clock();

const density = () => Math.min(2, devicePixelRatio || 1);

function size(canvas, width, height) {
  const d = density();
  const w = Math.round(width * d);
  const h = Math.round(height * d);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  return d;
}

function hatch(c, x, y, w, h, step, colour, line) {
  c.save();
  c.beginPath();
  c.rect(x, y, w, h);
  c.clip();
  c.strokeStyle = colour;
  c.lineWidth = line;
  c.beginPath();
  for (let k = -w; k < h; k += step) {
    c.moveTo(x, y + k + w);
    c.lineTo(x + w, y + k);
  }
  c.stroke();
  c.restore();
}

function upright(c, x, y, word, colour, d, plate) {
  const K = colours();
  c.save();
  c.translate(x, y);
  c.rotate(-Math.PI / 2);
  c.font = `600 ${10 * d}px ${K.font}`;
  c.letterSpacing = `${d}px`;
  c.textAlign = "center";
  c.textBaseline = "middle";
  if (plate) {
    const w = c.measureText(word).width + 12 * d;
    c.fillStyle = K.glass;
    c.fillRect(-w / 2, -8 * d, w, 16 * d);
  }
  c.fillStyle = colour;
  c.fillText(word, 0, 0.5 * d);
  c.restore();
}

/** A bridge of up to hundreds of channels in rows of at most 32, on one canvas behind its heads. */
export class Bridge {
  constructor(root, meter, numbers) {
    this.root = root;
    this.meter = meter;
    this.numbers = numbers;
    this.build();
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.inside);
    this.stop = clock.add(this);
    this.said = 0;
  }

  destroy() {
    this.stop();
    this.observer.disconnect();
    this.root.replaceChildren();
  }

  build() {
    const n = this.meter.count;
    const perRow = n <= 32 ? Math.max(n, 1) : Math.ceil(n / Math.ceil(n / 32));
    this.canvas = el("canvas", { role: "img", "aria-label": "Levels" });
    this.layer = document.createElement("canvas");
    this.strips = [];
    this.rows = [];
    this.inside = el("div", { class: "inside" }, this.canvas);
    this.root.replaceChildren(this.inside);
    this.dense = perRow > 16;
    this.root.classList.toggle("dense", this.dense);
    for (let at = 0; at < n; at += perRow) {
      const heads = el("div", { class: "heads" }, el("span", { class: "strip ax" }, el("b", {}, "dBFS")));
      heads.style.setProperty("--n", perRow);
      for (let i = at; i < Math.min(n, at + perRow); i += 1) heads.append(this.strip(i));
      const well = el("div", { class: "well" });
      this.inside.append(heads, well);
      this.rows.push({ from: at, to: Math.min(n, at + perRow), well });
    }
  }

  strip(i) {
    const c = this.meter.channels[i];
    const number = this.numbers[i];
    const label = c.label || "";
    const figure = el("span", { class: "mx num" }, "");
    const lamp = c.role === "unused"
      ? el("span", { class: "clip na", "aria-hidden": "true" }, "–")
      : el("button", { class: "clip", type: "button", onclick: () => { this.meter.clearClip(i); this.lamps(); } }, "OK");
    const node = el("div", { class: "strip" }, el("b", { class: "num" }, String(number)), el("span", { class: "nm", title: label }, label || "\u00a0"), lamp, figure);
    this.strips.push({ node, lamp, figure, number });
    return node;
  }

  /** Where each bar stands, from the DOM grid; asked again only when the size changes. */
  measure() {
    const box = this.canvas.getBoundingClientRect();
    this.d = size(this.canvas, box.width, box.height);
    size(this.layer, box.width, box.height);
    this.bars = [];
    for (const row of this.rows) {
      const w = row.well.getBoundingClientRect();
      row.top = (w.top - box.top + 6) * this.d;
      row.bottom = (w.bottom - box.top - 8) * this.d;
      row.left = (w.left - box.left) * this.d;
      row.right = (w.right - box.left) * this.d;
      for (let i = row.from; i < row.to; i += 1) {
        const s = this.strips[i].node.getBoundingClientRect();
        // Few channels get broad bars; from nine on they are as in a full bridge.
        const widest = this.meter.count <= 4 ? 84 : this.meter.count <= 8 ? 48 : 26;
        const width = Math.round(Math.min(widest, s.width * 0.56) * this.d);
        this.bars.push({ row, width, x: Math.round((s.left - box.left + s.width / 2) * this.d - width / 2) });
      }
    }
    this.key = null;
  }

  draw(dt, now) {
    if (!this.bars) this.measure();
    this.meter.advance(dt, now);
    const states = this.bars.map((_, i) => this.meter.state(i, now));
    const age = this.meter.ageMs(now);
    const key = `${states.join()}${states.includes("stale") ? Math.floor(age / 1000) : ""}`;
    if (key !== this.key) {
      this.key = key;
      this.paintLayer(states, age);
    }
    const c = this.canvas.getContext("2d", { alpha: false });
    c.drawImage(this.layer, 0, 0);
    this.paintBars(c, states);
    if (now - this.said > 250) {
      this.said = now;
      this.say(states, now);
    }
  }

  /** What stands still: wells, rules, figures of the scale, and the words of the channels that aren't plainly alive. */
  paintLayer(states, age) {
    const c = this.layer.getContext("2d");
    const K = colours();
    const d = this.d;
    c.fillStyle = K.glass;
    c.fillRect(0, 0, this.layer.width, this.layer.height);
    c.font = `500 ${11 * d}px ${K.font}`;
    c.textBaseline = "middle";
    c.textAlign = "right";
    for (const row of this.rows) {
      const y = (v) => row.bottom - pos(v) * (row.bottom - row.top);
      c.fillStyle = K.t;
      let above = -Infinity;
      for (const t of LABELLED) {
        if (y(t) - above < 13 * d) continue;
        above = y(t);
        c.fillText(t === 0 ? "0" : MINUS + -t, row.left + 25 * d, above);
      }
      c.fillStyle = K.line;
      for (const t of RULED) c.fillRect(row.left + 34 * d, Math.round(y(t)), row.right - row.left - 34 * d, d);
    }
    this.bars.forEach((bar, i) => this.paintWell(c, bar, states[i], age));
  }

  paintWell(c, { row, x, width }, state, age) {
    const K = colours();
    const d = this.d;
    const h = row.bottom - row.top;
    const mid = (row.top + row.bottom) / 2;
    if (state === "unused") {
      c.strokeStyle = K.line;
      c.lineWidth = d;
      c.setLineDash([2 * d, 4 * d]);
      c.beginPath();
      c.moveTo(x + width / 2, row.top);
      c.lineTo(x + width / 2, row.bottom);
      c.stroke();
      c.setLineDash([]);
      upright(c, x + width / 2, mid, "UNUSED", K.t, d, false);
      return;
    }
    c.fillStyle = K.well;
    c.fillRect(x, row.top, width, h);
    if (state === "none" || state === "waiting") {
      if (state === "none") hatch(c, x, row.top, width, h, 9 * d, K.line, 2 * d);
      c.strokeStyle = K.off;
      c.lineWidth = d;
      c.setLineDash([4 * d, 3 * d]);
      c.strokeRect(x + 0.5, row.top + 0.5, width - 1, h - 1);
      c.setLineDash([]);
      upright(c, x + width / 2, mid, state === "none" ? "NO SIGNAL" : "NO DATA YET", K.t1, d, true);
    } else if (state === "stale") {
      upright(c, x + width / 2, mid, `STALE ${duration(age / 1000).toUpperCase()}`, K.t1, d, true);
    } else if (state === "stuck") {
      upright(c, x + width / 2, row.top + 46 * d, "STUCK", K.t1, d, true);
    }
  }

  /** The moving part: one path and one fill per colour, however many channels. */
  paintBars(c, states) {
    const K = colours();
    const d = this.d;
    const cs = this.meter.channels;
    const fill = (colour, wanted, shape) => {
      c.fillStyle = colour;
      c.beginPath();
      this.bars.forEach((b, i) => { if (wanted(states[i])) shape(b, cs[i], (v) => b.row.bottom - pos(v) * (b.row.bottom - b.row.top)); });
      c.fill();
    };
    const lives = (s) => s === "ok";
    const stands = (s) => s === "stuck" || s === "stale";
    for (const [from, to, name] of ZONES) {
      fill(K[name], lives, (b, ch, y) => { if (ch.rms > from) c.rect(b.x, y(Math.min(ch.rms, to)), b.width, y(from) - y(Math.min(ch.rms, to))); });
    }
    fill(K.off, stands, (b, ch, y) => c.rect(b.x, y(ch.rms), b.width, b.row.bottom - y(ch.rms)));
    fill(K.well, (s) => s === "stuck", (b, ch, y) => { for (let k = b.row.bottom - 6 * d; k > y(ch.rms); k -= 6 * d) c.rect(b.x, k, b.width, 2.5 * d); });
    this.paintTicks(c, fill, d);
    fill(K.peak, lives, (b, ch, y) => { if (ch.peak > FLOOR) c.rect(b.x, y(ch.peak) - d, b.width, 2 * d); });
    fill(K.hold, lives, (b, ch, y) => { if (ch.hold > FLOOR) c.rect(b.x - 4 * d, y(ch.hold) - d, b.width + 8 * d, 2 * d); });
  }

  /** Dark lines over the bars. On the glass between them they can't be seen, so each but the two ruled ones is a single stroke. */
  paintTicks(c, fill, d) {
    const shade = "rgb(8 9 11 / 0.5)";
    c.fillStyle = shade;
    for (const row of this.rows) {
      for (const t of TICKS) if (!RULED.includes(t)) c.fillRect(row.left + 34 * d, Math.round(row.bottom - pos(t) * (row.bottom - row.top)), row.right - row.left - 34 * d, d);
    }
    fill(shade, (s) => s === "ok" || s === "stuck", (b, ch, y) => { for (const t of RULED) c.rect(b.x, Math.round(y(t)), b.width, d); });
  }

  /** Figures, lamps and the sentence for those who can't see the canvas. */
  say(states, now) {
    this.meter.channels.forEach((ch, i) => {
      const s = states[i];
      const { figure } = this.strips[i];
      text(figure, s === "unused" || s === "waiting" ? "" : s === "none" ? `${MINUS}∞` : ch.max <= -150 ? "" : db(Math.min(0, ch.max), this.dense ? 0 : 1));
      figure.classList.toggle("over", ch.max > -0.1);
    });
    this.lamps();
    const well = states.filter((s) => s === "ok").length;
    const trouble = this.meter.trouble(now);
    const stale = states.includes("stale") ? `Stale for ${duration(this.meter.ageMs(now) / 1000)}. ` : "";
    setAttr(this.canvas, "aria-label", `${stale}Levels of ${states.length} channels: ${trouble ? `${trouble}; ` : ""}${well} have signal.`);
  }

  lamps() {
    this.meter.channels.forEach((ch, i) => {
      const { lamp, number } = this.strips[i];
      if (lamp.tagName !== "BUTTON") return;
      const hot = ch.clips > 0;
      setAttr(lamp, "aria-pressed", String(hot));
      text(lamp, hot ? (ch.clips > 1 && !this.dense ? `CLIP ${ch.clips}` : "CLIP") : "OK");
      setAttr(lamp, "aria-label", hot ? `CLIP ${ch.clips} times on channel ${number}, press to clear` : `OK, clip lamp of channel ${number}`);
    });
  }

  clearClips() {
    this.meter.channels.forEach((_, i) => this.meter.clearClip(i));
    this.lamps();
  }
}

/** The same forms without words, for tiles and rows. */
export class Mini {
  constructor(canvas, meter) {
    this.canvas = canvas;
    this.meter = meter;
    this.watcher = new IntersectionObserver((entries) => { this.visible = entries.at(-1).isIntersecting; });
    this.watcher.observe(canvas);
    this.sizer = new ResizeObserver(() => { this.d = null; });
    this.sizer.observe(canvas);
    this.stop = clock.add(this);
  }

  destroy() {
    this.stop();
    this.watcher.disconnect();
    this.sizer.disconnect();
  }

  draw(dt, now) {
    if (!this.d) this.d = size(this.canvas, this.canvas.clientWidth, this.canvas.clientHeight);
    this.meter.advance(dt, now);
    const c = this.canvas.getContext("2d");
    const { width: W, height: H } = this.canvas;
    const d = this.d;
    const n = this.meter.count;
    c.clearRect(0, 0, W, H);
    if (!n) return;
    const pad = Math.min(8 * d, H * 0.12);
    const gap = Math.max(d, Math.round(((W - 2 * pad) / n) * 0.28));
    const bw = Math.max(d, Math.min(22 * d, (W - 2 * pad - gap * (n - 1)) / n));
    let x = (W - (bw * n + gap * (n - 1))) / 2;
    for (let i = 0; i < n; i += 1, x += bw + gap) this.bar(c, this.meter.channels[i], this.meter.state(i, now), { x, bw, top: pad, bottom: H - pad, d });
  }

  bar(c, ch, state, { x, bw, top, bottom, d }) {
    const K = colours();
    const h = bottom - top;
    const y = (v) => bottom - pos(v) * h;
    if (state === "unused") {
      c.fillStyle = K.line;
      c.fillRect(x, bottom - d, bw, d);
      return;
    }
    if (state === "none" || state === "waiting") {
      c.strokeStyle = K.off;
      c.lineWidth = d;
      c.setLineDash([2 * d, 2 * d]);
      c.strokeRect(x + 0.5, top + 0.5, bw, h);
      c.setLineDash([]);
      if (state === "waiting") return;
      c.beginPath();
      c.moveTo(x, bottom);
      c.lineTo(x + bw, top);
      c.stroke();
      return;
    }
    c.fillStyle = "#14181d";
    c.fillRect(x, top, bw, h);
    const grey = state !== "ok";
    for (const [from, to, name] of ZONES) {
      if (ch.rms <= from) break;
      c.fillStyle = grey ? K.off : K[name];
      c.fillRect(x, y(Math.min(ch.rms, to)), bw, y(from) - y(Math.min(ch.rms, to)));
    }
    if (state === "stuck") {
      c.fillStyle = "#14181d";
      for (let q = bottom - 3 * d; q > y(ch.rms); q -= 4 * d) c.fillRect(x, q, bw, 1.5 * d);
    } else if (!grey && ch.peak > FLOOR) {
      c.fillStyle = K.peak;
      c.fillRect(x, y(ch.peak), bw, d);
    }
  }
}
