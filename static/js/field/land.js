// The world's coastlines (Natural Earth, 1:110 million) as rings of [lng, lat], read once.

const POLAR_LAT = 84;
let loading = null;

/** Coasts that cross the date line go on beyond 180°, instead of back around the world. (Antarctica's ring does go around, along the pole.) */
function unbroken(ring) {
  let turn = 0;
  const whole = ring.map(([lng, lat], i) => {
    const step = i ? lng - ring[i - 1][0] : 0;
    if (Math.abs(step) > 180 && Math.abs(lat) < POLAR_LAT) turn -= Math.sign(step) * 360;
    return [lng + turn, lat];
  });
  const lngs = whole.map(([lng]) => lng);
  const home = 360 * Math.round((Math.min(...lngs) + Math.max(...lngs)) / 720);
  return home ? whole.map(([lng, lat]) => [lng - home, lat]) : whole;
}

function decode(topology) {
  const { scale, translate } = topology.transform;
  const arcs = topology.arcs.map((arc) => {
    let [x, y] = [0, 0];
    return arc.map(([dx, dy]) => {
      x += dx;
      y += dy;
      return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
    });
  });
  const ring = (indices) => unbroken(indices.flatMap((i, n) => {
    const arc = i < 0 ? [...arcs[~i]].reverse() : arcs[i];
    return n ? arc.slice(1) : arc;
  }));
  return topology.objects.land.geometries.flatMap((g) => (g.type === "Polygon" ? [g.arcs] : g.arcs)).flatMap((polygon) => polygon.map(ring));
}

/** Without the file the map has its graticule alone. */
export function land() {
  loading ??= fetch(new URL("../../vendor/world-atlas/land-110m.json", import.meta.url)).then((r) => (r.ok ? r.json() : null)).then((t) => (t ? decode(t) : []), () => []);
  return loading;
}
