// The publisher's side of the media: one address for the session's whole life, offered to again for as long as it takes.
//
//   idle ─start▶ connecting ─ICE connected▶ live ─lost▶ waiting ─backoff▶ connecting …        any ─stop▶ stopped, any ─refused▶ refused

import { delayMs } from "./backoff.js";
import { MediaRefusal, negotiate, release, serversOf } from "./rtc.js";

const LIMP_MS = 3000;
const STEADY_MS = 8000;
const MOST_BITS = 2500000;

/** H.264 first, then VP8, then whatever else, each with its helpers (rtx, red). */
export function preferred(codecs) {
  const rank = (c) => (/h264/i.test(c.mimeType) ? (/packetization-mode=1/.test(c.sdpFmtpLine || "") ? 0 : 1) : /vp8/i.test(c.mimeType) ? 2 : /rtx|red|ulpfec|flexfec/i.test(c.mimeType) ? 4 : 3);
  return codecs.map((c, i) => [c, i]).sort((a, b) => rank(a[0]) - rank(b[0]) || a[1] - b[1]).map(([c]) => c);
}

export class Publisher extends EventTarget {
  /** `access()` reads the address from the control room again: once, when the media server doesn't know it any more. */
  constructor(stream, url, access) {
    super();
    this.stream = stream;
    this.url = url;
    this.access = access;
    this.state = "idle";
    this.attempt = 0;
    this.servers = null;
    this.refetched = false;
    this.tries = 0;
  }

  start() {
    this.wake = () => { if (this.state !== "stopped" && this.state !== "refused") this.again("network"); };
    addEventListener("online", this.wake);
    this.offline = () => { if (this.state === "live" || this.state === "connecting") this.become("waiting", "This device has no network. It goes on by itself."); };
    addEventListener("offline", this.offline);
    navigator.connection?.addEventListener?.("change", this.wake);
    this.connect();
  }

  become(state, words = "") {
    this.state = state;
    this.words = words;
    this.dispatchEvent(new Event("state"));
  }

  /** A new offer to the same address, soon. A second reason while one is waiting changes nothing. */
  again(why) {
    if (this.state === "stopped" || this.state === "refused") return;
    if (why === "network") {
      if (!navigator.onLine) return;
      this.attempt = 0;
    } else if (this.timer) return;
    clearTimeout(this.timer);
    this.drop();
    const wait = Math.max(delayMs(this.attempt), (this.notBefore || 0) - performance.now());
    this.attempt += 1;
    this.notBefore = 0;
    this.become("waiting", this.words || "The connection was lost. Trying again by itself.");
    this.timer = setTimeout(() => this.connect(), wait);
  }

  async connect() {
    this.timer = 0;
    this.tries += 1;
    clearTimeout(this.limping);
    const round = (this.round = new AbortController());
    this.become("connecting");
    this.servers ??= await serversOf(this.url);
    if (this.round !== round || round.signal.aborted) return;
    const pc = (this.pc = new RTCPeerConnection({ iceServers: this.servers, bundlePolicy: "max-bundle" }));
    this.addTracks(pc);
    pc.addEventListener("iceconnectionstatechange", () => { if (this.pc === pc) this.moved(pc); });
    try {
      const answer = await negotiate(pc, this.url, round.signal);
      if (this.pc !== pc) {
        release(answer.resource);
        return;
      }
      this.resource = answer.resource;
      if (answer.servers.length) this.servers = answer.servers;
      this.patience(pc);
    } catch (error) {
      if (this.pc === pc && !round.signal.aborted) await this.refused(error);
    }
  }

  /** An answer without a connection after 10 s is a lost try. */
  patience(pc) {
    this.limping = setTimeout(() => {
      if (this.pc === pc && this.state === "connecting") this.lost("The media server answered, but no way through the network was found. Trying again.");
    }, 10000);
  }

  addTracks(pc) {
    for (const track of this.stream.getTracks()) {
      const options = { direction: "sendonly", streams: [this.stream] };
      if (track.kind === "video") options.sendEncodings = [{ maxBitrate: MOST_BITS }];
      const transceiver = pc.addTransceiver(track, options);
      if (track.kind === "video") transceiver.setCodecPreferences?.(preferred(RTCRtpSender.getCapabilities("video").codecs));
    }
  }

