// The wall of meters: every node a tile, worst first; the same rows as a table.

import { allow } from "./actions.js";
import { all, del, post } from "./api.js";
import { nodeBadges } from "./badges.js";
import { $, clone, complain, debounce, fill, icon, keyed, press, setAttr, text, toast } from "./dom.js";
import { startEnrol } from "./enrol.js";
import { onSubmit } from "./forms.js";
import { ago, plural, time, utc } from "./format.js";
import { command } from "./keys.js";
import { channelsOf, fleet, place, siteName } from "./nodes.js";
import { serverNow } from "./now.js";
import { may } from "./shell.js";
import { forget, picture } from "./tile.js";

const VIEW = "tr-fleet-view";
const wall = document.getElementById("wall");
const filters = { q: document.getElementById("q"), site: document.getElementById("f-site"), status: document.getElementById("f-status") };

function matches(node) {
  const words = filters.q.value.trim().toLowerCase();
  if (filters.site.value && node.location?.siteId !== filters.site.value) return false;
  if (filters.status.value && node.status !== filters.status.value) return false;
  return !words || [node.alias, node.hostname, node.notes, place(node), ...(node.tags || [])].some((t) => t?.toLowerCase().includes(words));
}

/** One short sentence: what is wrong, or where it is. */
function sentence(node, meter) {
  if (node.status === "offline") return node.lastSeenAt ? (node.intent > 0 ? "Offline while recording" : "Offline") : "Never came online";
  const trouble = meter?.trouble(performance.now());
  if (trouble) return trouble;
  const n = channelsOf(node).filter((c) => c.role !== "unused").length;
  if (!n) return "No device reported yet";
  return node.liveness === "degraded" ? "Answers slowly" : plural(n, "channel");
}

function updateTile(tile, node) {
  const gone = node.status === "offline";
  const severe = node.worstSeverity === "critical" || (gone && node.intent > 0);
  tile.className = ["tile", severe ? "alarm" : node.worstSeverity === "warning" ? "alarm w" : "", gone ? "gone" : ""].filter(Boolean).join(" ");
  setAttr(tile, "href", `/nodes/${node.id}`);
  const meter = gone ? null : picture(tile, node).meter;
  $("canvas", tile).hidden = gone;
  setAttr($("canvas", tile), "aria-label", `Levels of ${node.alias}`);
  fill(tile, {
    alias: node.alias, badges: nodeBadges(node, false), sentence: sentence(node, meter), site: siteName(node),
    gone: gone ? [icon("offline"), node.lastSeenAt ? `Nothing since ${time(node.lastSeenAt)}` : "Waiting for its agent"] : null,
  });
  $('[data-f="gone"]', tile).title = utc(node.lastSeenAt);
}

function updateRow(tr, node) {
  fill(tr, {
    alias: node.alias, badges: nodeBadges(node), site: place(node) || "—", host: node.hostname || "—", channels: String(channelsOf(node).length),
    jobs: String(node.fact ?? 0), agent: node.agentVersion || "—", seen: node.lastSeenAt ? ago(node.lastSeenAt, serverNow()) : "never",
  });
  setAttr($("a", tr), "href", `/nodes/${node.id}`);
  const seen = $('[data-f="seen"]', tr);
  setAttr(seen, "data-ago", node.lastSeenAt);
  seen.title = utc(node.lastSeenAt);
}

function paint() {
  const rows = fleet.rows;
  const shown = rows.filter(matches);
  const asWall = !wall.hidden;
  if (asWall) keyed(wall, shown, (n) => n.id, () => clone("t-tile"), updateTile, forget);
  else keyed(document.getElementById("rows"), shown, (n) => n.id, () => clone("t-row"), updateRow);
  const recording = rows.filter((n) => n.fact > 0).length;
  const offline = rows.filter((n) => n.status === "offline").length;
  if (fleet.loaded) text(document.getElementById("sum"), [shown.length === rows.length ? plural(rows.length, "node") : `${shown.length} of ${plural(rows.length, "node")}`, recording && `${recording} recording`, offline && `${offline} offline`].filter(Boolean).join(", "));
  paintNone(rows, shown);
}

