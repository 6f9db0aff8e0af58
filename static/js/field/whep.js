// The live picture of a session, for those who may look: a fresh viewer address for each try, spaced out so that tokens last.

import { get } from "../api.js";
import { MediaRefusal, negotiate, release, serversOf } from "./rtc.js";

const SPACING_MS = [500, 2000, 4000, 8000, 15000];
const DRY_MS = 4000;

export class Viewer extends EventTarget {
  /** Plays into `video`. States: idle, connecting, playing, waiting (says why), stopped. */
  constructor(video, sessionId) {
    super();
    this.video = video;
    this.sessionId = sessionId;
    this.state = "idle";
    this.attempt = 0;
    this.frames = 0;
  }

  become(state, words = "") {
    this.state = state;
    this.words = words;
    this.dispatchEvent(new Event("state"));
  }

  start() {
    if (this.wanted) return;
    this.wanted = true;
    this.connect();
    this.watch = setInterval(() => this.look(), 1000);
  }

  async connect() {
    this.drop();
    const round = (this.round = new AbortController());
    this.become("connecting");
    try {
      const { data } = await get(`/sessions/${this.sessionId}/viewer-token`);
      if (round.signal.aborted) return;
      if (!data.whepUrl) {
        this.become("stopped", "This media server has no picture for browsers here.");
        return;
      }
      this.servers ??= await serversOf(data.whepUrl);
      if (round.signal.aborted) return;
      const pc = (this.pc = new RTCPeerConnection({ iceServers: this.servers, bundlePolicy: "max-bundle" }));
      const stream = new MediaStream();
      pc.addTransceiver("video", { direction: "recvonly" });
      pc.addTransceiver("audio", { direction: "recvonly" });
      pc.addEventListener("track", ({ track }) => stream.addTrack(track));
      pc.addEventListener("connectionstatechange", () => {
        if (this.pc === pc && ["failed", "closed"].includes(pc.connectionState)) this.again("The picture was lost.");
      });
      this.video.srcObject = stream;
      const answer = await negotiate(pc, data.whepUrl, round.signal);
      this.resource = answer.resource;
      if (answer.servers.length) this.servers = answer.servers;
      this.heard = performance.now();
      await this.video.play().catch(() => { /* a picture that may not start with sound waits for its button */ });
    } catch (error) {
      if (!round.signal.aborted) this.failed(error);
    }
  }

  failed(error) {
    if (error instanceof MediaRefusal) this.again(error.status === 404 ? "No picture yet." : error.message);
    else if (error.status === 409) this.again(error.message, 3000);
    else if (error.status === 403 || error.status === 404) this.stop(error.message);
    else this.again(error.message, (error.retryAfterSeconds || 0) * 1000);
  }

  /** Frames that don't come are noticed here sooner than by the connection. */
  look() {
    if (!this.pc) return;
    const frames = this.video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
    if (frames !== this.frames) {
      this.frames = frames;
      this.heard = performance.now();
      this.attempt = 0;
      if (this.state !== "playing") this.become("playing");
    } else if (performance.now() - this.heard > DRY_MS && this.state === "playing") this.become("connecting", "No new picture is coming.");
    else if (performance.now() - this.heard > 5 * DRY_MS) this.again("No picture came.");
  }

  /** What comes in: `{height, fps, codec, bitrate}` since the last call. */
  async stats() {
    const report = await this.pc?.getStats();
    const video = report && [...report.values()].find((r) => r.type === "inbound-rtp" && r.kind === "video");
    if (!video) return null;
    const before = this.counted;
    this.counted = { bytes: video.bytesReceived, at: video.timestamp, id: video.ssrc };
    const bitrate = before?.id === video.ssrc ? ((video.bytesReceived - before.bytes) * 8000) / (video.timestamp - before.at || 1) : null;
    return { height: video.frameHeight, fps: video.framesPerSecond, codec: (report.get(video.codecId)?.mimeType || "").split("/")[1] || "", bitrate };
  }

  again(words, least = 0) {
    this.drop();
    if (!this.wanted) return;
    const wait = Math.max(least, SPACING_MS[Math.min(this.attempt, SPACING_MS.length - 1)] * (0.8 + 0.4 * Math.random()));
    this.attempt += 1;
    this.become("waiting", words);
    this.timer = setTimeout(() => this.connect(), wait);
  }

  drop() {
    clearTimeout(this.timer);
    this.round?.abort();
    release(this.resource, true);
    this.resource = null;
    const pc = this.pc;
    this.pc = null;
    pc?.close();
  }

  stop(words = "") {
    this.wanted = false;
    clearInterval(this.watch);
    this.drop();
    this.video.srcObject = null;
    this.become("stopped", words);
  }
}