  moved(pc) {
    const now = pc.iceConnectionState;
    if (now !== "disconnected") clearTimeout(this.limping);
    if (now === "connected" || now === "completed") {
      if (this.state !== "live") this.become("live");
      // A connection that breaks at once again does not begin from the shortest wait.
      setTimeout(() => { if (this.pc === pc && this.state === "live") Object.assign(this, { attempt: 0, refetched: false }); }, STEADY_MS);
    } else if (now === "disconnected") this.limping = setTimeout(() => { if (this.pc === pc) this.lost(); }, LIMP_MS);
    else if (now === "failed") this.lost();
  }

  lost(words = "") {
    this.words = words;
    this.again("lost");
  }

  async refused(error) {
    if (!(error instanceof MediaRefusal)) {
      this.lost(`The picture could not be offered: ${error.message}`);
      return;
    }
    if (error.status === 401 || error.status === 404) {
      await this.refetch(error);
      return;
    }
    if (error.status === 403 || error.status === 400 || error.status === 415 || error.status === 422) {
      // 403: the edge wants a fresh position first (trust tier 3); it may come.
      if (error.status !== 403) {
        this.drop();
        this.become("refused", error.message);
        return;
      }
    }
    if (error.retryAfterSeconds) this.notBefore = performance.now() + error.retryAfterSeconds * 1000;
    this.lost(error.message);
  }

  async refetch(error) {
    if (this.refetched) {
      this.drop();
      this.become("refused", "The media server doesn’t know this session any more. Press Go live to begin again, or ask whoever requested it.");
      return;
    }
    this.refetched = true;
    try {
      this.url = await this.access();
      this.attempt = 0;
      this.lost("");
    } catch (refusal) {
      this.drop();
      this.become("refused", refusal.message || error.message);
    }
  }

  async replaceVideo(track) {
    const old = this.stream.getVideoTracks()[0];
    const sender = this.pc?.getSenders().find((s) => s.track?.kind === "video");
    await sender?.replaceTrack(track);
    if (old) {
      this.stream.removeTrack(old);
      old.stop();
    }
    this.stream.addTrack(track);
  }

  drop() {
    clearTimeout(this.limping);
    this.round?.abort();
    const pc = this.pc;
    this.pc = null;
    pc?.close();
  }

  /** Camera light off at once; then the media server is told. */
  async stop() {
    clearTimeout(this.timer);
    removeEventListener("online", this.wake);
    removeEventListener("offline", this.offline);
    navigator.connection?.removeEventListener?.("change", this.wake);
    for (const track of this.stream.getTracks()) track.stop();
    this.drop();
    this.become("stopped");
    await release(this.resource, true);
    this.resource = null;
  }

  /** What leaves this device: `{bitrate, fps, width, height, codec, rttMs, lossPercent}` since the last call; null while nothing does. */
  async stats() {
    const report = await this.pc?.getStats();
    if (!report) return null;
    const rows = [...report.values()];
    const video = rows.find((r) => r.type === "outbound-rtp" && r.kind === "video");
    if (!video) return null;
    const remote = rows.find((r) => r.type === "remote-inbound-rtp" && r.kind === "video");
    const codec = report.get(video.codecId)?.mimeType?.split("/")[1] || "";
    const before = this.counted;
    this.counted = { bytes: video.bytesSent, at: video.timestamp, ssrc: video.ssrc };
    const bitrate = before?.ssrc === video.ssrc ? ((video.bytesSent - before.bytes) * 8000) / (video.timestamp - before.at || 1) : null;
    return { bitrate, fps: video.framesPerSecond ?? null, width: video.frameWidth, height: video.frameHeight, codec, rttMs: remote?.roundTripTime === undefined ? null : remote.roundTripTime * 1000, lossPercent: remote?.fractionLost === undefined ? null : remote.fractionLost * 100 };
  }
}

/** Bars 0–4 and a word, from what the network does. */
export function quality(stats, state) {
  if (state !== "live" || !stats) return { bars: 0, word: state === "live" ? "Measuring" : "No link" };
  const loss = stats.lossPercent ?? 0;
  const rtt = stats.rttMs ?? 0;
  if (stats.bitrate !== null && stats.bitrate < 150000) return { bars: 1, word: "Poor" };
  if (loss > 8 || rtt > 600) return { bars: 1, word: "Poor" };
  if (loss > 2 || rtt > 250) return { bars: 2, word: "Fair" };
  return loss > 0.5 || rtt > 120 ? { bars: 3, word: "Good" } : { bars: 4, word: "Good" };
}
