// A map without a server of tiles: coastlines of the world while they are true at this scale, a graticule, a scale, and what is ours on it.
//
// Web Mercator on one canvas. `items`: {kind: "point"|"circle"|"fence"|"track", …}; what it shows is also said by the lists beside it.

import { $, el, icon, setAttr } from "../dom.js";
import { circle, place, wrap } from "./geo.js";
import { land } from "./land.js";
import { draw } from "./map-paint.js";
import { MOST_LAT, latOf, mx, my } from "./mercator.js";

const EQUATOR_METERS = 40075016.7;
const CLOSEST_M_PX = 0.25;
const STEP_PX = 60;

export class FieldMap {
  /** `box` holds a canvas; `onPick(point)` makes it a place picker, `onChoose(item)` hears a press on a point. */
  constructor(box, { onPick = null, onChoose = null, label = "Map" } = {}) {
    this.box = box;
    this.canvas = $("canvas", box);
    this.onPick = onPick;
    this.onChoose = onChoose;
    this.label = label;
    this.items = [];
    this.x = 0.5;
    this.y = 0.42;
    this.worldPx = 0;
    this.touched = false;
    this.pointers = new Map();
    this.listen();
    this.controls();
    new ResizeObserver(() => this.resized()).observe(box);
    addEventListener("themechange", () => this.paint());
    land().then((rings) => { this.land = rings; this.paint(); });
  }

  get width() { return this.box.clientWidth; }

  get height() { return this.box.clientHeight; }

  get leastWorld() { return Math.max(this.width, 256); }

  get metersPerPixel() { return (EQUATOR_METERS / this.worldPx) * Math.cos((latOf(this.y) * Math.PI) / 180); }

  resized() {
    if (!this.width) return;
    if (!this.worldPx) this.worldPx = this.leastWorld;
    if (!this.touched) this.fit();
    this.paint();
  }

  /* What is on it */

  /** Replaces what is drawn; the view follows it until somebody moves the map. */
  show(items, { fit = !this.touched } = {}) {
    this.items = items;
    if (fit) this.fit();
    setAttr(this.canvas, "aria-label", this.sentence());
    this.paint();
  }

  sentence() {
    const points = this.items.filter((i) => i.kind === "point");
    const named = points.slice(0, 5).map((p) => `${p.label || "a place"} at ${place(p.at, 3)}`).join("; ");
    return points.length ? `${this.label}: ${named}${points.length > 5 ? ` and ${points.length - 5} more` : ""}` : `${this.label}: nothing on it yet`;
  }

  places() {
    return this.items.flatMap((i) => (i.kind === "point" ? [i.at] : i.kind === "circle" ? circle(i.at, i.meters, 8) : i.kind === "fence" ? i.ring : i.points)).filter(Boolean);
  }

  /** All of it in view, with room around. */
  fit() {
    const places = this.places();
    if (!this.width || !places.length) return;
    const first = places[0].lng;
    const xs = places.map((p) => mx(first) + wrap(p.lng - first) / 360);
    const ys = places.map((p) => my(p.lat));
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    this.x = (x0 + x1) / 2;
    this.y = (y0 + y1) / 2;
    const room = 0.72;
    const wanted = Math.min((this.width * room) / Math.max(x1 - x0, 1e-12), (this.height * room) / Math.max(y1 - y0, 1e-12));
    // A single place is shown with some 4 km around it.
    const single = (EQUATOR_METERS * Math.cos((latOf(this.y) * Math.PI) / 180)) / (4000 / this.width);
    this.worldPx = Math.max(this.leastWorld, x1 - x0 + (y1 - y0) < 1e-10 ? single : Math.min(wanted, this.mostWorld()));
  }

  mostWorld() {
    return (EQUATOR_METERS * Math.cos((latOf(this.y) * Math.PI) / 180)) / CLOSEST_M_PX;
  }

  center(point) {
    this.x = mx(point.lng);
    this.y = my(point.lat);
    this.touched = true;
    this.paint();
  }

