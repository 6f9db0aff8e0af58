// The world's coastlines (Natural Earth, 1:110 million) as rings of [lng, lat], read once.

let loading = null;

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
  const ring = (indices) => indices.flatMap((i, n) => {
    const arc = i < 0 ? [...arcs[~i]].reverse() : arcs[i];
    return n ? arc.slice(1) : arc;
  });
  return topology.objects.land.geometries.flatMap((g) => (g.type === "Polygon" ? [g.arcs] : g.arcs)).flatMap((polygon) => polygon.map(ring));
}

/** Without the file the map has its graticule alone. */
export function land() {
  loading ??= fetch(new URL("../../vendor/world-atlas/land-110m.json", import.meta.url)).then((r) => (r.ok ? r.json() : null)).then((t) => (t ? decode(t) : []), () => []);
  return loading;
}
