// Places on WGS84 for people's eyes: true distances, the plane around a point, words. What counts is decided by the server. Pure.

const A = 6378137;
const F = 1 / 298.257223563;
const B = A * (1 - F);
const RAD = Math.PI / 180;

export const wrap = (lng) => ((((lng + 180) % 360) + 360) % 360) - 180;

/** Vincenty's inverse: `{meters, bearing}` from a to b; almost opposite places fall back to the sphere. */
export function inverse(a, b) {
  const L = wrap(b.lng - a.lng) * RAD;
  const u1 = Math.atan((1 - F) * Math.tan(a.lat * RAD));
  const u2 = Math.atan((1 - F) * Math.tan(b.lat * RAD));
  const [s1, c1, s2, c2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
  let lambda = L;
  for (let i = 0; i < 60; i += 1) {
    const [sl, cl] = [Math.sin(lambda), Math.cos(lambda)];
    const sinSigma = Math.hypot(c2 * sl, c1 * s2 - s1 * c2 * cl);
    const bearing = Math.atan2(c2 * sl, c1 * s2 - s1 * c2 * cl);
    if (sinSigma === 0) return { meters: 0, bearing: 0 };
    const cosSigma = s1 * s2 + c1 * c2 * cl;
    const sigma = Math.atan2(sinSigma, cosSigma);
    const sinAlpha = (c1 * c2 * sl) / sinSigma;
    const cos2Alpha = 1 - sinAlpha ** 2;
    const cos2m = cos2Alpha ? cosSigma - (2 * s1 * s2) / cos2Alpha : 0;
    const C = (F / 16) * cos2Alpha * (4 + F * (4 - 3 * cos2Alpha));
    const before = lambda;
    lambda = L + (1 - C) * F * sinAlpha * (sigma + C * sinSigma * (cos2m + C * cosSigma * (-1 + 2 * cos2m ** 2)));
    if (Math.abs(lambda - before) > 1e-12) continue;
    const k = (cos2Alpha * (A * A - B * B)) / (B * B);
    const P = 1 + (k / 16384) * (4096 + k * (-768 + k * (320 - 175 * k)));
    const Q = (k / 1024) * (256 + k * (-128 + k * (74 - 47 * k)));
    const delta = Q * sinSigma * (cos2m + (Q / 4) * (cosSigma * (-1 + 2 * cos2m ** 2) - (Q / 6) * cos2m * (-3 + 4 * sinSigma ** 2) * (-3 + 4 * cos2m ** 2)));
    return { meters: B * P * (sigma - delta), bearing };
  }
  const half = Math.sin(((b.lat - a.lat) * RAD) / 2) ** 2 + Math.cos(a.lat * RAD) * Math.cos(b.lat * RAD) * Math.sin(L / 2) ** 2;
  return { meters: 2 * 6371008.8 * Math.asin(Math.sqrt(half)), bearing: 0 };
}

export const distance = (a, b) => inverse(a, b).meters;

/** Meters east and north of `center`, true in distance and bearing from it (azimuthal equidistant). */
export function plane(center, point) {
  const { meters, bearing } = inverse(center, point);
  return [meters * Math.sin(bearing), meters * Math.cos(bearing)];
}

/** A ring of places around `center`, good enough to draw: the sphere's. */
export function circle(center, meters, steps = 72) {
  const d = meters / 6371008.8;
  const lat = center.lat * RAD;
  return Array.from({ length: steps }, (_, i) => {
    const t = (2 * Math.PI * i) / steps;
    const y = Math.asin(Math.sin(lat) * Math.cos(d) + Math.cos(lat) * Math.sin(d) * Math.cos(t));
    const x = Math.atan2(Math.sin(t) * Math.sin(d) * Math.cos(lat), Math.cos(d) - Math.sin(lat) * Math.sin(y));
    return { lat: y / RAD, lng: wrap(center.lng + x / RAD) };
  });
}

function toSegment([px, py], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const t = Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(px - ax - t * dx, py - ay - t * dy);
}

/** Meters from `point` to the edge of the session's fence: positive inside, negative outside. */
export function toFence(session, point) {
  if (!session.geofencePolygon) return session.geofenceRadiusMeters - distance(session.point, point);
  const ring = session.geofencePolygon.coordinates[0].map(([lng, lat]) => plane(session.point, { lat, lng }));
  const p = plane(session.point, point);
  let inside = false;
  let nearest = Infinity;
  for (let i = 1; i < ring.length; i += 1) {
    const [a, b] = [ring[i - 1], ring[i]];
    nearest = Math.min(nearest, toSegment(p, a, b));
    if (a[1] > p[1] !== b[1] > p[1] && p[0] < ((b[0] - a[0]) * (p[1] - a[1])) / (b[1] - a[1]) + a[0]) inside = !inside;
  }
  return inside ? nearest : -nearest;
}

/** 41.3 → "41 m"; 12345 → "12.3 km". */
export function meters(m) {
  const size = Math.abs(m);
  if (size < 1000) return `${Math.round(size)} m`;
  return `${size < 100000 ? (size / 1000).toFixed(1) : Math.round(size / 1000).toLocaleString("en-GB")} km`;
}

/** "4.71100° N, 74.07200° W". */
export function place(point, digits = 5) {
  if (!point) return "no place";
  const part = (value, plus, minus) => `${Math.abs(value).toFixed(digits)}° ${value < 0 ? minus : plus}`;
  return `${part(point.lat, "N", "S")}, ${part(point.lng, "E", "W")}`;
}

/** "4.711, -74.072" or "4.711 -74.072" → a point; null when it is none. */
export function parsePoint(text) {
  const found = /^\s*([-\u2212+]?\d{1,3}(?:\.\d+)?)°?\s*[,;\s]\s*([-\u2212+]?\d{1,3}(?:\.\d+)?)°?\s*$/.exec(text);
  if (!found) return null;
  const [lat, lng] = found.slice(1).map((v) => Number(v.replace("\u2212", "-")));
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? { lat, lng } : null;
}
