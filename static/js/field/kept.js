// The recordings of a session: which one runs, what is in the library, and how to begin and to end one.

import { usable } from "../actions.js";
import { get, post } from "../api.js";
import { arm, complain, debounce, el } from "../dom.js";
import { time } from "../format.js";
import { live } from "../socket.js";

const WORDS = { recording: "Is being kept as video", completed: "Stopped, its file is being made", cached: "Kept as video, in the library", uploaded: "Kept as video, in the library", cancelled: "Stopped before a picture came", failed: "FAILED" };
const running = (r) => r.status === "recording";

export class Kept {
  /** `panel` shows them; `reading(read, keep)` runs a read and complains; `changed()` is called where what can be done may have changed. */
  constructor(panel, id, { reading, changed }) {
    Object.assign(this, { panel, id, reading, changed, rows: [], stopping: new Set(), may: { start: false, stop: false } });
    this.list = panel.querySelector("ul");
    this.start = panel.querySelector("[data-action=startRecording]");
    this.end = panel.querySelector("[data-action=stopRecording]");
    this.start.addEventListener("click", () => { if (usable(this.start)) this.act("Nothing was started", "/recordings", { sessionId: id }); });
    arm(this.end, () => { const r = this.rows.find(running); if (r) this.act("It was not stopped", `/recordings/${r.id}/stop`, {}); });
  }

  /** From now on; `sees()`: whether this person reads recordings of the session. */
  follow(sees) {
    const soon = debounce(() => { if (sees()) this.load().then(this.changed); }, 250);
    const heard = (job) => { if (job.status === "stop_requested") this.stopping.add(job.recordingId); };
    live.subscribe("recordings", {
      onSnapshot: (data) => { data.jobs.forEach(heard); soon(); },
      onEvent: (name, data) => {
        if (data.sessionId !== this.id) return;
        if (name === "job.changed") heard(data);
        soon();
      },
    });
  }

  load() {
    return this.reading(() => get("/recordings", { sessionId: this.id, limit: 5 }), ({ data }) => { this.rows = data; this.paint(); });
  }

  /** What comes of it shows here: no message covers the buttons. */
  async act(failed, path, body) {
    try {
      await post(path, body);
    } catch (error) {
      complain(failed, error);
    }
    await this.load();
    this.changed();
  }

  /** What `/sessions/:id/actions` says: who may not, is offered nothing. */
  offer(session, actions) {
    const may = (action) => Boolean(actions?.[action]) && actions[action].code !== "permission_denied";
    this.may = { start: session.state === "LIVE" && may("startRecording"), stop: may("stopRecording") };
    this.paint();
  }

  paint() {
    const on = this.rows.find(running);
    this.panel.hidden = !this.rows.length && !this.may.start;
    this.start.hidden = Boolean(on) || !this.may.start;
    this.end.hidden = !on || this.stopping.has(on.id) || !this.may.stop;
    const words = (r) => (running(r) && this.stopping.has(r.id) ? "Is being stopped" : WORDS[r.status] || r.status);
    const line = (r) => el("li", {}, el("div", { class: "row g3" },
      el("span", { class: "grow" }, el("a", { href: `/recordings/${r.id}` }, words(r)), r.recordedAt ? el("span", { class: "t2 sm nw num" }, ` from ${time(r.recordedAt)}`) : null),
      running(r) ? el("span", { class: "badge rec" }, "REC") : null));
    this.list.replaceChildren(...(this.rows.length ? this.rows.map(line) : [el("li", { class: "t2 sm" }, "Nothing of it is kept as video.")]));
  }
}
