// States as shape and word first, colour second. Healthy is silent.

import { el, icon } from "./dom.js";

export const recBadge = (words = "REC") => el("span", { class: "badge rec" }, words);

export function severityBadge(severity, words = true) {
  if (severity !== "critical" && severity !== "warning") return null;
  const [cls, name] = severity === "critical" ? ["crit", "Critical"] : ["warn", "Warning"];
  const alone = words ? {} : { role: "img", "aria-label": name };
  return el("span", { class: `badge ${cls}`, ...alone }, icon(cls), words ? name.toUpperCase() : null);
}

/** A node's badges: what it does, then how bad it is. */
export function nodeBadges(node, words = true) {
  const out = [];
  if (node.retiredAt) out.push(el("span", { class: "badge off" }, "RETIRED"));
  else if (node.status === "offline") out.push(el("span", { class: "badge off" }, "OFFLINE"));
  else if (node.fact > 0) out.push(recBadge(node.fact > 1 ? `REC ${node.fact}` : "REC"));
  else if (node.intent > 0) out.push(el("span", { class: "badge plain" }, "Starting"));
  else if (node.liveness === "degraded") out.push(el("span", { class: "badge off" }, "SLOW"));
  else out.push(el("span", { class: "badge plain" }, "Idle"));
  if (node.liveness === "degraded" && node.fact > 0) out.push(el("span", { class: "badge off" }, "SLOW"));
  const severity = severityBadge(node.worstSeverity, words);
  if (severity) out.push(severity);
  return out;
}

const STATUS_WORDS = { queued: "Queued", recording: "REC", completed: "Arriving", cached: "Stored", uploaded: "Uploaded", failed: "FAILED", cancelled: "Cancelled" };

export function recordingStatus(recording) {
  if (recording.deletedAt) return el("span", { class: "badge off" }, "IN TRASH");
  if (recording.status === "recording") return recBadge();
  if (recording.status === "failed") return el("span", { class: "badge" }, icon("warn"), "FAILED");
  if (recording.partial) return el("span", { class: "badge warn" }, icon("warn"), "PARTIAL");
  return el("span", { class: "t2" }, STATUS_WORDS[recording.status] || recording.status);
}

export function healthWord(status) {
  if (status === "critical") return severityBadge("critical");
  if (status === "warning") return el("span", { class: "c-warn row g1" }, icon("warn", "i-s"), "Warning");
  if (status === "healthy") return el("span", { class: "t2 row g1" }, icon("check", "i-s"), "Healthy");
  return el("span", { class: "t3" }, "Unknown");
}

export function eventGlyph(severity) {
  return { cls: severity === "critical" ? "crit" : severity === "warning" ? "warn" : "", name: severity === "critical" ? "crit" : severity === "warning" ? "warn" : "pulse" };
}

/** "agent.disk.low" → "Disk low": the words of a health event's type, when it has no sentence. */
export function eventTitle(event) {
  const words = event.type.split(".").slice(1).join(" ").replace(/_/g, " ");
  const channel = event.channelIndex ? ` on channel ${event.channelIndex}` : "";
  return words.charAt(0).toUpperCase() + words.slice(1) + channel;
}
