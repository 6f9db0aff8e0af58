// The fleet as the browser knows it: rows by REST at once, then the topic `nodes`; ranked worst first.

import { Followed } from "./answers.js";
import { all } from "./api.js";
import { live } from "./socket.js";

const RANK = { critical: 0, alerting: 0, offline: 1, degraded: 3, recording: 4, online: 5 };

/** 0 is worst: critical, offline while it should record, offline, warning, recording, idle, retired. */
export function rank(node) {
  if (node.retiredAt) return 9;
  if (node.worstSeverity === "critical") return 0;
  if (node.status === "offline") return node.intent > 0 ? 1 : 2;
  if (node.worstSeverity === "warning") return 3;
  return RANK[node.status] ?? 6;
}

export const worstFirst = (a, b) => rank(a) - rank(b) || a.alias.localeCompare(b.alias) || a.id.localeCompare(b.id);

export const siteName = (node) => node.location?.siteName || "";

export function place(node) {
  const at = node.location || {};
  return [siteName(node), at.building, at.floor, at.room].filter(Boolean).join(", ");
}

const usable = (i) => i.enabled !== false;

/** Channels of every enabled interface, in order: `[{interfaceId, index, label, role}]`. */
export function channelsOf(node) {
  return (node.interfaces || []).filter(usable).flatMap((i) => (i.channels?.length ? i.channels : blank(i)).map((c) => ({ interfaceId: i.id, index: c.index, label: c.alias || "", role: roleOf(c) })));
}

/** What is asked of a channel: set by a person, else by the channel map. */
export const roleOf = (c) => c.effectiveRole || c.role || "optional";

const blank = (i) => Array.from({ length: i.channelCount || 0 }, (_, k) => ({ index: k + 1 }));

export const interfaceName = (i) => i.alias || i.systemName || i.systemRef || "Interface";

class Fleet extends EventTarget {
  constructor() {
    super();
    this.byId = new Map();
    this.loaded = false;
    this.error = null;
    this.followed = new Followed((rows) => this.replace(rows), (row) => this.change(row));
  }

  start(query = {}) {
    this.query = query;
    this.load();
    this.leave = live.subscribe("nodes", {
      onSnapshot: (data) => this.followed.snapshot(data.nodes),
      onEvent: (name, row) => this.followed.told(row),
    });
  }

  async load() {
    try {
      await this.followed.read(all("/nodes", this.query));
      this.error = null;
    } catch (error) {
      this.error = error;
      this.tell();
    }
  }

  replace(rows) {
    this.byId = new Map(rows.map((row) => [row.id, row]));
    this.loaded = true;
    this.tell();
  }

  /** A change carries the place only when it changed, and never the site's name: that depends on who reads. */
  change(row) {
    const old = this.byId.get(row.id);
    const moved = row.location && row.location.siteId !== old?.location?.siteId;
    this.byId.set(row.id, { ...old, ...row, location: { ...old?.location, ...row.location } });
    if (!old || moved) this.load();
    this.tell();
  }

  /** One repaint however many rows changed. */
  tell() {
    if (this.telling) return;
    this.telling = true;
    queueMicrotask(() => {
      this.telling = false;
      this.dispatchEvent(new Event("change"));
    });
  }

  get rows() {
    return [...this.byId.values()].filter((n) => !n.retiredAt).sort(worstFirst);
  }
}

export const fleet = new Fleet();
