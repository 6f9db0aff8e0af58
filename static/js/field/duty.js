// On duty: this browser says every 5 s that a device is there and where. While nobody does, a device is OFFLINE and nothing is sent to it.

import { post } from "../api.js";
import { complain } from "../dom.js";
import { here } from "./here.js";

const EVERY_MS = 5000;

export class Duty {
  constructor(changed) {
    this.changed = changed;
    this.id = null;
    this.words = "";
  }

  toggle(id) {
    clearTimeout(this.timer);
    this.id = this.id === id ? null : id;
    this.words = "";
    this.quietly = false;
    if (this.id) this.beat();
    this.changed();
  }

  async beat() {
    const { id } = this;
    let place = null;
    try {
      place = await here(4000);
      this.words = "";
    } catch (error) {
      // A device without a fix stands where its home is.
      this.words = error.message;
    }
    if (this.id !== id) return;
    const body = place ? { point: place.point, accuracyMeters: place.accuracyMeters } : {};
    try {
      await post(`/device-operators/${id}/location`, { ...body, sequence: Date.now() }, { key: null });
      this.quietly = false;
    } catch (error) {
      if (error.code === "not_found" || error.status === 403) {
        this.id = null;
        complain("The device is not on duty any more", error);
      } else if (!this.quietly && error.code !== "sequence_replayed") {
        this.quietly = true;
        complain("The device could not say where it is", error);
      }
    }
    this.changed();
    if (this.id === id) this.timer = setTimeout(() => this.beat(), EVERY_MS);
  }
}
