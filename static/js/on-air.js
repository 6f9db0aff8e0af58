// What is on air and since when, in the bar of every page of whoever may see the control room. The slate on program is nothing on air.

import { $, text } from "./dom.js";
import { reduce } from "./room/reduce.js";
import { label } from "./room/words.js";
import { live } from "./socket.js";

let state = null;

function paint() {
  const box = $("#on-air");
  const { program, sources } = state || {};
  const on = Boolean(program) && program.source !== "slate";
  box.hidden = !on;
  if (!on) return;
  text($("[data-on]", box), `ON AIR ${label(program.source, sources)}`);
  $("[data-since]", box).dataset.since = program.since;
}

export function followOnAir() {
  live.subscribe("control-room", {
    onSnapshot: (data) => { state = data; paint(); },
    onEvent: (_event, _data, change) => {
      if (!state) return;
      state = reduce(state, change).state;
      paint();
    },
    onGone: () => { state = null; paint(); },
  });
}
