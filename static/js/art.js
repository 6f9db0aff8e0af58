// The picture beside the sign-in: a cable bridge at dusk, drawn, so that no image is loaded. Still; it is not news.

const random = (seed) => () => {
  seed = (seed * 1664525 + 1013904223) >>> 0;
  return seed / 4294967296;
};

function wash(c, y, h, w, stops) {
  const g = c.createLinearGradient(0, y, 0, y + h);
  for (const [at, colour] of stops) g.addColorStop(at, colour);
  c.fillStyle = g;
  c.fillRect(0, y, w, h);
}

function glow(c, x, y, r, strength) {
  const g = c.createRadialGradient(x, y, 0, x, y, r);
  for (const [at, part] of [[0, 1], [0.25, 0.56], [0.5, 0.24], [0.75, 0.07], [1, 0]]) g.addColorStop(at, `rgb(255 214 160 / ${strength * part})`);
  c.fillStyle = g;
  c.fillRect(x - r, y - r, 2 * r, 2 * r);
}

function skyline(c, w, base, tallest, colour, next, step) {
  c.fillStyle = colour;
  for (let x = 0; x < w; ) {
    const bw = w * (step * 0.6 + next() * step);
    const bh = tallest * (0.25 + next() * 0.75);
    c.fillRect(x, base - bh, bw + 1, bh + 1);
    if (next() > 0.86) {
      c.beginPath();
      c.moveTo(x + bw * 0.3, base - bh);
      c.lineTo(x + bw * 0.5, base - bh - tallest * 0.75);
      c.lineTo(x + bw * 0.7, base - bh);
      c.fill();
    }
    x += bw;
  }
}

function bridge(c, w, h) {
  const deck = h * 0.545;
  const x = w * 0.34;
  const top = h * 0.12;
  c.fillStyle = c.strokeStyle = "#0c111b";
  c.fillRect(0, deck, w, h * 0.018);
  c.lineWidth = w * 0.009;
  c.beginPath();
  c.moveTo(x - w * 0.022, h * 0.66);
  c.lineTo(x - w * 0.004, top);
  c.moveTo(x + w * 0.022, h * 0.66);
  c.lineTo(x + w * 0.004, top);
  c.stroke();
  c.lineWidth = Math.max(0.6, w * 0.0013);
  c.beginPath();
  for (let i = 1; i < 17; i += 1) {
    c.moveTo(x, top + i * h * 0.011);
    c.lineTo(x - i * w * 0.03, deck);
    c.moveTo(x, top + i * h * 0.011);
    c.lineTo(x + i * w * 0.042, deck);
  }
  c.stroke();
  c.fillStyle = "rgb(255 222 170 / 0.85)";
  const lamp = Math.max(1, w * 0.0025);
  for (let i = 0; i < 22; i += 1) c.fillRect((i * w) / 21, deck - h * 0.016, lamp, lamp);
}

function water(c, w, h, next) {
  wash(c, h * 0.6, h * 0.4, w, [[0, "#8f7064"], [0.25, "#3e4358"], [1, "#10151f"]]);
  for (let i = 0; i < 260; i += 1) {
    const y = h * (0.61 + next() ** 1.6 * 0.39);
    c.fillStyle = `rgb(255 220 180 / ${0.05 + next() * 0.1})`;
    c.fillRect(w * 0.66 + (next() - 0.5) * w * (0.16 + (y / h - 0.6) * 1.6), y, w * (0.01 + next() * 0.05) * (y / h), 1 + h * 0.002);
  }
}

export function paint(canvas) {
  const d = Math.min(2, devicePixelRatio || 1);
  const w = (canvas.width = Math.round(canvas.clientWidth * d));
  const h = (canvas.height = Math.round(canvas.clientHeight * d));
  if (!w || !h) return;
  const c = canvas.getContext("2d");
  const next = random(5867);
  wash(c, 0, h, w, [[0, "#141d30"], [0.34, "#34425f"], [0.5, "#8c7b7d"], [0.57, "#d9a071"], [0.6, "#b98362"]]);
  glow(c, w * 0.66, h * 0.56, w * 0.3, 0.55);
  skyline(c, w, h * 0.6, h * 0.1, "#2a3044", next, 0.02);
  skyline(c, w, h * 0.605, h * 0.06, "#1c2233", next, 0.03);
  water(c, w, h, next);
  bridge(c, w, h);
  const vignette = c.createRadialGradient(w / 2, h / 2, Math.max(w, h) * 0.25, w / 2, h / 2, Math.max(w, h) * 0.72);
  vignette.addColorStop(0, "rgb(0 0 0 / 0)");
  vignette.addColorStop(1, "rgb(0 0 0 / 0.42)");
  c.fillStyle = vignette;
  c.fillRect(0, 0, w, h);
}
