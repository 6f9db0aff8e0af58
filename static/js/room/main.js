// The control room's screen: composes its parts, paints what changed, and hears the keys.

import { allow } from "../actions.js";
import { $, $$ } from "../dom.js";
import { command } from "../keys.js";
import { live } from "../socket.js";
import { paintCaptions } from "./captions.js";
import { paintGraphics } from "./graphics.js";
import { noteChange, readHistory } from "./history.js";
import { paintLocks } from "./locks.js";
import { paintMonitors } from "./monitors.js";
import { paintOutput } from "./output.js";
import { noLongerDirector, paintPeople } from "./people.js";
import { paintReplay, markIn, markOut, playPause } from "./replay.js";
import { paintSound, toggleMute } from "./sound.js";
import { paintSources } from "./sources.js";
import { guest, room } from "./store.js";
import { cut, paintKeys, previewNumber, take } from "./switching.js";

const by = (name) => document.getElementById(name);
const HISTORY_PLACES = [by("history-aside"), by("p-history")];

function paint() {
  const { view } = room;
  by("wait").hidden = true;
  by("deck").hidden = false;
  const produces = "program" in view;
  by("production").hidden = !produces;
  by("deck").classList.toggle("side-r", produces);
  paintLocks();
  paintPeople();
  paintOutput();
  allow(by("invite-open"), room.director, "Only a director makes invites.");
  if (!room.director) noLongerDirector();
  // Without a production the history still has its place.
  if (!produces && by("p-history").parentElement !== HISTORY_PLACES[0]) HISTORY_PLACES[0].append(by("p-history"));
  if (!produces) return;
  paintSources();
  paintMonitors();
  paintKeys();
  paintSound();
  paintGraphics();
  paintCaptions();
  paintReplay();
}

room.addEventListener("change", ({ detail }) => {
  noteChange(detail);
  paint();
});
room.addEventListener("actions", () => { if (room.state) paint(); });

// A button pressed by a pointer gives the keyboard back, so that the next Enter cuts instead of pressing it again; an armed one waits for its second press.
document.addEventListener("click", (event) => {
  const button = event.detail > 0 && event.target.closest("main button");
  if (button && !("armed" in button.dataset)) button.blur();
});

const produced = (act) => () => { if (room.state && "program" in room.state) act(); };
for (let n = 1; n <= 9; n += 1) command(String(n), `Preview source ${n}`, produced(() => previewNumber(n)), { glyph: "cam", hidden: n > 1 });
command("0", "Preview the slate", produced(() => previewNumber(0)), { glyph: "title" });
command("Enter", "Cut", produced(cut), { glyph: "cut" });
command(" ", "Take", produced(take), { glyph: "take" });
command("m", "Mute what is on program", produced(toggleMute), { glyph: "muted" });
command("i", "Mark in", produced(markIn), { glyph: "replay" });
command("o", "Mark out", produced(markOut), { glyph: "replay" });
command("p", "Play or pause the replay", produced(playPause), { glyph: "play" });
command("c", "Write a caption", produced(() => by("cc-text").focus()), { glyph: "cc" });
command("t", "Write a lower third", produced(() => by("lt-title").focus()), { glyph: "title" });

// Exports are for users; a guest reads here.
if (guest) for (const node of $$("[data-users]")) node.hidden = true;
live.addEventListener("state", () => { if (live.state === "live" && !room.known) room.readMe(); });
$("#main").dataset.room = "";
room.start();
readHistory();
