// The house's time: the server's clock as this browser knows it, and everything on the page that counts by it.

import { $$, text } from "./dom.js";
import { ago, clock } from "./format.js";

let skewMs = 0;

/** Called with `serverTime` of an answer; half a second of network is not worth correcting. */
export function learn(serverTime) {
  const skew = new Date(serverTime).getTime() - Date.now();
  skewMs = Math.abs(skew) > 1500 ? skew : 0;
}

export const serverNow = () => Date.now() + skewMs;

/** `[data-since]` runs as 00:12:41, `[data-ago]` as "2 min ago". */
function tick() {
  const now = serverNow();
  for (const node of $$("[data-since]")) text(node, clock((now - new Date(node.dataset.since).getTime()) / 1000));
  for (const node of $$("[data-ago]")) text(node, ago(node.dataset.ago, now));
}

setInterval(tick, 500);
