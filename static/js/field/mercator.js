// Web Mercator on a square of one: x to the east from the date line, y to the south from 85°. Pure.

export const MOST_LAT = 85;

export const mx = (lng) => (lng + 180) / 360;

export function my(lat) {
  const s = Math.sin((Math.max(-MOST_LAT, Math.min(MOST_LAT, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI);
}

export const latOf = (y) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
