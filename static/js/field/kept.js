// The recordings of a session: which one runs, what is in the library, and how to begin and to end one.

import { usable } from "../actions.js";
import { get } from "../api.js";
import { arm, debounce, el } from "../dom.js";
import { time } from "../format.js";
import { record, stop } from "../recordings.js";
import { live } from "../socket.js";

const WORDS = { recording: "Is being kept as video", completed: "Stopped, its file is being made", cached: "Kept as video, in the library", uploaded: "Kept as video, in the library", cancelled: "Stopped before a picture came", failed: "FAILED" };
const running = (r) => r.status === "recording";

export class Kept {
  /** `panel` shows them; `reading(work)` runs a read and complains; `changed()` is called where what can be done may have changed. */
  constructor(panel, id, { reading, changed }) {
    Object.assign(this, { panel, id, reading, changed, rows: [], may: { start: false, stop: false }, name: "the session" });
    this.list = panel.querySelector("ul");
    this.start = panel.querySelector("[data-action=startRecording]");
    this.end = panel.querySelector("[data-action=stopRecording]");
    this.start.addEventListener("click", () => { if (usable(this.start)) this.act(() => record({ sessionId: id }, this.name)); });
    arm(this.end, () => { const r = this.rows.find(running); if (r) this.act(() => stop(r)); });
  }

  /** From now on; `sees()`: whether this person reads recordings of the session. */
  follow(sees) {
    this.sees = sees;
    const soon = debounce(() => { if (this.sees()) this.load().then(this.changed); }, 250);
    live.subscribe("recordings", { onSnapshot: soon, onEvent: (name, data) => { if (data.sessionId === this.id) soon(); } });
  }

  load() {
    return this.reading(() => get("/recordings", { sessionId: this.id, limit: 5 }), ({ data }) => { this.rows = data; this.paint(); });
  }

  async act(work) {
    await work();
    await this.load();
    this.changed();
  }

  /** What `/sessions/:id/actions` says: who may not, is offered nothing. */
  offer(session, actions, name) {
    const may = (action) => Boolean(actions?.[action]) && actions[action].code !== "permission_denied";
    this.name = name;
    this.may = { start: session.state === "LIVE" && may("startRecording"), stop: may("stopRecording") };
    this.paint();
  }

  paint() {
    const on = this.rows.some(running);
    this.panel.hidden = !this.rows.length && !this.may.start;
    this.start.hidden = on || !this.may.start;
    this.end.hidden = !on || !this.may.stop;
    const line = (r) => el("li", {}, el("div", { class: "row g3" },
      el("span", { class: "grow" }, el("a", { href: `/recordings/${r.id}` }, WORDS[r.status] || r.status), r.recordedAt && el("span", { class: "t2 sm num" }, ` from ${time(r.recordedAt)}`)),
      running(r) ? el("span", { class: "badge rec" }, "REC") : null));
    this.list.replaceChildren(...(this.rows.length ? this.rows.map(line) : [el("li", { class: "t2 sm" }, "Nothing of it is kept as video.")]));
  }
}
