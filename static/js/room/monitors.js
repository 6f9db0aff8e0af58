// Preview and program. Both borrow the pictures of the source tiles; program is heard here, mixed as the viewers of the program page hear it.

import { $, el, fill, icon, setAttr, text } from "../dom.js";
import { post } from "../api.js";
import { Mix } from "../program/mix.js";
import { captionsNow, lowerNow } from "../program/overlay.js";
import { serverNow } from "../now.js";
import { pictureOf, show } from "./pictures.js";
import { room } from "./store.js";
import { cause, label, sessionOf } from "./words.js";

const by = (name) => document.getElementById(name);
const program = by("program");
const preview = by("preview");
export const mix = new Mix();
let heard = false;

function noteOf(session, viewer) {
  const row = room.view.sources.find((r) => r.source === `session:${session}`);
  if (row?.signal === "lost") return "The signal is lost. The camera is trying to come back.";
  return viewer.state === "playing" ? "" : viewer.words || "The picture is coming…";
}

function paintMonitor(box, bus, air) {
  const { sources, slate } = room.view;
  const session = sessionOf(bus.source);
  const video = $("video", box);
  const viewer = pictureOf(session, paintMonitors);
  box.classList.toggle("air", air);
  box.classList.toggle("pvw", !air);
  if (session) show(video, viewer?.video.srcObject);
  else if (bus.source !== "replay") show(video, null);
  fill(box, {
    name: label(bus.source, sources), cause: cause(bus, room.me),
    slate: bus.source === "slate" ? [el("b", {}, slate.title), slate.subtitle ? el("span", {}, slate.subtitle) : null] : null,
    note: session ? noteOf(session, viewer) : bus.source === "replay" ? replayNote(video) : "",
  });
}

/* Replay: the clip's own file, by a grant of this page */

let grant = null;

async function loadClip(video, clip) {
  grant = { id: clip.id, video };
  try {
    const { data } = await post(`/replay-clips/${clip.id}/playback`, {}, { key: null });
    if (grant?.id !== clip.id) return;
    Object.assign(grant, data);
    paintMonitors();
  } catch (error) {
    grant = { id: clip.id, error: error.message };
    paintMonitors();
  }
}

const positionMs = ({ state, positionMs: at, startedAt, rate }) => (state === "playing" && startedAt ? at + (serverNow() - new Date(startedAt)) * rate : at);

function replayNote(video) {
  const { replay } = room.view;
  if (!replay.clip) return "No clip is loaded.";
  if (grant?.id !== replay.clip.id) {
    loadClip(video, replay.clip);
    return "The clip is coming…";
  }
  if (grant.error) return grant.error;
  if (!grant.streamUrl) return "The clip is coming…";
  if (video.srcObject) video.srcObject = null;
  if (video.dataset.clip !== grant.id) {
    video.dataset.clip = grant.id;
    video.src = grant.streamUrl;
  }
  video.playbackRate = replay.rate;
  const at = (grant.playFromMs + positionMs(replay)) / 1000;
  if (Math.abs(video.currentTime - at) > 0.35) video.currentTime = at;
  const run = replay.state === "playing";
  if (run && video.paused) video.play().catch(() => { /* not loaded far enough yet */ });
  if (!run && !video.paused) video.pause();
  return "";
}

function leaveClip(video, bus) {
  if (bus.source === "replay" || !video.dataset.clip) return;
  delete video.dataset.clip;
  video.removeAttribute("src");
  video.load();
}

/* What lies over program */

function paintOverlay() {
  const { lowerThird, captions } = room.view;
  const lower = lowerNow(lowerThird, serverNow());
  fill(program, { lower: lower ? [el("b", {}, lower.title), lower.subtitle ? el("span", {}, lower.subtitle) : null] : null });
  const lines = captionsNow(captions, serverNow()).map((line) => line.text).join("\n");
  const box = $('[data-f="subs"]', program);
  if (box.dataset.is !== lines) {
    box.dataset.is = lines;
    box.replaceChildren(...lines.split("\n").filter(Boolean).map((line) => el("span", {}, line)));
  }
}

function paintSoundButton() {
  const button = by("sound");
  setAttr(button, "aria-pressed", String(heard));
  const glyph = heard ? "listen" : "muted";
  if (button.dataset.is !== glyph) {
    button.dataset.is = glyph;
    button.firstElementChild.replaceWith(icon(glyph, "i-s"));
  }
}

export function paintMonitors() {
  if (!room.state?.program) return;
  const { view } = room;
  leaveClip($("video", program), view.program);
  leaveClip($("video", preview), view.preview);
  paintMonitor(preview, view.preview, false);
  paintMonitor(program, view.program, true);
  setAttr($('[data-f="clock"]', program), "data-since", view.program.source === "slate" ? null : view.program.since);
  if (view.program.source === "slate") text($('[data-f="clock"]', program), "");
  paintOverlay();
  paintSoundButton();
  const row = view.sources.find((r) => r.source === view.program.source);
  mix.follow($("video", program));
  mix.set({ gainDb: row?.gainDb ?? 0, muted: Boolean(row?.muted) || view.program.source === "slate" });
}

by("sound").addEventListener("click", async () => {
  heard = !heard;
  await mix.listen(heard);
  paintMonitors();
});

const rate = (bits) => (bits < 1e6 ? `${Math.round(bits / 1e3)} kb/s` : `${(bits / 1e6).toFixed(1)} Mb/s`);

/* Lines and titles end by themselves, on their own clock */
setInterval(() => { if (room.state?.program && !document.hidden) paintOverlay(); }, 200);
setInterval(async () => {
  if (document.hidden || !room.state?.preview) return;
  const viewer = pictureOf(sessionOf(room.view.preview.source));
  const f = viewer?.state === "playing" ? await viewer.stats() : null;
  fill(preview, { flow: f?.height ? `${f.height}p${f.fps ? Math.round(f.fps) : ""}${f.bitrate ? ` · ${rate(f.bitrate)}` : ""}` : null });
}, 1000);
