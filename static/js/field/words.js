// Field sessions in words and shapes: states, ends, events, refusals. Shape and word first, colour second.

import { el, icon } from "../dom.js";
import { clock, duration, humanise, plural, time } from "../format.js";
import { meters, place } from "./geo.js";
import { usdc } from "./money.js";

export const OPEN_STATES = ["REQUESTED", "ASSIGNED", "LIVE"];
export const isOpen = (s) => OPEN_STATES.includes(s.state);

const PLAIN = { REQUESTED: "Open", ASSIGNED: "Assigned", ENDED: "Ended" };

/** What it is now: on air, on preview, live, live without a picture, or the word of its state. */
export function stateBadge(s) {
  if (s.state === "LIVE" && s.tally === "program") return el("span", { class: "badge air" }, "ON AIR");
  if (s.state === "LIVE" && s.tally === "preview") return el("span", { class: "badge pvw" }, "PREVIEW");
  if (s.state === "LIVE" && s.mediaLostAt) return el("span", { class: "badge off" }, "LOST");
  if (s.state === "LIVE") return el("span", { class: "badge live" }, "LIVE");
  if (s.state === "CANCELLED" || s.state === "EXPIRED") return el("span", { class: "badge off" }, s.state);
  return el("span", { class: "badge plain" }, PLAIN[s.state] || humanise(s.state));
}

export const testBadge = (s) => (s.environment === "TEST" ? el("span", { class: "tag", title: "Metered and priced, but no money moves" }, "TEST") : null);

const KINDS = { phone: "phone", laptop: "laptop", drone: "drone", ptz: "remote camera", fixed: "fixed camera", robot: "robot", other: "device" };
export const kindWords = (kind) => KINDS[kind] || kind || "";
export const KIND_LIST = Object.entries(KINDS);

const AVAILABILITY = { ONLINE: "Online", BUSY: "Busy", OFFLINE: "OFFLINE" };
export function availabilityBadge(state) {
  return el("span", { class: `badge ${state === "OFFLINE" ? "off" : state === "BUSY" ? "live" : "plain"}` }, AVAILABILITY[state] || state);
}

const ENDS = {
  consumer: "ended by the consumer", operator: "ended by the operator", installation: "ended by the control room", abandoned: "the picture was lost for too long",
  deadline: "nobody was live in time", max_duration: "its time was up", hold_failed: "the money could not be held",
};
export const endWords = (reason) => ENDS[reason] || humanise(reason || "");

/** What a session is called when nobody named it. */
export const title = (s) => s.label || place(s.point, 3);

export const MODES = { wall_clock: "by the clock", telemetry: "by signed positions" };
export const fenceWords = (s) => (s.geofencePolygon ? "drawn fence" : `fence of ${meters(s.geofenceRadiusMeters)}`);

/** The length that matters now: running, total, or what was asked for. */
export function lengthOf(s) {
  if (s.state === "LIVE") return { since: s.startedAt };
  if (s.startedAt && s.endedAt) return { text: clock((new Date(s.endedAt) - new Date(s.startedAt)) / 1000) };
  return { text: `up to ${duration(s.maxDurationSeconds)}` };
}

const SETTLED = { NOT_READY: "when it is over", NONE: "nothing to settle", PENDING: "waiting", SUBMITTED: "on its way", CONFIRMED: "settled", FAILED: "FAILED" };
export const settlementWords = (state) => SETTLED[state] || humanise(state || "");

const DOTS = { unplaced: "warn", "session.live": "now", "session.media_lost": "warn", "session.media_resumed": "now", "settlement.failed": "warn", "dispute.opened": "warn" };
const EVENTS = {
  unplaced: (d) => [`${plural(Math.ceil(d.seconds), "second")} without a counted position`, "not billed"],
  "session.requested": () => ["Requested", ""], "session.assigned": () => ["Accepted", ""], "session.started": () => ["Ready for the picture", "the camera has its address"],
  "session.live": () => ["Live", "first picture"], "session.media_lost": () => ["Picture lost", "seconds without it are not billed"], "session.media_resumed": () => ["Picture is back", ""],
  "session.ended": (d) => ["Ended", endWords(d.endReason)], "session.cancelled": (d) => ["Cancelled", d.endReason ? endWords(d.endReason) : ""], "session.expired": (d) => ["Expired", endWords(d.endReason)],
  "settlement.confirmed": (d) => ["Settled", d.grossMicroUsdc ? `${usdc(d.grossMicroUsdc)} USDC` : ""], "settlement.failed": () => ["Settlement failed", ""],
  "dispute.opened": (d) => ["Disputed", d.reason || ""], "dispute.closed": (d) => ["Dispute closed", d.reason || ""], "credit_note.issued": (d) => ["Credit note", d.grossMicroUsdc ? `${usdc(d.grossMicroUsdc)} USDC` : ""],
};

/** `{dot, title, detail}` of one event of the history. */
export function eventWords(event) {
  const [name, detail] = (EVENTS[event.type] || (() => [humanise(event.type.split(".").pop()), ""]))(event.data || {});
  const by = event.actor?.label && event.actor.kind !== "system" ? `by ${event.actor.label}` : "";
  return { dot: DOTS[event.type] || "", title: name, detail: [detail, by].filter(Boolean).join(", ") };
}

/** What to do about a refusal, where the API's own sentence leaves it open. */
const WAYS_OUT = {
  insufficient_pool: (d) => `The wallet holds ${usdc(d.availableMicroUsdc)} free, ${usdc(d.requiredMicroUsdc)} USDC are needed. Ask for a deposit, or request less time.`,
  no_coverage: () => "No device can serve this place now. The request stays open: suppliers still see it.",
  consumer_side_required: () => "Only the side that requested it can do this.",
  operator_side_required: () => "Only the side that serves it can do this.",
  operator_busy: () => "That device serves another session. Pick another one, or end that session first.",
  hold_pending: () => "The money is still being held on chain. It goes on by itself in a few seconds.",
  position_not_admitted: () => "This device is too far from the requested place to begin.",
};

export function refusal(error) {
  const words = WAYS_OUT[error.code]?.(error.data || {});
  return words || error.message;
}

export const secondsWords = (n) => plural(n ?? 0, "second");
export const until = (iso) => (iso ? `until ${time(iso)}` : "");
export const warnLine = (words) => [icon("warn", "i-s"), words];
