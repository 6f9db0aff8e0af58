// Two layers: the old picture stays until the first frame of the new one, for two seconds at most; then the slate, until the new one comes.

import { negotiate, release, serversOf } from "../field/rtc.js";
import { serverNow } from "../now.js";

export const KEEP_MS = 2000;
// A picture that doesn't begin is asked for anew, by another address.
const BEGIN_MS = 5000;
const DRY_MS = 6000;
const SEEK_SECONDS = 0.4;
const PROGRESS = ["canplay", "seeked", "timeupdate"];

/** Calls `then` with the first frame of `video`; a file's is the one it was sent to, not the one it begins with. May call it again: who asks knows when. */
function firstFrame(video, kind, then) {
  if (kind === "whep") {
    video.addEventListener("loadeddata", then, { once: true });
    video.requestVideoFrameCallback?.(then);
    return;
  }
  // Browsers don't tell of drawn frames where nothing is seen yet; time that runs, or a place that was reached, is as good.
  const look = () => {
    if (video.readyState < 2 || video.seeking) return;
    for (const name of PROGRESS) video.removeEventListener(name, look);
    then();
  };
  for (const name of PROGRESS) video.addEventListener(name, look);
}

// Which TURN servers there are is asked once: on a cut every round trip is seen.
let servers = null;

class Picture {
  constructor(video) {
    this.video = video;
    this.stopped = false;
  }

  async whep(url, failed) {
    const round = (this.round = new AbortController());
    const { video } = this;
    try {
      servers ??= await serversOf(url);
      if (this.stopped) return;
      const pc = (this.pc = new RTCPeerConnection({ iceServers: servers, bundlePolicy: "max-bundle" }));
      const stream = new MediaStream();
      pc.addTransceiver("video", { direction: "recvonly" });
      pc.addTransceiver("audio", { direction: "recvonly" });
      pc.addEventListener("track", ({ track }) => stream.addTrack(track));
      pc.addEventListener("connectionstatechange", () => { if (!this.stopped && pc.connectionState === "failed") failed(); });
      video.srcObject = stream;
      this.resource = (await negotiate(pc, url, round.signal)).resource;
      await video.play().catch(() => { /* the first frame starts it */ });
    } catch (error) {
      if (!this.stopped) failed(error);
    }
  }

  file(media) {
    this.video.src = media.url;
    this.run(media);
  }

  /** Where the clip stands now, by the clock that everybody shares. */
  run(media) {
    const { video } = this;
    video.playbackRate = media.rate || 1;
    const from = (media.playFromMs + (media.positionMs || 0)) / 1000;
    const playing = media.state ? media.state === "playing" : Boolean(media.startedAt);
    const run = playing && media.startedAt ? ((serverNow() - new Date(media.startedAt)) / 1000) * (media.rate || 1) : 0;
    const at = Math.min(from + Math.max(0, run), (media.playFromMs + media.durationMs) / 1000);
    if (Math.abs(video.currentTime - at) > SEEK_SECONDS) video.currentTime = at;
    if (playing) video.play().catch(() => { /* not loaded far enough yet */ });
    else video.pause();
  }

  stop() {
    this.stopped = true;
    this.round?.abort();
    release(this.resource, true);
    this.pc?.close();
    this.video.srcObject = null;
    this.video.removeAttribute("src");
    this.video.classList.remove("on");
  }
}

export class Stage extends EventTarget {
  /** Events: `shown` when another picture (or the slate) is seen; `renew` when the picture needs a new address. */
  constructor(layers, slate) {
    super();
    this.layers = layers;
    this.slate = slate;
    this.key = null;
    this.now = null;
    this.next = null;
    setInterval(() => this.look(), 1000);
  }

  /** What is on program now. The same source again goes on as it is. */
  show(source, media) {
    // A picture without an address yet gets one with a later view; another address of the same camera is none.
    const key = media.kind === "slate" ? "slate" : `${media.kind} ${source} ${media.kind === "file" ? media.url : Boolean(media.url)}`;
    this.media = media;
    if (key === this.key) {
      const at = this.next || this.now;
      if (media.kind === "file" && at) at.run(media);
      return;
    }
    this.key = key;
    this.drop("next");
    if (source !== this.source || media.kind === "slate") clearTimeout(this.late);
    this.source = source;
    if (media.kind === "slate") this.cover();
    else this.bring(media);
  }

  bring(media) {
    const { source } = this;
    const picture = (this.next = new Picture(this.layers.find((layer) => layer !== this.now?.video)));
    picture.source = source;
    // Counted from the change, whatever is tried in between.
    if (this.waits !== source) {
      this.waits = source;
      this.late = setTimeout(() => { if (this.waits === source && this.source === source) this.cover(); }, KEEP_MS);
    }
    clearTimeout(this.begin);
    this.begin = setTimeout(() => this.failed(picture), media.url ? BEGIN_MS : KEEP_MS);
    firstFrame(picture.video, media.kind, () => { if (this.next === picture) this.swap(picture); });
    if (media.kind === "file") picture.file(media);
    else if (media.url) picture.whep(media.url, () => this.failed(picture));
  }

  swap(picture) {
    clearTimeout(this.late);
    clearTimeout(this.begin);
    this.waits = null;
    const old = this.now;
    this.next = null;
    this.now = picture;
    this.heard = performance.now();
    this.frames = 0;
    picture.video.classList.add("on");
    this.slate.hidden = true;
    old?.stop();
    this.tell();
  }

  /** The slate is on, or the new picture is late. */
  cover() {
    this.waits = this.media.kind === "slate" ? null : this.waits;
    this.drop("now");
    this.slate.hidden = false;
    this.tell();
  }

  failed(picture) {
    if (picture !== this.now && picture !== this.next) return;
    // A new view brings a new address; what is shown stays until then.
    if (picture === this.next) this.drop("next");
    else if (picture.pc) picture.pc.close();
    this.key = null;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.dispatchEvent(new Event("renew")), 300 + Math.random() * 400);
  }

  /** Frames that stop, without anybody saying why. */
  look() {
    const { now } = this;
    if (!now?.pc) return;
    const frames = now.video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
    if (frames !== this.frames) {
      this.frames = frames;
      this.heard = performance.now();
    } else if (performance.now() - this.heard > DRY_MS) {
      this.heard = performance.now();
      this.failed(now);
    }
  }

  drop(name) {
    this[name]?.stop();
    this[name] = null;
  }

  tell() {
    this.dispatchEvent(new CustomEvent("shown", { detail: { source: this.now ? this.now.source : "slate", video: this.now?.video || null } }));
  }
}

