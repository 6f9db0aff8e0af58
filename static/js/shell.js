// What is around every page: counts, connection, clock, theme, keys. Does nothing until `boot.js` starts it.

import { Answers } from "./answers.js";
import { ApiError, get, post, signOut } from "./api.js";
import { $, $$, complain, debounce, fill, icon, setAttr, text } from "./dom.js";
import { plural, time, utc } from "./format.js";
import { command, startKeys } from "./keys.js";
import { learn } from "./now.js";
import { followOnAir } from "./on-air.js";
import { live } from "./socket.js";

const THEME_SECONDS = 365 * 86400;
const POLL_MS = 30000;
const statuses = new Answers();

/** Whether the person holds a permission anywhere; the server decides again on every call. */
export const may = (permission) => document.body.dataset.permissions.split(" ").includes(permission);

/** Until then nothing but the account answers. */
export const mustChangePassword = "mustChangePassword" in document.body.dataset;

export function setTheme(theme) {
  const root = document.documentElement;
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.cookie = `tr_theme=${theme || ""}; path=/; samesite=lax; max-age=${theme ? THEME_SECONDS : 0}`;
  dispatchEvent(new Event("themechange"));
}

export const theme = () => document.documentElement.dataset.theme || "";

function toggleTheme() {
  const now = theme() || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
  setTheme(now === "light" ? "dark" : "light");
}

function badge(name, n, words, glyph) {
  for (const node of $$(`[data-count="${name}"]`)) {
    node.hidden = !n;
    if (!n) continue;
    node.replaceChildren(...(glyph ? [icon(glyph)] : []), glyph ? String(n) : words);
    setAttr(node, "aria-label", glyph ? words : null);
  }
}

function showDegraded(what) {
  const banner = $("#degraded");
  banner.hidden = !what;
  fill(banner, { what: `${what} What is recording goes on by itself.` });
}

function showStatus(status) {
  if (status.serverTime) learn(status.serverTime);
  const recording = status.recordings?.recording ?? 0;
  badge("recording", recording, `REC ${recording}`);
  badge("critical", status.health?.critical, plural(status.health?.critical, "critical alarm"), "crit");
  badge("warning", status.health?.warning, plural(status.health?.warning, "warning"), "warn");
  badge("offline", status.nodes?.offline, `${status.nodes?.offline} OFFLINE`);
  const quiet = !recording && !status.health?.critical && !status.health?.warning && !status.nodes?.offline;
  for (const node of $$('[data-count="quiet"]')) node.hidden = !quiet;
  for (const node of $$('[data-count="nodes"]')) text(node, status.nodes?.total ? String(status.nodes.total) : "");
  const down = status.degraded || [];
  showDegraded(down.length ? `Not answering: ${down.join(", ")}.` : "");
  dispatchEvent(new CustomEvent("status", { detail: status }));
}

async function refreshStatus() {
  if (!may("node:read")) return;
  try {
    const answer = await statuses.next(get("/status"));
    if (answer) showStatus(answer.data);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status >= 500) showDegraded(error.message);
  }
}

const CONNECTION = {
  off: ["clock", "Connecting"], connecting: ["clock", "Connecting"], live: ["check", "Live"], lost: ["offline", "Lost"], refused: ["lock", "Signed out"],
};

function showConnection() {
  const [glyph, words] = CONNECTION[live.state];
  const box = $("#connection");
  const lost = live.lostAt !== null;
  box.firstElementChild.replaceWith(icon(glyph, "i-s"));
  fill(box, { words: lost && live.state === "connecting" ? "Reconnecting" : words, seq: live.state === "live" && live.seq !== null ? `seq ${live.seq}` : null });
  box.classList.toggle("lost", lost);
  const banner = $("#stale");
  banner.hidden = !lost;
  if (lost) fill(banner, { since: `Stale since ${time(live.lostAt)}` });
  document.body.classList.toggle("stale-page", lost);
}

function tick() {
  const now = new Date();
  const clock = $("#clock");
  text(clock, time(now));
  clock.title = utc(now.toISOString()).slice(0, 19) + " UTC";
  setTimeout(tick, 1000 - (Date.now() % 1000) + 5);
}

/** The default where a request names no workspace; it gives no permission. */
function startSwitch() {
  const select = document.getElementById("workspace");
  const before = select?.value;
  select?.addEventListener("change", async () => {
    try {
      await post("/auth/workspace/select", { workspaceId: select.value }, { key: null });
      location.reload();
    } catch (error) {
      select.value = before;
      complain("The workspace was not chosen", error);
    }
  });
}

/** Re-reads the counts soon; the topics of this page call it on their changes too. */
export const statusSoon = debounce(refreshStatus, 700);

export function start() {
  startKeys();
  command(null, "Light or dark", toggleTheme, { glyph: "sun" });
  command(null, "Sign out", signOut, { glyph: "lock" });
  $("#theme").addEventListener("click", toggleTheme);
  $("#retry").addEventListener("click", () => live.retryNow());
  startSwitch();
  tick();
  if (mustChangePassword) return;
  live.addEventListener("state", showConnection);
  live.addEventListener("denied", debounce(() => location.reload(), 100));
  live.addEventListener("seq", debounce(showConnection, 100));
  live.addEventListener("state", () => { if (live.state === "live") statusSoon(); });
  for (const [topic, permission] of [["nodes", "node:read"], ["recordings", "recording:read"], ["health", "health:read"]]) if (may(permission)) live.subscribe(topic, { onEvent: statusSoon });
  if (may("control-room:read")) followOnAir();
  live.start();
  refreshStatus();
  setInterval(() => { if (!document.hidden) refreshStatus(); }, POLL_MS);
}
