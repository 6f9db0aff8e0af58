// What the publisher's page knows, and the two ways back to its resting states.

import { Meter } from "./meter.js";

export const id = document.body.dataset.session;
export const by = (name) => document.getElementById(name);

/** phase: loading, ready, starting, publishing, stopping, over, barred. `s` is the session as it was read last. */
export const state = { phase: "loading", s: null, tally: "off", publisher: null, beacon: null, stream: null, muted: false, silent: false, challenge: null };
export const meter = new Meter();
export const running = () => state.phase === "starting" || state.phase === "publishing";
export const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** Filled by `publish.js`: `ready(title, words)` shows Go live, `barred(title, words)` shows the way back. */
export const stage = { ready: null, barred: null };
