// The program link: what everybody sees of it, and a director's tools. Recordings: what runs, and starting one.

import { ApiError, del, get, post } from "../api.js";
import { allow } from "../actions.js";
import { $, arm, complain, copy, fill, text } from "../dom.js";
import { startRecord } from "../record-dialog.js";
import { may } from "../shell.js";
import { room } from "./store.js";

const by = (name) => document.getElementById(name);
const box = by("p-output");
let known = null;
let generation = null;
const record = startRecord();

async function read() {
  try {
    known = (await get("/control-room/program-link")).data;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    known = null;
  }
  paintTools();
}

/** Absolute, whatever the server says it is relative to. */
const address = () => new URL(known.url, location.origin).href;

function paintTools() {
  const on = Boolean(known?.enabled && known.url);
  by("link-tools").hidden = !room.director;
  allow(by("link-copy"), on, "The program link is off. Make a new link first.");
  by("link-open").hidden = !on;
  if (on) by("link-open").href = address();
  by("link-off").hidden = !on;
  text($(".lb", by("link-rotate")), on ? "New link" : "Make a link");
}

/** Recordings are started by whoever may anywhere, or whose role commands the output, while nobody else holds it. */
function paintRecord() {
  const entitled = may("recording:create") || room.mine.commands.includes("output");
  const why = entitled ? room.held("output") : "Your role here starts no recordings, and you hold no role with recording:create.";
  allow(record, !why, why);
}

export function paintOutput() {
  paintRecord();
  const link = room.view.programLink;
  box.hidden = !link;
  if (!link) return;
  fill(box, { link: link.enabled ? `on, generation ${link.generation}` : "off" });
  const now = `${link.enabled}|${link.generation}|${room.director}`;
  if (now === generation) return;
  generation = now;
  if (room.director) read();
  else paintTools();
}

by("link-copy").addEventListener("click", () => copy(address(), "Program link"));
const act = async (what, send) => {
  try {
    await send();
    await read();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    complain(what, error);
  }
};
arm(by("link-rotate"), () => act("There is no new link", () => post("/control-room/program-link/rotate", {}, { key: null })));
arm(by("link-off"), () => act("The link was not turned off", () => del("/control-room/program-link")));
// What is recorded is in the status of every page.
addEventListener("status", ({ detail }) => { $('[data-count="none-recording"]').hidden = Boolean(detail.recordings?.recording); });
