// The program page: follows `/ws/program` and shows the newest view.

import { negotiate } from "../field/rtc.js";

const at = (selector) => document.querySelector(selector);
const video = at("#picture");
const token = location.pathname.split("/")[2];
let shown = "";
let peer = null;

function write(root, texts) {
  for (const [name, text] of Object.entries(texts)) root.querySelector(`[data-f=${name}]`).textContent = text;
}

async function watch(url) {
  const pc = new RTCPeerConnection();
  const stream = new MediaStream();
  pc.addTransceiver("video", { direction: "recvonly" });
  pc.addTransceiver("audio", { direction: "recvonly" });
  pc.addEventListener("track", ({ track }) => stream.addTrack(track));
  await negotiate(pc, url, new AbortController().signal);
  peer?.close();
  peer = pc;
  video.srcObject = stream;
  await video.play().catch(() => {});
}

function play(media) {
  peer?.close();
  peer = null;
  video.srcObject = null;
  video.src = media.url;
  const elapsed = media.startedAt ? ((Date.now() - new Date(media.startedAt)) / 1000) * media.rate : 0;
  video.currentTime = (media.playFromMs + media.positionMs) / 1000 + elapsed;
  video.playbackRate = media.rate;
  if (media.state === "playing") video.play().catch(() => {});
  else video.pause();
}

function show(view) {
  write(at("#slate"), view.slate);
  at("#slate").hidden = view.media.kind !== "slate";
  write(at("#lower-third"), { title: view.lowerThird.title, subtitle: view.lowerThird.subtitle });
  at("#lower-third").hidden = !view.lowerThird.visible;
  at("#captions").textContent = view.captions.map((line) => line.text).join("\n");
  video.volume = Math.min(1, 10 ** (view.mix.gainDb / 20));
  video.dataset.mixMuted = view.mix.muted;
  const key = JSON.stringify(view.media);
  if (key === shown) return;
  shown = key;
  if (view.media.kind === "whep" && view.media.url) watch(view.media.url).catch(() => {});
  else if (view.media.kind === "file") play(view.media);
  else if (view.media.kind === "slate") { peer?.close(); peer = null; video.srcObject = null; video.removeAttribute("src"); }
}

function follow() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/program`);
  socket.addEventListener("open", () => socket.send(JSON.stringify({ token })));
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "program") show(message.data);
  });
  socket.addEventListener("close", ({ code }) => {
    if (code === 4401 || code === 4404) location.reload();
    else setTimeout(follow, 2000);
  });
}

at("#unmute").addEventListener("click", () => { video.muted = !video.muted; });
follow();
