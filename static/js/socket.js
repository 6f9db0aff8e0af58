// The console's one socket. Topics answer with a snapshot, then numbered changes; a hole in the numbers is
// never papered over: the topic is asked again from the last number that was seen.
//
//   off ─start▶ connecting ─open▶ live ─close▶ lost ─backoff▶ connecting        any ─4401▶ refused

import { getInAgain } from "./api.js";
import { decodeMessage } from "./wire.js";

const PING_MS = 15000;
const DEAD_MS = 32000;
const FIRST_MS = 400;
const LONGEST_MS = 15000;

class Live extends EventTarget {
  constructor() {
    super();
    this.state = "off";
    this.lostAt = null;
    this.seq = null;
    this.topics = new Map();
    this.meterSinks = new Set();
    this.tries = 0;
  }

  start() {
    if (this.state !== "off") return;
    addEventListener("online", () => this.retryNow());
    // A network that is gone takes its sockets with it, but tells them only after half a minute.
    addEventListener("offline", () => this.ws?.close());
    addEventListener("pagehide", () => { if (this.ws?.readyState === WebSocket.OPEN) this.ws.close(1000); });
    addEventListener("pageshow", (event) => { if (event.persisted) this.retryNow(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.retryNow(); });
    this.connect();
  }

  /** Follows a topic; returns the way to stop. `onSnapshot(data)`, `onEvent(name, data, message)`, `onGone(code)`. */
  subscribe(topic, { onSnapshot, onEvent, onGone }) {
    let entry = this.topics.get(topic);
    if (!entry) {
      entry = { seq: null, followers: new Set() };
      this.topics.set(topic, entry);
      this.ask(topic);
    } else if (entry.snapshot !== undefined) {
      // A second follower of a running topic needs its own beginning.
      entry.seq = null;
      this.ask(topic);
    }
    const follower = { onSnapshot, onEvent, onGone };
    entry.followers.add(follower);
    return () => {
      entry.followers.delete(follower);
      if (entry.followers.size || this.topics.get(topic) !== entry) return;
      this.topics.delete(topic);
      this.send({ type: "unsubscribe", topic });
    };
  }

  /** Every decoded meter frame, whichever node; the sink looks at `frame.interfaceId`. */
  onMeters(sink) {
    this.meterSinks.add(sink);
    return () => this.meterSinks.delete(sink);
  }

  ask(topic) {
    const entry = this.topics.get(topic);
    entry.askedAt = performance.now();
    this.send(entry.seq === null ? { type: "subscribe", topic } : { type: "subscribe", topic, after: entry.seq });
  }

  send(message) {
    if (this.ws?.readyState === WebSocket.OPEN) this.ws.send(JSON.stringify(message));
  }

  connect() {
    clearTimeout(this.timer);
    this.become("connecting");
    const ws = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    ws.binaryType = "arraybuffer";
    this.ws = ws;
    ws.addEventListener("open", () => {
      this.tries = 0;
      this.heard = performance.now();
      this.become("live");
      for (const topic of this.topics.keys()) this.ask(topic);
      this.pinger = setInterval(() => this.beat(), PING_MS);
    });
    ws.addEventListener("message", (event) => {
      this.heard = performance.now();
      if (typeof event.data === "string") this.receive(JSON.parse(event.data));
      else for (const frame of decodeMessage(event.data)) for (const sink of this.meterSinks) sink(frame);
    });
    ws.addEventListener("close", (event) => { if (this.ws === ws) this.closed(event.code); });
  }

  beat() {
    if (performance.now() - this.heard > DEAD_MS) this.ws.close();
    else this.send({ type: "ping" });
  }

  closed(code) {
    clearInterval(this.pinger);
    if (code === 4401) {
      this.become("refused");
      getInAgain();
      return;
    }
    this.lostAt ??= new Date();
    this.become("lost");
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.tries);
    this.tries += 1;
    this.timer = setTimeout(() => this.connect(), ceiling / 2 + Math.random() * (ceiling / 2));
  }

  retryNow() {
    if (this.state === "lost") this.connect();
  }

  become(state) {
    this.state = state;
    if (state === "live") this.lostAt = null;
    this.dispatchEvent(new Event("state"));
  }

  receive(message) {
    const entry = this.topics.get(message.topic);
    if (message.type === "snapshot" && entry) {
      this.step(entry, message.seq);
      entry.snapshot = true;
      for (const f of entry.followers) f.onSnapshot?.(message.data);
    } else if ((message.type === "event" || message.type === "change") && entry) {
      this.follow(entry, message);
    } else if (message.type === "unsubscribed" && entry) {
      this.topics.delete(message.topic);
      for (const f of entry.followers) f.onGone?.(message.code);
      // A page that doesn't say itself what it is without this topic asks the server what it may be now.
      if (message.code === "permission_denied" && ![...entry.followers].some((f) => f.onGone)) this.dispatchEvent(new Event("denied"));
    } else if (message.type === "error") {
      this.dispatchEvent(new CustomEvent("refusal", { detail: message }));
    }
  }

  follow(entry, message) {
    // A tick has no number of its own and is kept nowhere: it is true now, whatever was missed.
    if (message.event === "tick" && message.seq === message.prevSeq) {
      for (const f of entry.followers) f.onEvent?.(message.event, message.data);
      return;
    }
    if (entry.seq !== null && message.seq <= entry.seq) return;
    // The control room's changes are numbered without gaps and name no predecessor.
    if (entry.seq === null || (message.prevSeq ?? message.seq - 1) !== entry.seq) {
      // One question a second: a burst behind one hole is answered by one replay.
      if (performance.now() - entry.askedAt > 1000) this.ask(message.topic);
      return;
    }
    this.step(entry, message.seq);
    for (const f of entry.followers) f.onEvent?.(message.event, message.data, message);
  }

  step(entry, seq) {
    entry.seq = seq;
    this.seq = Math.max(this.seq ?? 0, seq);
    this.dispatchEvent(new Event("seq"));
  }
}

export const live = new Live();
