// A map without a server of tiles: coastlines of the world while they are true at this scale, a graticule, a scale, and what is ours on it.
//
// Web Mercator on one canvas. `items`: {kind: "point"|"circle"|"fence"|"track", …}; what it shows is also said by the lists beside it.

import { $, el, icon, setAttr } from "../dom.js";
import { circle, meters, place, wrap } from "./geo.js";
import { land } from "./land.js";

const EQUATOR_METERS = 40075016.7;
const MOST_LAT = 85;
const CLOSEST_M_PX = 0.25;
// The outline's own error is some 10 km: closer than this it would tell lies about harbours.
const OUTLINE_M_PX = 1500;
const STEP_PX = 60;
const STEPS = [45, 30, 15, 10, 5, 2, 1, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001];

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const mx = (lng) => (lng + 180) / 360;
const my = (lat) => {
  const s = Math.sin((Math.max(-MOST_LAT, Math.min(MOST_LAT, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI);
};
const latOf = (y) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

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
      this.draw();
    });
  }

  draw() {
    const d = Math.min(2, devicePixelRatio || 1);
    const [w, h] = [this.width, this.height];
    if (this.canvas.width !== Math.round(w * d) || this.canvas.height !== Math.round(h * d)) {
      this.canvas.width = Math.round(w * d);
      this.canvas.height = Math.round(h * d);
    }
    const c = this.canvas.getContext("2d");
    c.setTransform(d, 0, 0, d, 0, 0);
    c.fillStyle = css("--glass-2");
    c.fillRect(0, 0, w, h);
    c.lineJoin = "round";
    const outline = this.metersPerPixel > OUTLINE_M_PX;
    if (outline) this.drawLand(c);
    this.drawGrid(c, w, h);
    for (const kind of ["circle", "fence", "track", "point"]) for (const item of this.items) if (item.kind === kind) this[`draw_${kind}`](c, item);
    this.drawScale(c, w, h, outline);
    if (this.onPick && this.box.matches(":focus-visible")) this.drawCross(c, w / 2, h / 2);
  }

  drawLand(c) {
    if (!this.land) return;
    c.fillStyle = "#1b2129";
    c.strokeStyle = css("--glass-line");
    c.lineWidth = 1;
    const copies = Math.ceil(this.width / this.worldPx / 2 + 0.5);
    for (let k = -copies; k <= copies; k += 1) {
      const left = this.width / 2 + (k - this.x) * this.worldPx;
      if (left > this.width || left + this.worldPx < 0) continue;
      c.beginPath();
      for (const ring of this.land) {
        ring.forEach(([lng, lat], i) => {
          const [x, y] = [left + mx(lng) * this.worldPx, this.height / 2 + (my(lat) - this.y) * this.worldPx];
          if (i) c.lineTo(x, y);
          else c.moveTo(x, y);
        });
        c.closePath();
      }
      c.fill("evenodd");
      c.stroke();
    }
  }

  drawGrid(c, w, h) {
    const degreePx = this.worldPx / 360;
    const step = [...STEPS].reverse().find((s) => s * degreePx >= 90) || STEPS[0];
    const digits = Math.max(0, Math.min(4, (String(step).split(".")[1] || "").length));
    c.strokeStyle = css("--glass-line");
    c.fillStyle = css("--glass-t");
    c.font = `400 10px ${css("--font")}`;
    c.lineWidth = 1;
    c.textBaseline = "top";
    c.textAlign = "left";
    const west = (this.x - w / 2 / this.worldPx) * 360 - 180;
    for (let lng = Math.ceil(west / step) * step; (lng - west) * degreePx < w; lng += step) {
      const x = Math.round((lng - west) * degreePx) + 0.5;
      this.line(c, x, 0, x, h);
      const v = wrap(lng);
      if (x > 30 && x < w - 60) c.fillText(`${Math.abs(v).toFixed(digits)}° ${v < 0 ? "W" : "E"}`, x + 4, 4);
    }
    const north = latOf(this.y - h / 2 / this.worldPx);
    const south = latOf(this.y + h / 2 / this.worldPx);
    for (let lat = Math.ceil(south / step) * step; lat <= north; lat += step) {
      const y = Math.round(this.sy({ lat, lng: 0 })) + 0.5;
      this.line(c, 0, y, w, y);
      if (y > 24 && y < h - 30) c.fillText(`${Math.abs(lat).toFixed(digits)}° ${lat < 0 ? "S" : "N"}`, 5, y + 3);
    }
  }

  line(c, x0, y0, x1, y1) {
    c.beginPath();
    c.moveTo(x0, y0);
    c.lineTo(x1, y1);
    c.stroke();
  }

  path(c, points, close) {
    let last = null;
    c.beginPath();
    points.forEach((p, i) => {
      // Neighbours stay beside each other across the date line.
      const x = last === null ? this.sx(p) : last + (wrap(p.lng - points[i - 1].lng) / 360) * this.worldPx;
      last = x;
      if (i) c.lineTo(x, this.sy(p));
      else c.moveTo(x, this.sy(p));
    });
    if (close) c.closePath();
  }

  draw_circle(c, item) {
    this.path(c, circle(item.at, item.meters), true);
    this.area(c, item.faint);
  }

  draw_fence(c, item) {
    this.path(c, item.ring, true);
    this.area(c, false);
  }

  area(c, faint) {
    c.fillStyle = faint ? "rgb(255 255 255 / 0.025)" : "rgb(255 255 255 / 0.05)";
    c.fill();
    c.strokeStyle = faint ? "#4c5560" : "#8c95a1";
    c.setLineDash([5, 4]);
    c.lineWidth = faint ? 1 : 1.5;
    c.stroke();
    c.setLineDash([]);
  }

  draw_track(c, item) {
    if (item.points.length < 2) return;
    this.path(c, item.points, false);
    c.strokeStyle = css("--glass-t1");
    c.lineWidth = 2;
    c.stroke();
    const first = item.points[0];
    this.dot(c, this.sx(first), this.sy(first), 4, css("--glass-2"), css("--glass-t1"));
  }

  draw_point(c, item) {
    const [x, y] = [this.sx(item.at), this.sy(item.at)];
    if (item.accuracyMeters) {
      c.beginPath();
      c.arc(x, y, Math.max(8, item.accuracyMeters / this.metersPerPixel), 0, 7);
      c.fillStyle = "rgb(255 255 255 / 0.12)";
      c.fill();
    }
    const bright = css("--glass-t1");
    if (item.shape === "want") this.diamond(c, x, y, bright);
    else if (item.shape === "hollow") this.dot(c, x, y, 5, css("--glass-2"), "#8c95a1");
    else this.dot(c, x, y, 6, bright, css("--glass-2"));
    if (!item.label || this.worldPx < 2 * this.leastWorld && this.items.length > 24) return;
    c.font = `500 11px ${css("--font")}`;
    c.textBaseline = "middle";
    const width = c.measureText(item.label).width;
    const left = x + 12 + width > this.width ? x - 12 - width : x + 12;
    c.fillStyle = "rgb(8 9 11 / 0.72)";
    c.fillRect(left - 4, y - 9, width + 8, 18);
    c.textAlign = "left";
    c.fillStyle = item.shape === "hollow" ? css("--glass-t") : bright;
    c.fillText(item.label, left, y + 0.5);
  }

  dot(c, x, y, r, fill, stroke) {
    c.beginPath();
    c.arc(x, y, r, 0, 7);
    c.fillStyle = fill;
    c.fill();
    c.lineWidth = 2;
    c.strokeStyle = stroke;
    c.stroke();
  }

  diamond(c, x, y, colour) {
    c.beginPath();
    for (const [dx, dy] of [[0, -7], [7, 0], [0, 7], [-7, 0]]) c.lineTo(x + dx, y + dy);
    c.closePath();
    c.fillStyle = css("--glass-2");
    c.fill();
    c.lineWidth = 2;
    c.strokeStyle = colour;
    c.stroke();
  }

  drawCross(c, x, y) {
    c.strokeStyle = css("--glass-t1");
    c.lineWidth = 1.5;
    this.line(c, x - 12, y, x + 12, y);
    this.line(c, x, y - 12, x, y + 12);
  }

  drawScale(c, w, h, outline) {
    const most = 120 * this.metersPerPixel;
    const unit = 10 ** Math.floor(Math.log10(most));
    const size = [5, 2, 1].map((f) => f * unit).find((s) => s <= most);
    const px = size / this.metersPerPixel;
    c.strokeStyle = c.fillStyle = css("--glass-t");
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(w - 14 - px, h - 16);
    c.lineTo(w - 14 - px, h - 11);
    c.lineTo(w - 14, h - 11);
    c.lineTo(w - 14, h - 16);
    c.stroke();
    c.font = `400 10px ${css("--font")}`;
    c.textBaseline = "bottom";
    c.textAlign = "right";
    c.fillText(meters(size), w - 14, h - 18);
    if (outline || w < 340) return;
    c.textAlign = "left";
    c.fillText("No streets here: distances are true, north is up", 12, h - 8);
  }
}
