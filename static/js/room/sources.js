// The source tiles: live pictures with tally, number key, gain and what is wrong.

import { allow } from "../actions.js";
import { $, clone, el, fill, keyed, setAttr } from "../dom.js";
import { paintMonitors } from "./monitors.js";
import { endViewer, pictureOf, show, viewerOf } from "./pictures.js";
import { room } from "./store.js";
import { preview } from "./switching.js";
import { TALLY, gain, label, ordered, sessionOf } from "./words.js";

const list = document.getElementById("sources");

function create(row) {
  const tile = clone("t-source");
  tile.addEventListener("click", () => preview(row.source));
  const session = sessionOf(row.source);
  if (session) viewerOf(session, $("video", tile), paintMonitors);
  else $("video", tile).remove();
  return tile;
}

function remove(wrap) {
  const session = sessionOf(wrap.dataset.key);
  if (session) endViewer(session);
}

function badge(row) {
  if (row.signal === "lost") return el("span", { class: "badge off" }, "LOST");
  const known = TALLY[row.tally];
  return known ? el("span", { class: `badge ${known[0]}` }, known[1]) : null;
}

function slateCard() {
  const { slate } = room.view;
  return [el("b", {}, slate.title), slate.subtitle ? el("span", {}, slate.subtitle) : null];
}

function update(wrap, row, index) {
  const tile = $(".src", wrap);
  const bus = TALLY[row.tally]?.[0] || "";
  tile.className = `src ${bus}`;
  const name = label(row.source, [row]);
  const viewer = pictureOf(sessionOf(row.source));
  if (viewer && viewer.video !== $("video", tile)) show($("video", tile), viewer.video.srcObject);
  const badges = [badge(row), row.signal === "lost" && bus ? el("span", { class: `badge ${bus}` }, TALLY[row.tally][1]) : null].filter(Boolean);
  fill(tile, { name, key: row.source === "slate" ? "0" : index < 9 ? String(index + 1) : null, gain: row.source === "slate" ? null : gain(row.gainDb), tally: badges.length ? badges : null, slate: row.source === "slate" ? slateCard() : row.source === "replay" ? [el("span", {}, room.view.replay.clip?.name || "no clip")] : null });
  setAttr($(".kbd", tile), "hidden", row.source !== "slate" && index >= 9);
  $('[data-f="muted"]', tile).toggleAttribute("hidden", !row.muted);
  setAttr(tile, "aria-pressed", String(row.tally === "preview"));
  const why = room.why("switching", "preview") || (row.source === "replay" && !room.view.replay.clip ? "No clip is loaded. Load one under Replay." : "");
  allow(tile, !why, why);
}

export function paintSources() {
  const rows = ordered(room.view.sources);
  // The reason of a tile that can't be pressed stands in a box around it, so the box is what is kept.
  keyed(list, rows, (row) => row.source, (row) => el("div", { class: "src-w" }, create(row)), (wrap, row) => update(wrap, row, rows.indexOf(row)), remove);
  document.getElementById("no-sources").hidden = rows.some((row) => sessionOf(row.source));
}
