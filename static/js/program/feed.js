// The program's socket: after the token the whole view at each change, the newest wins. It comes back by itself; three closes mean something final or full.

const FIRST_MS = 300;
const LONGEST_MS = 8000;
const FULL_MS = 15000;

const ENDED = { 4404: "There is no such program link. It may have been cut when it was copied.", 4401: "This program link has ended. Ask whoever sent it for the new one." };
const FULL = "A hundred are watching already. This page comes in as soon as somebody leaves.";

export class Feed extends EventTarget {
  /** Events: `view` (detail: data), `notice` (detail: a sentence, or "" when it is over). */
  constructor(token) {
    super();
    this.token = token;
    this.tries = 0;
    this.seq = -1;
    addEventListener("online", () => this.again(0));
  }

  start() {
    clearTimeout(this.timer);
    const ws = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/program`);
    this.ws = ws;
    ws.addEventListener("open", () => ws.send(JSON.stringify({ token: this.token })));
    ws.addEventListener("message", (event) => { if (this.ws === ws) this.receive(JSON.parse(event.data)); });
    ws.addEventListener("close", (event) => { if (this.ws === ws) this.closed(event.code); });
  }

  receive(message) {
    if (message.type !== "program") return;
    // The first view of a connection counts whatever its number; after that only newer ones.
    if (!this.fresh && message.seq < this.seq) return;
    this.fresh = false;
    this.seq = message.seq;
    this.tries = 0;
    this.say("");
    this.dispatchEvent(new CustomEvent("view", { detail: message.data }));
  }

  say(sentence) {
    this.dispatchEvent(new CustomEvent("notice", { detail: sentence }));
  }

  closed(code) {
    if (ENDED[code]) {
      this.end(code);
      return;
    }
    if (code === 4429) {
      this.say(FULL);
      this.again(FULL_MS);
      return;
    }
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.tries);
    this.tries += 1;
    this.again(ceiling / 2 + Math.random() * (ceiling / 2));
  }

  /** For good: the link is unknown, or has ended. */
  end(code) {
    this.over = true;
    clearTimeout(this.timer);
    this.ws?.close();
    this.say(ENDED[code]);
  }

  again(ms) {
    if (this.over) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.fresh = true;
      this.start();
    }, ms);
  }

  /** A new view with a new address for the picture, as after a reload. */
  renew() {
    if (this.over || this.ws?.readyState !== WebSocket.OPEN) return;
    const { ws } = this;
    this.ws = null;
    ws.close(1000);
    this.again(0);
  }
}
