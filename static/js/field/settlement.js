// The money of a session that is over: how far it is, disputes, what was given back, and who may do what about it.

import { Answers } from "../answers.js";
import { get, post } from "../api.js";
import { complain, copyButton, el, setAttr, text, toast } from "../dom.js";
import { onSubmit } from "../forms.js";
import { humanise, short, utc, when } from "../format.js";
import { may } from "../shell.js";
import { mine } from "./mine.js";
import { split, usdc } from "./money.js";
import { isOpen, settlementWords } from "./words.js";

const DISPUTE_DAYS = 7;
const by = (id) => document.getElementById(id);
const pair = (name, value, props = {}) => (value === null || value === undefined || value === "" ? [] : [el("dt", {}, name), el("dd", props, value)]);
const instant = (iso) => (iso ? el("span", { title: utc(iso) }, when(iso)) : null);
const DISPUTES = { OPEN: "open", REJECTED: "rejected, the bill stands", CREDITED: "settled by a credit note" };

export class SettlementView {
  constructor(sessionId, changed) {
    this.id = sessionId;
    this.known = null;
    this.dispute = null;
    this.retryable = false;
    this.changed = changed;
    this.answers = new Answers();
    this.listen();
  }

  /** What may be missing is no failure: no right to the wallet, no dispute. */
  async load(session) {
    this.session = session;
    const answer = await this.answers.next(Promise.allSettled([get(`/settlements/${this.id}`), get(`/sessions/${this.id}/dispute`), may("wallet:adjust") ? get(`/settlements/${this.id}/actions`) : null]));
    if (!answer) return;
    const [known, dispute, actions] = answer;
    if (known.status === "fulfilled") this.known = known.value.data;
    this.dispute = dispute.status === "fulfilled" ? dispute.value.data : null;
    this.retryable = Boolean(actions.value?.data.actions.retry.enabled);
    this.paint(session);
  }

  paint(session) {
    this.session = session;
    const known = this.known || session.settlement;
    const box = by("settlement");
    box.hidden = isOpen(session) || !known;
    by("dispute-open").hidden = !this.disputable();
    if (box.hidden) return;
    const note = this.known?.creditNote;
    by("settled").replaceChildren(
      ...pair("State", settlementWords(known.state)), ...pair("Confirmed", instant(this.known?.confirmedAt)), ...pair("Failed because", this.known?.failure),
      ...pair("On chain", known.txHash ? [el("span", { class: "mono", title: known.txHash }, short(known.txHash)), copyButton(known.txHash, "transaction hash")] : null, { class: "row g1 push" }),
      ...pair("Disputed", this.dispute ? el("span", { title: utc(this.dispute.createdAt) }, when(this.dispute.createdAt)) : null), ...pair("Because", this.dispute?.reason, { class: "wrap-any" }),
      ...pair("Dispute", this.dispute ? DISPUTES[this.dispute.state] || humanise(this.dispute.state) : null), ...pair("Answer", this.dispute?.answer, { class: "wrap-any" }),
      ...pair("Given back", note ? `${usdc(note.grossMicroUsdc)} for ${note.seconds} s` : null), ...pair("Why", note?.reason, { class: "wrap-any" }),
    );
    by("retry-settlement").hidden = !this.retryable;
    by("reject-open").hidden = !(may("settlement:void") && this.open);
    by("credit-open").hidden = !(may("settlement:void") && known.state === "CONFIRMED" && !note && session.cleanSeconds > 0);
  }

  get open() {
    return this.dispute && !this.dispute.closedAt;
  }

  disputable() {
    const s = this.session;
    const consumer = mine.workspaces.find((w) => w.id === s.consumerWorkspaceId && w.member);
    const within = s.endedAt && Date.now() - new Date(s.endedAt).getTime() < DISPUTE_DAYS * 86400000;
    return Boolean(!isOpen(s) && within && !this.dispute && s.chargedMicroUsdc !== "0" && consumer?.member.permissions.includes("sessions:create"));
  }

  listen() {
    for (const name of ["dispute", "reject", "credit"]) {
      by(`${name}-open`).addEventListener("click", () => {
        by(`${name}-form`).reset();
        if (name === "credit") this.sum();
        by(name).showModal();
      });
    }
    const send = (name, path, body, done) => onSubmit(by(`${name}-form`), async (f) => {
      await post(`/sessions/${this.id}/${path}`, body(f));
      by(name).close();
      toast(...done);
      this.changed();
    });
    send("dispute", "dispute", (f) => ({ reason: f.reason.value.trim() }), ["Disputed", "Whoever runs this control room decides."]);
    send("reject", "dispute/reject", (f) => ({ reason: f.reason.value.trim() }), ["Rejected", "The bill stands."]);
    send("credit", "void", (f) => ({ reason: f.reason.value.trim(), fundedBy: f.fundedBy.value, ...(f.seconds.value ? { seconds: Number(f.seconds.value) } : {}) }), ["Given back"]);
    by("credit-seconds").addEventListener("input", () => this.sum());
    by("retry-settlement").addEventListener("click", async () => {
      try {
        await post(`/settlements/${this.id}/retry`);
      } catch (error) {
        complain("It was not tried again", error);
      }
      this.changed();
    });
  }

  /** What the consumer gets: the difference of two bills (05 §10). */
  sum() {
    const s = this.session;
    const field = by("credit-seconds");
    setAttr(field, "max", s.cleanSeconds);
    const seconds = field.value ? Math.min(Number(field.value), s.cleanSeconds) : s.cleanSeconds;
    const [before, after] = [s.cleanSeconds, s.cleanSeconds - seconds].map((n) => split(n, s.ratePerSecondMicroUsdc, s.feeBps));
    text(by("credit-sum"), `${usdc(before.gross - after.gross)} USDC to the consumer: ${usdc(before.operator - after.operator)} from the operator, ${usdc(before.fee - after.fee)} of the fee.`);
  }
}
