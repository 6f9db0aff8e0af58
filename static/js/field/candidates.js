// Who could serve an open request, in the order of dispatch; for its consumer.

import { Answers } from "../answers.js";
import { ApiError, get, post } from "../api.js";
import { $, clone, complain, fill, keyed, setAttr } from "../dom.js";
import { duration, humanise } from "../format.js";
import { meters } from "./geo.js";
import { kindWords, refusal } from "./words.js";

const EVERY_MS = 5000;
const by = (id) => document.getElementById(id);

export class Candidates {
  constructor(sessionId, changed) {
    this.id = sessionId;
    this.changed = changed;
    this.rows = null;
    this.answers = new Answers();
    by("dispatch").addEventListener("click", ({ currentTarget }) => { if (currentTarget.getAttribute("aria-disabled") !== "true") this.send(null); });
    setInterval(() => { if (this.rows && this.session.state === "REQUESTED" && !document.hidden) this.load(this.session); }, EVERY_MS);
  }

  /** Only its consumer is told: `told`, as the session's actions say. To others the panel stays away. */
  async load(session, told = this.told) {
    this.session = session;
    this.told = told;
    this.rows = this.rows || [];
    if (session.state !== "REQUESTED" || !told) {
      this.answers.overtake();
      by("candidates").hidden = true;
      return;
    }
    try {
      const answer = await this.answers.next(get(`/sessions/${this.id}/candidates`));
      if (!answer) return;
      this.rows = answer.data;
    } catch (error) {
      by("candidates").hidden = true;
      if (error.status !== 403 && error.status !== 409) complain("Who could serve it is not known", error);
      return;
    }
    this.paint();
  }

  paint() {
    by("candidates").hidden = false;
    by("candidates-none").hidden = this.rows.length > 0;
    keyed(by("candidate-list"), this.rows, (c) => c.operatorId, (c) => {
      const li = clone("t-candidate");
      $("button", li).addEventListener("click", () => this.send(c.operatorId));
      return li;
    }, (li, c) => {
      fill(li, { kind: humanise(kindWords(c.kind)), detail: `within ${meters(c.distanceMeters)}, free for ${duration(c.idleSeconds)}` });
      setAttr($("button", li), "aria-label", `Send the ${kindWords(c.kind)} within ${meters(c.distanceMeters)}`);
    });
  }

  async send(operatorId) {
    try {
      await post(`/sessions/${this.id}/dispatch`, operatorId ? { operatorId } : {});
    } catch (error) {
      if (error instanceof ApiError) error.message = refusal(error);
      complain("Nobody was sent", error);
    }
    this.changed();
  }
}
