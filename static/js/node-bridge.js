// The bridge of one interface at a time, fed by `meters:<node>`.

import { el, fill, press, text } from "./dom.js";
import { framesOf } from "./levels.js";
import { Bridge } from "./meters.js";
import { Meter } from "./ballistics.js";
import { interfaceName, roleOf } from "./nodes.js";
import { live } from "./socket.js";

const seg = document.getElementById("interfaces");
const box = document.getElementById("bridge");
let bridge = null;
let shown = null;
let chosen = null;
let leave = null;

const channels = (i) => (i.channels?.length ? i.channels : Array.from({ length: i.channelCount || 0 }, (_, k) => ({ index: k + 1 })));

live.onMeters((frame) => take(frame, 0));

function take(frame, ageMs) {
  if (bridge && frame.interfaceId === shown.id) bridge.meter.push(frame, performance.now(), { ageMs, slots: shown.slots });
}

export function clearClips() {
  bridge?.clearClips();
}

/** Draws the chosen interface of `node`; rebuilt only when its channels changed. */
export function showBridge(node) {
  const usable = (node.interfaces || []).filter((i) => i.enabled !== false && channels(i).length);
  const at = usable.find((i) => i.id === chosen) || usable[0];
  seg.hidden = usable.length < 2;
  if (seg.dataset.key !== usable.map((i) => i.id + interfaceName(i)).join()) {
    seg.dataset.key = usable.map((i) => i.id + interfaceName(i)).join();
    seg.replaceChildren(...usable.map((i) => el("button", { type: "button", "data-id": i.id, onclick: () => { chosen = i.id; showBridge(node); } }, interfaceName(i))));
  }
  press(seg, (b) => b.dataset.id === at?.id);
  document.getElementById("bridge-box").hidden = !at;
  empty(node, Boolean(at));
  if (!at) return;
  leave ??= live.subscribe(`meters:${node.id}`, { onSnapshot: (data) => { for (const frame of framesOf(data)) take(frame, frame.ageMs); } });
  build(at);
}

function build(at) {
  const rate = at.sampleRate || at.sampleRates?.[0];
  text(document.getElementById("interface-facts"), [interfaceName(at), rate ? `${rate / 1000} kHz` : ""].filter(Boolean).join(", "));
  const list = channels(at);
  const key = JSON.stringify([at.id, list.map((c) => [c.index, c.alias, roleOf(c)])]);
  if (shown?.key === key) return;
  bridge?.destroy();
  const slots = [];
  list.forEach((c, slot) => { slots[c.index - 1] = slot; });
  shown = { id: at.id, key, slots };
  box.setAttribute("aria-label", `Meter bridge, ${list.length} channels`);
  bridge = new Bridge(box, new Meter(list.map((c) => ({ label: c.alias || "", role: roleOf(c) }))), list.map((c) => c.index));
}

function empty(node, filled) {
  const none = document.getElementById("bridge-none");
  none.hidden = filled;
  if (filled) return;
  const off = (node.interfaces || []).some((i) => i.enabled === false);
  fill(none, off
    ? { title: "Every interface is off", words: "Edit one under Interfaces and let it listen again." }
    : { title: "No device yet", words: node.lastSeenAt ? "The agent has found no audio device on that machine. Plug one in; it is picked up within a minute." : "This node has never come online. Paste the command from its enrolment on that machine." });
}

document.getElementById("clear-clips").addEventListener("click", clearClips);
document.getElementById("clear-max").addEventListener("click", () => bridge?.meter.clearMaxima());
