// How the map is drawn: land while it is true, graticule, circles, fences, tracks, points, scale. In this order, so that points lie on top.

import { circle, meters, wrap } from "./geo.js";
import { latOf, mx, my } from "./mercator.js";

// The outline's own error is some 10 km: closer than this it would tell lies about harbours.
const OUTLINE_M_PX = 1500;
const STEPS = [45, 30, 15, 10, 5, 2, 1, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001];

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function draw(map) {
  const d = Math.min(2, devicePixelRatio || 1);
  const [w, h] = [map.width, map.height];
  if (map.canvas.width !== Math.round(w * d) || map.canvas.height !== Math.round(h * d)) {
    map.canvas.width = Math.round(w * d);
    map.canvas.height = Math.round(h * d);
  }
  const c = map.canvas.getContext("2d");
  c.setTransform(d, 0, 0, d, 0, 0);
  c.fillStyle = css("--glass-2");
  c.fillRect(0, 0, w, h);
  c.lineJoin = "round";
  const outline = map.metersPerPixel > OUTLINE_M_PX;
  if (outline) drawLand(map, c);
  drawGrid(map, c, w, h);
  for (const kind of Object.keys(KINDS)) for (const item of map.items) if (item.kind === kind) KINDS[kind](map, c, item);
  drawScale(map, c, w, h, outline);
  if (map.onPick && map.box.matches(":focus-visible")) drawCross(c, w / 2, h / 2);
}

const BEYOND = 1 / 8;

function drawLand(map, c) {
  if (!map.land) return;
  c.fillStyle = "#1b2129";
  c.strokeStyle = css("--glass-line");
  c.lineWidth = 1;
  const copies = Math.ceil(map.width / map.worldPx / 2 + 0.5);
  for (let k = -copies; k <= copies; k += 1) {
    const left = map.width / 2 + (k - map.x) * map.worldPx;
    // A coast reaches a little beyond the edge of its world.
    if (left - BEYOND * map.worldPx > map.width || left + (1 + BEYOND) * map.worldPx < 0) continue;
    c.beginPath();
    for (const ring of map.land) {
      ring.forEach(([lng, lat], i) => {
        const [x, y] = [left + mx(lng) * map.worldPx, map.height / 2 + (my(lat) - map.y) * map.worldPx];
        if (i) c.lineTo(x, y);
        else c.moveTo(x, y);
      });
      c.closePath();
    }
    c.fill("evenodd");
    c.stroke();
  }
}

function drawGrid(map, c, w, h) {
  const degreePx = map.worldPx / 360;
  const step = [...STEPS].reverse().find((s) => s * degreePx >= 90) || STEPS[0];
  const digits = Math.max(0, Math.min(4, (String(step).split(".")[1] || "").length));
  c.strokeStyle = css("--glass-line");
  c.fillStyle = css("--glass-t");
  c.font = `400 10px ${css("--font")}`;
  c.lineWidth = 1;
  c.textBaseline = "top";
  c.textAlign = "left";
  const west = (map.x - w / 2 / map.worldPx) * 360 - 180;
  for (let lng = Math.ceil(west / step) * step; (lng - west) * degreePx < w; lng += step) {
    const x = Math.round((lng - west) * degreePx) + 0.5;
    line(c, x, 0, x, h);
    const v = wrap(lng);
    if (x > 30 && x < w - 60) c.fillText(`${Math.abs(v).toFixed(digits)}° ${v < 0 ? "W" : "E"}`, x + 4, 4);
  }
  const north = latOf(map.y - h / 2 / map.worldPx);
  const south = latOf(map.y + h / 2 / map.worldPx);
  for (let lat = Math.ceil(south / step) * step; lat <= north; lat += step) {
    const y = Math.round(map.sy({ lat, lng: 0 })) + 0.5;
    line(c, 0, y, w, y);
    if (y > 24 && y < h - 30) c.fillText(`${Math.abs(lat).toFixed(digits)}° ${lat < 0 ? "S" : "N"}`, 5, y + 3);
  }
}

