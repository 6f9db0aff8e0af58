// The fleet as the browser knows it: rows by REST at once, then the topic `nodes`; ranked worst first.

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

export const siteName = (node) => node.location?.siteName || node.location?.site?.name || "";

export function place(node) {
  const at = node.location || {};
  return [siteName(node), at.building, at.floor, at.room].filter(Boolean).join(", ");
}

const usable = (i) => i.enabled !== false;

/** Channels of every enabled interface, in order: `[{interfaceId, index, label, role}]`. */
export function channelsOf(node) {
  return (node.interfaces || []).filter(usable).flatMap((i) => (i.channels?.length ? i.channels : blank(i)).map((c) => ({ interfaceId: i.id, index: c.index, label: c.alias || "", role: c.role || c.effectiveRole || "optional" })));
}

const blank = (i) => Array.from({ length: i.channelCount || 0 }, (_, k) => ({ index: k + 1 }));

export const interfaceName = (i) => i.alias || i.systemName || i.systemRef || "Interface";

class Fleet extends EventTarget {
  constructor() {
    super();
    this.byId = new Map();
    this.loaded = false;
    this.error = null;
  }

  start(query = {}) {
    this.query = query;
    this.load();
    this.leave = live.subscribe("nodes", {
      onSnapshot: (data) => this.replace(data.nodes || data.rows || data.data || data),
      onEvent: (name, data) => this.change(name, data),
    });
  }

  async load() {
    try {
      this.replace(await all("/nodes", this.query));
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

  change(name, data) {
    const row = data.node || data;
    if (/removed|deleted|hidden/.test(name)) this.byId.delete(row.id);
    else this.byId.set(row.id, { ...this.byId.get(row.id), ...row });
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