function paintNone(rows, shown) {
  const none = document.getElementById("none");
  const act = document.getElementById("none-act");
  none.hidden = !fleet.loaded || shown.length > 0;
  document.getElementById("table").classList.toggle("bare", shown.length === 0);
  if (none.hidden) return;
  if (rows.length) fill(none, { title: "No node matches", words: "Search for something else, or show all of them.", act: "Show all" });
  else fill(none, { title: "No node yet", words: "A node is a machine that records. Enrol one: the console gives you a single command to paste there.", act: "Enrol a node" });
  act.onclick = rows.length ? showAll : () => document.getElementById("enrol-open").click();
}

function showAll() {
  filters.q.value = filters.site.value = filters.status.value = "";
  filtered();
}

function filtered() {
  const params = new URLSearchParams();
  for (const [name, field] of Object.entries(filters)) if (field.value) params.set(name, field.value);
  history.replaceState(null, "", params.size ? `?${params}` : location.pathname);
  const query = new URLSearchParams();
  if (filters.q.value.trim().length > 1) query.set("search", filters.q.value.trim());
  if (filters.site.value) query.set("siteId", filters.site.value);
  if (filters.status.value) query.set("status", filters.status.value);
  document.getElementById("export").href = `/api/v1/nodes/export${query.size ? `?${query}` : ""}`;
  paint();
}

function setView(view) {
  localStorage.setItem(VIEW, view);
  press(document.getElementById("view"), (b) => b.dataset.view === view);
  wall.hidden = view !== "wall";
  document.getElementById("table").hidden = view !== "table";
  paint();
}

/* Sites */

let sites = [];

async function loadSites() {
  try {
    sites = await all("/sites");
  } catch (error) {
    complain("Sites could not be read", error);
    return;
  }
  const chosen = filters.site.value || new URLSearchParams(location.search).get("site") || "";
  filters.site.replaceChildren(new Option("All", ""), ...sites.map((s) => new Option(s.name, s.id)));
  filters.site.value = sites.some((s) => s.id === chosen) ? chosen : "";
  keyed(document.getElementById("site-list"), sites, (s) => s.id, createSite, (li, s) => {
    const n = [...fleet.byId.values()].filter((node) => node.location?.siteId === s.id).length;
    fill(li, { name: s.name, detail: `${s.timezone} · ${plural(n, "node")}` });
  });
  filtered();
}

function createSite(site) {
  const li = clone("t-site");
  $("button", li).addEventListener("click", async () => {
    try {
      await del(`/sites/${site.id}`);
      toast(`${site.name} deleted`);
      loadSites();
    } catch (error) {
      complain(`${site.name} was not deleted`, error);
    }
  });
  if (!may("node:manage")) allow($("button", li), false, "You need node:manage for this.");
  return li;
}

function startSites() {
  const dialog = document.getElementById("sites");
  const form = document.getElementById("site-form");
  document.getElementById("sites-open").addEventListener("click", () => {
    form.elements.timezone.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone;
    const zones = document.getElementById("zones");
    if (!zones.childElementCount) zones.append(...Intl.supportedValuesOf("timeZone").map((z) => new Option(z)));
    dialog.showModal();
    loadSites();
  });
  onSubmit(form, async (f) => {
    const name = f.name.value.trim();
    await post("/sites", { name, timezone: f.timezone.value.trim() });
    toast(`${name} added`);
    form.reset();
    loadSites();
  }, { duplicate_name: "name" });
  if (!may("node:manage")) allow($("button", form), false, "You need node:manage to add sites.");
}

/* Start */

const asked = new URLSearchParams(location.search);
filters.q.value = asked.get("q") || "";
filters.status.value = asked.get("status") || "";
filters.q.addEventListener("input", debounce(filtered, 120));
filters.site.addEventListener("change", filtered);
filters.status.addEventListener("change", filtered);
document.getElementById("view").addEventListener("click", (event) => { if (event.target.dataset.view) setView(event.target.dataset.view); });
fleet.addEventListener("change", () => {
  if (fleet.error) complain("The fleet could not be read", fleet.error);
  paint();
});
command("e", "Enrol a node", () => document.getElementById("enrol-open").click(), { glyph: "plus" });
startSites();
startEnrol(() => fleet.load());
setView(localStorage.getItem(VIEW) === "table" ? "table" : "wall");
fleet.start();
loadSites();
// The worst channel of a tile changes without any row changing.
setInterval(() => { if (fleet.loaded && !document.hidden) paint(); }, 2000);
