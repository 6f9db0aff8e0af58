// The waveform player: peaks of any zoom from the server, a media element that streams, one playhead for both.

import { get, post } from "./api.js";
import { complain, icon, setAttr, text } from "./dom.js";
import { clock, time } from "./format.js";
import { describe, fit, hatch, lane, ruler, stamp } from "./wave.js";

const MIN_SPAN_SECONDS = 0.05;
const OVERVIEW_POINTS = 1600;
const MOST_POINTS = 4000;
const MOST_LANES = 8;
const GUTTER = 74;
const TOP = 12;
const FOOT = 28;
const RETRY_MS = 2000;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Player {
  /** `parts`: overview, main, note, audio, play, at, length, house. `labels`: channel index → name. */
  constructor(recording, parts, labels = new Map()) {
    this.r = recording;
    this.p = parts;
    this.labels = labels;
    this.length = recording.durationSeconds || 0;
    this.gaps = recording.gaps || [];
    this.view = { from: 0, to: this.length };
    this.position = 0;
    this.mode = "mix";
    this.whole = null;
    this.detail = null;
    this.loaded = null;
    /** Pressed before there was anything to play: it plays as soon as there is. */
    this.wanted = false;
    /** Whether it may be played: null until that is known, and a press until then is kept. */
    this.may = null;
    this.listen();
    this.loadWhole();
    const repaint = new ResizeObserver(() => this.paint());
    repaint.observe(parts.main);
    repaint.observe(parts.overview);
    text(parts.length, clock(Math.round(this.length)));
    setAttr(parts.overview, "aria-valuemax", String(Math.round(this.length)));
    this.moved();
  }

  get channels() {
    const n = this.r.waveformPreview?.channelCount || this.r.file?.channels || 1;
    return this.mode === "mix" ? "mix" : Array.from({ length: Math.min(n, MOST_LANES) }, (_, i) => i + 1).join(",");
  }

  /* Peaks */

  say(words) {
    this.p.note.hidden = !words;
    text(this.p.note, words || "");
  }

  /** What is known of the recording by now; its file may have been read since. */
  update(recording) {
    const read = this.r.analysisStatus === "pending" && recording.analysisStatus !== "pending";
    this.r = recording;
    if (!read) return;
    this.loadWhole();
    if (this.wanted && this.may) this.begin();
  }

  permit(yes) {
    const kept = this.may === null && this.wanted;
    this.may = yes;
    if (!kept) return;
    if (yes) this.begin();
    else this.wanted = false;
  }

  async loadWhole() {
    if (this.r.analysisStatus === "pending") {
      this.say("The file is being read. Its waveform comes in a moment; playing works already.");
      return;
    }
    try {
      const { data } = await get(`/recordings/${this.r.id}/waveform`, { points: OVERVIEW_POINTS, channels: this.channels });
      this.whole = data;
      this.overviewPeaks ??= data;
      this.say("");
      this.paint();
      this.loadDetail();
    } catch (error) {
      if (error.code === "analysis_pending") {
        this.say("The waveform is being read. It comes in a moment; playing works already.");
        setTimeout(() => this.loadWhole(), RETRY_MS);
      } else if (error.code === "analysis_failed") this.say("This file could not be read for a waveform. It can still be played and downloaded.");
      else if (error.status === 404) this.say("There is no file to draw.");
      else {
        this.say("The waveform could not be read.");
        complain("The waveform could not be read", error);
      }
      this.paint();
    }
  }

  /** Finer peaks for what is in view, half a view more on each side so that panning stays sharp. */
  loadDetail() {
    clearTimeout(this.detailTimer);
    const span = this.view.to - this.view.from;
    if (!this.whole || span > this.length * 0.9) return;
    this.detailTimer = setTimeout(async () => {
      this.running?.abort();
      this.running = new AbortController();
      const from = Math.max(0, this.view.from - span / 2);
      const to = Math.min(this.length, this.view.to + span / 2);
      const points = Math.min(MOST_POINTS, Math.max(16, Math.round(((to - from) / span) * this.p.main.clientWidth)));
      try {
        const { data } = await get(`/recordings/${this.r.id}/waveform`, { from: from.toFixed(3), to: to.toFixed(3), points, channels: this.channels }, { signal: this.running.signal });
        this.detail = data;
        this.paint();
      } catch (error) {
        if (error.name !== "AbortError") complain("Finer peaks could not be read", error);
      }
    }, 140);
  }

  setMode(mode) {
    this.mode = mode;
    this.detail = this.whole = null;
    this.loadWhole();
  }

  /* Moving */

  show(from, to) {
    const span = Math.min(this.length, Math.max(MIN_SPAN_SECONDS, to - from));
    const start = Math.min(Math.max(0, from), Math.max(0, this.length - span));
    this.view = { from: start, to: start + span };
    this.loadDetail();
    this.paint();
  }

  zoom(factor, around = this.position) {
    const { from, to } = this.view;
    const at = around >= from && around <= to ? around : (from + to) / 2;
    const span = (to - from) * factor;
    const part = (at - from) / (to - from || 1);
    this.show(at - span * part, at + span * (1 - part));
  }

  all() {
    this.show(0, this.length);
  }

  seek(seconds) {
    this.position = Math.min(Math.max(0, seconds), this.length);
    if (this.loaded) this.p.audio.currentTime = this.position;
    if (this.position < this.view.from || this.position > this.view.to) {
      const span = this.view.to - this.view.from;
      this.show(this.position - span / 2, this.position + span / 2);
    }
    this.moved();
  }

  /* Playing */

  async prepare() {
    if (this.loaded) return;
    const { data } = await post(`/recordings/${this.r.id}/playback`);
    this.p.audio.src = data.streamUrl;
    this.loaded = data;
    if (this.position) this.p.audio.currentTime = this.position;
  }

  async toggle() {
    if (this.may === null) {
      this.wanted = !this.wanted;
      return;
    }
    if (this.p.play.getAttribute("aria-disabled") === "true") return;
    if (!this.p.audio.paused) {
      this.p.audio.pause();
      return;
    }
    await this.begin();
  }

  async begin() {
    try {
      await this.prepare();
      this.wanted = false;
      if (this.position >= this.length - 0.05) this.seek(0);
      await this.p.audio.play();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.wanted = error.code === "rendition_pending" && this.r.analysisStatus === "pending";
      if (this.wanted) this.say("A copy that browsers play is being made. It plays as soon as it is there.");
      else complain("It can’t be played", error);
    }
  }

  listen() {
    const { audio, main, overview, play } = this.p;
    const sync = () => {
      const playing = !audio.paused;
      setAttr(play, "aria-label", playing ? "Pause" : "Play");
      play.replaceChildren(icon(playing ? "pause" : "play"));
      if (playing) this.follow();
    };
    for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, sync);
    audio.addEventListener("error", () => this.lostStream());
    play.addEventListener("click", () => this.toggle());
    main.addEventListener("pointerdown", (event) => this.drag(event, main, (t) => this.seek(t)));
    main.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    overview.addEventListener("pointerdown", (event) => this.drag(event, overview, (t) => this.seek(t)));
    overview.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -5, ArrowRight: 5, PageDown: -60, PageUp: 60 }[event.key];
      if (step) this.seek(this.position + step);
      else if (event.key === "Home") this.seek(0);
      else if (event.key === "End") this.seek(this.length);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    addEventListener("themechange", () => this.paint());
  }

  /** A grant lasts 4 h; after that the next press asks for a new one. */
  lostStream() {
    if (!this.loaded || !this.p.audio.getAttribute("src")) return;
    this.loaded = null;
    complain("Playing stopped", { message: "The stream ended early. Press Play to go on from here.", status: 0 });
  }

  timeAt(event, canvas) {
    const box = canvas.getBoundingClientRect();
    if (canvas === this.p.overview) return ((event.clientX - box.left) / box.width) * this.length;
    const left = this.gutter();
    return this.view.from + ((event.clientX - box.left - left) / (box.width - left)) * (this.view.to - this.view.from);
  }

  drag(event, canvas, act) {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    act(this.timeAt(event, canvas));
    const move = (e) => act(this.timeAt(e, canvas));
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", () => canvas.removeEventListener("pointermove", move), { once: true });
    canvas.addEventListener("pointercancel", () => canvas.removeEventListener("pointermove", move), { once: true });
  }

  wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY / 300), this.timeAt(event, this.p.main));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
      event.preventDefault();
      const d = ((event.deltaX || event.deltaY) / this.p.main.clientWidth) * (this.view.to - this.view.from);
      this.show(this.view.from + d, this.view.to + d);
    }
  }

  follow() {
    if (this.p.audio.paused) return;
    this.position = this.p.audio.currentTime;
    const span = this.view.to - this.view.from;
    if (this.position > this.view.to) this.show(this.position, this.position + span);
    this.moved();
    requestAnimationFrame(() => this.follow());
  }

  moved() {
    text(this.p.at, clock(this.position));
    setAttr(this.p.overview, "aria-valuenow", String(Math.round(this.position)));
    setAttr(this.p.overview, "aria-valuetext", `${clock(this.position)} of ${clock(this.length)}`);
    if (this.r.recordedAt) text(this.p.house, `house ${time(new Date(new Date(this.r.recordedAt).getTime() + this.position * 1000))}`);
    this.paint();
  }

  /* Drawing */

  gutter() {
    return this.mode === "mix" ? 0 : GUTTER;
  }

  paint() {
    if (this.painting) return;
    this.painting = true;
    requestAnimationFrame(() => {
      this.painting = false;
      this.paintOverview();
      this.paintMain();
    });
  }

  paintOverview() {
    const { c, w, h, d } = fit(this.p.overview);
    c.clearRect(0, 0, w, h);
    if (!this.length) return;
    const x = (t) => (t / this.length) * w;
    const span = { from: 0, to: this.length, peaksFrom: 0, peaksTo: this.length };
    if (this.overviewPeaks) lane(c, this.overviewPeaks.channels[0].peaks, span, { x: 0, y: 4 * d, w, h: h - 8 * d }, d, { peak: css("--wave-dim") });
    for (const g of this.gaps) hatch(c, x(g.atSeconds), 0, Math.max(2 * d, x(g.lengthSeconds)), h, d, css("--glass-2"), css("--wave-gap"));
    if (this.view.to - this.view.from < this.length * 0.995) {
      c.fillStyle = "rgb(255 255 255 / 0.09)";
      c.fillRect(x(this.view.from), 0, x(this.view.to - this.view.from), h);
      c.strokeStyle = css("--glass-t");
      c.lineWidth = d;
      c.strokeRect(x(this.view.from) + d / 2, d / 2, x(this.view.to - this.view.from) - d, h - d);
    }
    c.fillStyle = css("--glass-t1");
    c.fillRect(Math.min(x(this.position), w - 2 * d), 0, 2 * d, h);
  }

  paintMain() {
    const { c, w, h, d } = fit(this.p.main);
    c.clearRect(0, 0, w, h);
    if (!this.length) return;
    const g = this.gutter() * d;
    const box = { left: g, top: TOP * d, bottom: h - FOOT * d, width: w - g };
    const x = (t) => g + ((t - this.view.from) / (this.view.to - this.view.from)) * box.width;
    this.paintRuler(c, box, x, w, h, d);
    const source = this.covering();
    if (source) this.paintLanes(c, source, box, d);
    this.paintGaps(c, box, x, d);
    this.paintHead(c, box, x(this.position), d);
    setAttr(this.p.main, "aria-label", describe(this.view, this.gaps));
  }

  covering() {
    const { from, to } = this.view;
    return this.detail && this.detail.from <= from + 0.001 && this.detail.to >= to - 0.001 ? this.detail : this.whole;
  }

  paintRuler(c, box, x, w, h, d) {
    const { step, times } = ruler(this.view.from, this.view.to, box.width / d);
    c.font = `500 ${11 * d}px ${css("--font")}`;
    c.textBaseline = "middle";
    c.textAlign = "center";
    for (const t of times) {
      c.fillStyle = css("--glass-line");
      c.fillRect(Math.round(x(t)), box.top, d, box.bottom - box.top);
      const words = stamp(t, step);
      const half = c.measureText(words).width / 2;
      if (x(t) - half < 4 * d || x(t) + half > w - 4 * d) continue;
      c.fillStyle = css("--glass-t");
      c.fillText(words, x(t), h - 13 * d);
    }
    c.fillStyle = css("--glass-line");
    c.fillRect(0, box.bottom, w, d);
  }

  paintLanes(c, source, box, d) {
    const n = source.channels.length;
    const height = (box.bottom - box.top) / n;
    const span = { ...this.view, peaksFrom: source.from, peaksTo: source.to };
    source.channels.forEach((channel, i) => {
      const y = box.top + i * height;
      if (i) {
        c.fillStyle = css("--glass-line");
        c.fillRect(0, Math.round(y), box.left + box.width, d);
      }
      lane(c, channel.peaks, span, { x: box.left, y: y + 3 * d, w: box.width, h: height - 6 * d }, d, { peak: css("--wave-2") });
      if (box.left) this.paintLabel(c, channel.channelIndex, y + height / 2, height, d);
    });
  }

  paintLabel(c, index, mid, height, d) {
    const label = this.labels.get(index) || "";
    c.textAlign = "left";
    c.font = `600 ${12 * d}px ${css("--font")}`;
    c.fillStyle = css("--glass-t1");
    const two = label && height > 36 * d;
    c.fillText(String(index), 12 * d, mid - (two ? 8 * d : 0));
    if (!two) return;
    c.font = `400 ${11 * d}px ${css("--font")}`;
    c.fillStyle = css("--glass-t");
    c.fillText(label, 12 * d, mid + 8 * d, (GUTTER - 16) * d);
  }

  paintGaps(c, box, x, d) {
    c.textAlign = "left";
    for (const gap of this.gaps) {
      const a = Math.max(box.left, x(gap.atSeconds));
      const b = Math.min(box.left + box.width, x(gap.atSeconds + gap.lengthSeconds));
      if (b <= box.left || a >= box.left + box.width) continue;
      hatch(c, a, box.top, Math.max(2 * d, b - a), box.bottom - box.top, d, css("--glass-2"), css("--wave-gap"));
      if (b - a < 34 * d) continue;
      c.font = `600 ${11 * d}px ${css("--font")}`;
      c.fillStyle = css("--glass");
      c.fillRect(a + 3 * d, box.top + 7 * d, c.measureText("Gap").width + 10 * d, 18 * d);
      c.fillStyle = css("--glass-t");
      c.fillText("Gap", a + 8 * d, box.top + 16 * d);
    }
  }

  paintHead(c, box, at, d) {
    if (at < box.left - d || at > box.left + box.width + d) return;
    const x = Math.min(at, box.left + box.width - d);
    c.fillStyle = css("--glass-t1");
    c.fillRect(x - d, 4 * d, 2 * d, box.bottom - 4 * d);
    c.beginPath();
    c.moveTo(x - 6 * d, 0);
    c.lineTo(x + 6 * d, 0);
    c.lineTo(x, 9 * d);
    c.fill();
  }
}
