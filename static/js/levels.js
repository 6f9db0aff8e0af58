// Levels of whole nodes for tiles and rows: follows `meters:<id>` while the node's picture is on screen.

import { Meter } from "./ballistics.js";
import { channelsOf } from "./nodes.js";
import { live } from "./socket.js";

// interfaceId → those who show it: the same node may stand in two lists.
const sources = new Map();

/** The JSON form of frames (06 §9) in a `meters:` snapshot, as the binary ones look after decoding. */
export function framesOf(data) {
  return (data.frames || []).map((f) => {
    const channels = [];
    for (const l of f.levels) channels[l.channelIndex - 1] = { rms: l.rmsDbfs, peak: l.peakDbfs, clipping: Boolean(l.clipping), stuckRunMs: l.stuckRunMs ?? 0 };
    return { kind: 1, interfaceId: f.interfaceId, ageMs: f.ageMs ?? 0, channels };
  });
}

live.onMeters((frame) => {
  for (const levels of sources.get(frame.interfaceId) || []) levels.take(frame, performance.now());
});

/** One meter over all the interfaces of a node; `meter` has the channels in the node's order. */
export class NodeLevels {
  constructor(node) {
    this.id = node.id;
    this.shape(node);
  }

  /** Rebuilds the meter when interfaces or channels changed; true if it did. */
  shape(node) {
    const channels = channelsOf(node);
    const key = JSON.stringify(channels);
    if (key === this.key) return false;
    this.key = key;
    this.release();
    this.meter = new Meter(channels);
    this.slots = new Map();
    channels.forEach((c, slot) => {
      if (!this.slots.has(c.interfaceId)) this.slots.set(c.interfaceId, []);
      this.slots.get(c.interfaceId)[c.index - 1] = slot;
    });
    for (const id of this.slots.keys()) {
      if (!sources.has(id)) sources.set(id, new Set());
      sources.get(id).add(this);
    }
    return true;
  }

  take(frame, now, ageMs = 0) {
    const slots = this.slots.get(frame.interfaceId);
    if (slots) this.meter.push(frame, now, { ageMs, slots });
  }

  watch() {
    this.leave ??= live.subscribe(`meters:${this.id}`, { onSnapshot: (data) => this.first(data) });
  }

  /** The snapshot's newest features, so that a quiet wall isn't empty until the next frame. */
  first(data) {
    for (const frame of framesOf(data)) this.take(frame, performance.now(), frame.ageMs);
  }

  unwatch() {
    this.leave?.();
    this.leave = null;
  }

  release() {
    for (const id of this.slots?.keys() || []) sources.get(id)?.delete(this);
  }

  destroy() {
    this.unwatch();
    this.release();
  }
}
