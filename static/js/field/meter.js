// Seconds and money while a session runs: what the last tick said, and how old that is. Nothing is counted on here by guessing.

import { serverNow } from "../now.js";

const STALE_MS = 3000;

export class Meter {
  constructor() {
    this.at = 0;
    this.values = null;
  }

  /** Takes what carries seconds: a tick of the socket, a meter record or a session. */
  take(source) {
    if (source?.cleanSeconds === undefined || source.cleanSeconds === null) return;
    this.values = {
      clean: source.cleanSeconds, failed: source.failedSeconds ?? 0, metered: source.meteredSeconds ?? source.cleanSeconds + (source.failedSeconds ?? 0),
      gross: source.grossMicroUsdc ?? source.chargedMicroUsdc ?? null, earned: source.operatorMicroUsdc ?? source.operatorEarnedMicroUsdc ?? null, fee: source.feeMicroUsdc ?? null,
      final: Boolean(source.meterFinal ?? source.final),
    };
    this.at = serverNow();
  }

  get stale() {
    return Boolean(this.values) && !this.values.final && serverNow() - this.at > STALE_MS;
  }
}