  /* Moving */

  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = [this.x + (px - this.width / 2) / this.worldPx, this.y + (py - this.height / 2) / this.worldPx];
    this.worldPx = Math.max(this.leastWorld, Math.min(this.mostWorld(), this.worldPx * factor));
    this.x = x - (px - this.width / 2) / this.worldPx;
    this.y = y - (py - this.height / 2) / this.worldPx;
    this.moved();
  }

  pan(dx, dy) {
    this.x += dx / this.worldPx;
    this.y += dy / this.worldPx;
    this.moved();
  }

  moved() {
    this.touched = true;
    this.x -= Math.floor(this.x);
    this.y = Math.max(my(MOST_LAT), Math.min(my(-MOST_LAT), this.y));
    this.paint();
  }

  controls() {
    const button = (words, glyph, act) => el("button", { class: "btn quiet sq s", type: "button", "aria-label": words, title: words, onclick: act }, glyph);
    this.box.append(el("div", { class: "map-ctl" }, button("Zoom in", "+", () => this.zoom(1.8)), button("Zoom out", "\u2212", () => this.zoom(1 / 1.8)),
      button("Show all", icon("fit", "i-s"), () => { this.touched = false; this.fit(); this.paint(); })));
  }

  listen() {
    const c = this.canvas;
    const at = (e) => { const b = c.getBoundingClientRect(); return [e.clientX - b.left, e.clientY - b.top]; };
    c.addEventListener("pointerdown", (e) => {
      if (e.button) return;
      c.setPointerCapture(e.pointerId);
      this.pointers.set(e.pointerId, at(e));
      this.press = this.pointers.size === 1 ? at(e) : null;
    });
    c.addEventListener("pointermove", (e) => this.drag(e, at(e)));
    c.addEventListener("pointerup", (e) => {
      const was = this.press;
      this.pointers.delete(e.pointerId);
      if (was && Math.hypot(at(e)[0] - was[0], at(e)[1] - was[1]) < 5) this.pressed(...at(e));
      this.press = null;
    });
    c.addEventListener("pointercancel", (e) => { this.pointers.delete(e.pointerId); this.press = null; });
    c.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(Math.exp(-e.deltaY / 400), ...at(e)); }, { passive: false });
    this.box.addEventListener("keydown", (e) => {
      if (e.target !== this.box) return;
      const act = { ArrowLeft: () => this.pan(-STEP_PX, 0), ArrowRight: () => this.pan(STEP_PX, 0), ArrowUp: () => this.pan(0, -STEP_PX), ArrowDown: () => this.pan(0, STEP_PX), "+": () => this.zoom(1.6), "-": () => this.zoom(1 / 1.6), Enter: () => this.onPick?.(this.at(this.width / 2, this.height / 2)) }[e.key];
      if (!act) return;
      e.preventDefault();
      e.stopPropagation();
      act();
    });
    this.box.addEventListener("focus", () => this.paint());
    this.box.addEventListener("blur", () => this.paint());
  }

  drag(e, [x, y]) {
    const before = this.pointers.get(e.pointerId);
    if (!before) return;
    const others = [...this.pointers].filter(([id]) => id !== e.pointerId).map(([, p]) => p);
    this.pointers.set(e.pointerId, [x, y]);
    if (others.length) {
      const [o] = others;
      const was = Math.hypot(before[0] - o[0], before[1] - o[1]);
      if (was > 4) this.zoom(Math.hypot(x - o[0], y - o[1]) / was, (x + o[0]) / 2, (y + o[1]) / 2);
    } else if (!this.press || Math.hypot(x - this.press[0], y - this.press[1]) >= 5) this.pan(before[0] - x, before[1] - y);
  }

  pressed(px, py) {
    const found = this.onChoose && this.items.filter((i) => i.kind === "point" && i.id).map((i) => ({ i, d: Math.hypot(this.sx(i.at) - px, this.sy(i.at) - py) })).sort((a, b) => a.d - b.d)[0];
    if (found && found.d < 16) this.onChoose(found.i);
    else this.onPick?.(this.at(px, py));
  }

  at(px, py) {
    const digits = 10 ** Math.max(3, Math.min(6, Math.ceil(-Math.log10(this.metersPerPixel / 111320))));
    const near = (v) => Math.round(v * digits) / digits;
    return { lat: near(latOf(this.y + (py - this.height / 2) / this.worldPx)), lng: near(wrap((this.x + (px - this.width / 2) / this.worldPx) * 360 - 180)) };
  }

  /* Drawing */

  sx(point) {
    const dx = mx(point.lng) - this.x;
    return this.width / 2 + (dx - Math.round(dx)) * this.worldPx;
  }

  sy(point) {
    return this.height / 2 + (my(point.lat) - this.y) * this.worldPx;
  }

  paint() {
    if (this.painting || !this.width || !this.worldPx) return;
    this.painting = true;
    requestAnimationFrame(() => {
      this.painting = false;
      draw(this);
    });
  }
}
