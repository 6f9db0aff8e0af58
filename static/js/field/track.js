// The way a device went: positions from the log, then those that come live, oldest first and bounded.

import { get } from "../api.js";

const MOST = 3600;
const PAGES = 20;

export class Track {
  constructor(sessionId) {
    this.sessionId = sessionId;
    this.samples = [];
  }

  /** Reads what is stored; whoever may not see it gets an empty track. */
  async load() {
    let cursor;
    for (let page = 0; page < PAGES; page += 1) {
      const { data, meta } = await get(`/sessions/${this.sessionId}/telemetry`, { limit: 200, cursor });
      for (const sample of data) this.add(sample);
      cursor = meta.nextCursor;
      if (!cursor) break;
    }
    return this;
  }

  add(sample) {
    if (!sample?.point || !sample.capturedAt) return false;
    if (this.samples.some((s) => s.capturedAt === sample.capturedAt)) return false;
    this.samples.push(sample);
    this.samples.sort((a, b) => (a.capturedAt < b.capturedAt ? -1 : 1));
    if (this.samples.length > MOST) this.samples.shift();
    return true;
  }

  get last() {
    return this.samples.at(-1) || null;
  }

  get points() {
    return this.samples.map((s) => s.point);
  }
}