function line(c, x0, y0, x1, y1) {
  c.beginPath();
  c.moveTo(x0, y0);
  c.lineTo(x1, y1);
  c.stroke();
}

function path(map, c, points, close) {
  let last = null;
  c.beginPath();
  points.forEach((p, i) => {
    // Neighbours stay beside each other across the date line.
    const x = last === null ? map.sx(p) : last + (wrap(p.lng - points[i - 1].lng) / 360) * map.worldPx;
    last = x;
    if (i) c.lineTo(x, map.sy(p));
    else c.moveTo(x, map.sy(p));
  });
  if (close) c.closePath();
}

function circleItem(map, c, item) {
  path(map, c, circle(item.at, item.meters), true);
  area(c, item.faint);
}

function fenceItem(map, c, item) {
  path(map, c, item.ring, true);
  area(c, false);
}

function area(c, faint) {
  c.fillStyle = faint ? "rgb(255 255 255 / 0.025)" : "rgb(255 255 255 / 0.05)";
  c.fill();
  c.strokeStyle = faint ? "#4c5560" : "#8c95a1";
  c.setLineDash([5, 4]);
  c.lineWidth = faint ? 1 : 1.5;
  c.stroke();
  c.setLineDash([]);
}

function trackItem(map, c, item) {
  if (item.points.length < 2) return;
  path(map, c, item.points, false);
  c.strokeStyle = css("--glass-t1");
  c.lineWidth = 2;
  c.stroke();
  const first = item.points[0];
  dot(c, map.sx(first), map.sy(first), 4, css("--glass-2"), css("--glass-t1"));
}

function pointItem(map, c, item) {
  const [x, y] = [map.sx(item.at), map.sy(item.at)];
  if (item.accuracyMeters) {
    c.beginPath();
    c.arc(x, y, Math.max(8, item.accuracyMeters / map.metersPerPixel), 0, 7);
    c.fillStyle = "rgb(255 255 255 / 0.12)";
    c.fill();
  }
  const bright = css("--glass-t1");
  if (item.shape === "want") diamond(c, x, y, bright);
  else if (item.shape === "hollow") dot(c, x, y, 5, css("--glass-2"), "#8c95a1");
  else dot(c, x, y, 6, bright, css("--glass-2"));
  if (!item.label || map.worldPx < 2 * map.leastWorld && map.items.length > 24) return;
  c.font = `500 11px ${css("--font")}`;
  c.textBaseline = "middle";
  const width = c.measureText(item.label).width;
  const left = x + 12 + width > map.width ? x - 12 - width : x + 12;
  c.fillStyle = "rgb(8 9 11 / 0.72)";
  c.fillRect(left - 4, y - 9, width + 8, 18);
  c.textAlign = "left";
  c.fillStyle = item.shape === "hollow" ? css("--glass-t") : bright;
  c.fillText(item.label, left, y + 0.5);
}

function dot(c, x, y, r, fill, stroke) {
  c.beginPath();
  c.arc(x, y, r, 0, 7);
  c.fillStyle = fill;
  c.fill();
  c.lineWidth = 2;
  c.strokeStyle = stroke;
  c.stroke();
}

function diamond(c, x, y, colour) {
  c.beginPath();
  for (const [dx, dy] of [[0, -7], [7, 0], [0, 7], [-7, 0]]) c.lineTo(x + dx, y + dy);
  c.closePath();
  c.fillStyle = css("--glass-2");
  c.fill();
  c.lineWidth = 2;
  c.strokeStyle = colour;
  c.stroke();
}

function drawCross(c, x, y) {
  c.strokeStyle = css("--glass-t1");
  c.lineWidth = 1.5;
  line(c, x - 12, y, x + 12, y);
  line(c, x, y - 12, x, y + 12);
}

function drawScale(map, c, w, h, outline) {
  const most = 120 * map.metersPerPixel;
  const unit = 10 ** Math.floor(Math.log10(most));
  const size = [5, 2, 1].map((f) => f * unit).find((s) => s <= most);
  const px = size / map.metersPerPixel;
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

const KINDS = { circle: circleItem, fence: fenceItem, track: trackItem, point: pointItem };
