// The control room in words: sources, events, people. Pure.

import { MINUS } from "../format.js";

/** "−3.5" for a gain of −3.5 dB, "+1.0", "0.0". */
export const gain = (db) => (db > 0 ? `+${db.toFixed(1)}` : db < 0 ? `${MINUS}${(-db).toFixed(1)}` : "0.0");

export const sessionOf = (source) => (source?.startsWith("session:") ? source.slice(8) : null);

/** The row's own label, or what the source is. */
export function label(source, sources = []) {
  if (source === "slate") return "Slate";
  if (source === "replay") return "Replay";
  return sources.find((row) => row.source === source)?.label || "A session";
}

/** Session sources by their label's order of arrival, then the replay, then the slate: keys 1–9, the slate is 0. */
export function ordered(sources) {
  const rank = (row) => (row.source === "slate" ? 2 : row.source === "replay" ? 1 : 0);
  return [...sources].sort((a, b) => rank(a) - rank(b));
}

const REASONS = { cut: "cut", take: "taken", preview: "set", source_ended: "its source ended", signal_lost: "the signal was lost", replay_ended: "the replay ended", initial: "nothing was switched yet" };

/** "cut by you", "taken by Bo", "its source ended". */
export function cause(bus, me) {
  const words = REASONS[bus.reason] || bus.reason;
  if (!bus.by || bus.by.kind === "system" || bus.reason === "initial") return words;
  return `${words} by ${bus.by.id === me?.id ? "you" : bus.by.name}`;
}

export const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

const RELEASES = { released: "let go", forced: "was forced free", stale: "came free: its holder fell silent", deleted: "came free: its holder left", permission_lost: "came free: its holder lost the permission" };
const OUTCOMES = { yielded: "handed over", refused: "was refused", withdrawn: "was asked for no more", expired: "was not answered for", void: "was asked for no more" };
const REMOVALS = { self: "left", director: "was removed", idle: "was let go after a long absence" };
const INVITES = { active: "can be used", expired: "expired", used_up: "is used up", revoked: "was revoked", stale: "must be rotated" };

const EVENTS = {
  "operator.registered": (d) => `${d.operator.name} came in as ${d.operator.role}`,
  "operator.connected": (d) => `${d.operator.name} is back`,
  "operator.disconnected": (d) => `${d.operator.name} fell silent`,
  "operator.deleted": (d) => `${d.name} ${REMOVALS[d.cause] || "left"}`,
  "lock.acquired": (d) => `${capital(d.subsystem)} locked by ${d.lock.holder.name}`,
  "lock.released": (d) => `${capital(d.subsystem)} ${RELEASES[d.cause] || "came free"}${d.reason ? `: ${d.reason}` : ""}`,
  "handover.asked": (d) => `${d.handover.to.name} asks ${d.handover.from.name} for ${d.handover.subsystem}`,
  "handover.closed": (d) => `${capital(d.subsystem)} ${OUTCOMES[d.outcome] || d.outcome}`,
  "invite.changed": (d) => `The ${d.kind === "role" ? `link for ${d.role}` : `personal invite (${d.role})`} ${INVITES[d.status] || d.status}`,
  "programLink.changed": (d) => (d.programLink.enabled ? `Program link on, generation ${d.programLink.generation}` : "Program link off"),
  "program.changed": (d, sources) => `Program: ${label(d.program.source, [...(d.sources || []), ...sources])}, ${REASONS[d.program.reason] || d.program.reason}`,
  "preview.changed": (d, sources) => `Preview: ${label(d.preview.source, [...(d.sources || []), ...sources])}`,
  "source.changed": (d) => `${d.source.label || d.source.source}: ${d.source.signal === "lost" ? "signal lost" : `${gain(d.source.gainDb)} dB${d.source.muted ? ", muted" : ""}`}`,
  "source.removed": (d, sources) => `${label(d.source, sources)} is gone`,
  "lowerThird.changed": (d) => (d.lowerThird.visible ? `Lower third shown: ${d.lowerThird.title}` : "Lower third hidden"),
  "slate.changed": (d) => `Slate: ${d.slate.title}`,
  "captions.changed": (d) => (d.captions.length ? `Caption: ${d.captions.at(-1).text}` : "Captions cleared"),
  "replay.changed": (d) => `Replay ${d.replay.state}${d.replay.clip ? `: ${d.replay.clip.name || "clip"}` : ""}`,
  "command.made": (d) => [capital(String(d.action || "").split(".").at(-1).replace(/_/g, " ")), d.target?.label].filter(Boolean).join(": "),
};

/** One line of the history. */
export const eventWords = (event, data, sources = []) => EVENTS[event]?.(data, sources) || event;

/** Tally as shape, colour and word. */
export const TALLY = { program: ["air", "ON AIR"], preview: ["pvw", "PREVIEW"] };
