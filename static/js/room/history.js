// What was done in the room, newest first: read once, then by the changes themselves.

import { ApiError, get } from "../api.js";
import { el, keyed } from "../dom.js";
import { time, utc } from "../format.js";
import { room } from "./store.js";
import { eventWords } from "./words.js";

const MOST = 60;
const list = document.getElementById("history");
let rows = [];
let before = 0;

export async function readHistory() {
  try {
    const { data } = await get("/control-room/events", { limit: MOST });
    rows = merged(data);
    paint();
  } catch (error) {
    // The list fills from now on; the page says elsewhere when it can't read at all.
    if (!(error instanceof ApiError)) throw error;
  }
}

const merged = (more) => [...new Map([...rows, ...more].map((row) => [row.seq, row])).values()].sort((a, b) => b.seq - a.seq).slice(0, MOST);

export function noteChange(change) {
  if (change) {
    rows = merged([change]);
    paint();
  } else if (room.state.seq > before + 1) readHistory();
  before = room.state.seq;
}

function create(row) {
  const words = eventWords(row.event, row.data, room.state?.sources);
  const who = row.by?.kind === "system" || !row.by?.name || words.includes(row.by.name) ? "" : row.by.name;
  return el("li", {}, el("time", { datetime: row.at, title: utc(row.at), class: "t3 num" }, time(row.at)), el("span", {}, words, who ? el("span", { class: "t3" }, ` · ${who}`) : null));
}

function paint() {
  keyed(list, rows, (row) => row.seq, create);
}
