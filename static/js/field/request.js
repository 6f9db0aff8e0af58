// The form that asks for video from a place: place, time, price before it is asked.

import { ApiError, get, post } from "../api.js";
import { $, complain, debounce, el, fill, setAttr, text } from "../dom.js";
import { onSubmit } from "../forms.js";
import { humanise } from "../format.js";
import { serverNow } from "../now.js";
import { parsePoint } from "./geo.js";
import { here } from "./here.js";
import { mine } from "./mine.js";
import { percent, usdc } from "./money.js";
import { KIND_LIST, refusal } from "./words.js";

const box = document.getElementById("request");
const form = document.getElementById("request-form");
const opener = document.getElementById("request-open");
// A quote lasts 30 s; one that is nearly over is asked for again before it is used.
const SPARE_MS = 3000;
let quote = null;
let asked = 0;
let denied = false;
let moved = () => {};

const environment = () => (form.elements.test.checked ? "TEST" : "LIVE");
const seconds = () => Math.round(Number(form.elements.maxDurationSeconds.value) * 60);
const radius = () => Number(form.elements.geofenceRadiusMeters.value);
export const point = () => parsePoint(form.elements.point.value);

/** What the map draws of the form. */
export function drawn() {
  const at = point();
  if (box.hidden || !at) return [];
  return [{ kind: "circle", at, meters: radius() || 100 }, { kind: "point", at, shape: "want", label: form.elements.label.value || "here" }];
}

export function pick(at) {
  form.elements.point.value = `${at.lat}, ${at.lng}`;
  changed();
}

export const isOpen = () => !box.hidden;

export function open(show) {
  box.hidden = !show;
  setAttr(opener, "aria-expanded", String(show));
  if (show) form.elements.point.focus();
  moved();
}

/* The price */

function showQuote(words = "") {
  const note = document.getElementById("quote-note");
  note.hidden = !words;
  text(note, words);
  const factors = quote && ["supply", "demand", "corridor"].map((f) => [f, quote[`${f}FactorBps`]]).filter(([, bps]) => bps !== 10000);
  fill(document.getElementById("quote"), {
    total: quote ? `${usdc(quote.estimatedTotalMicroUsdc)} USDC` : "—", rate: quote ? `${usdc(quote.ratePerSecondMicroUsdc)} a second` : "—", fee: quote ? percent(quote.feeBps) : "—",
    factors: !quote ? "—" : factors.length ? factors.map(([f, bps]) => `${f} × ${(bps / 10000).toFixed(2)}`).join(", ") : `base ${usdc(quote.baseRatePerSecondMicroUsdc)}`,
  });
}

async function ask() {
  const at = point();
  const length = seconds();
  if (!at || !(length >= 10 && length <= 86400)) {
    quote = null;
    showQuote(at ? "Between 10 seconds and 24 hours." : "");
    return null;
  }
  const turn = (asked += 1);
  try {
    const { data } = await get("/pricing/quote", { lat: at.lat, lng: at.lng, durationSeconds: length, workspaceId: mine.chosen("CONSUMER")?.id, environment: environment() });
    const made = { ...data, forSeconds: length, forWorld: environment() };
    if (turn === asked) {
      quote = made;
      showQuote();
    }
    return made;
  } catch (error) {
    denied = error.status === 403;
    if (turn === asked) {
      quote = null;
      showQuote(denied ? "You may not see prices here; the price of the moment applies." : error.message);
    }
    return null;
  }
}

const askSoon = debounce(ask, 250);

function changed() {
  moved();
  askSoon();
}

/** The quote that goes with the request: one that was seen and still holds; null only where prices may not be seen. Nobody pays more than they read. */
async function current() {
  const seen = quote;
  if (seen && seen.forSeconds === seconds() && seen.forWorld === environment() && new Date(seen.expiresAt).getTime() - serverNow() > SPARE_MS) return seen;
  const fresh = await ask();
  if (!fresh && !denied) throw notYet("The price could not be read, so nothing was requested. Try again.", "maxDurationSeconds");
  if (fresh && !seen) throw notYet("The price is shown below now; press Request again to take it.", "maxDurationSeconds");
  if (fresh && BigInt(fresh.ratePerSecondMicroUsdc) > BigInt(seen.ratePerSecondMicroUsdc)) throw notYet("The price went up while you looked. It is shown below; press Request again to take it.", "maxDurationSeconds");
  return fresh;
}

/* Asking */

function body(f, workspace) {
  const out = {
    point: point(), maxDurationSeconds: seconds(), geofenceRadiusMeters: radius(), mode: f.mode.value, record: f.record.checked, environment: environment(), workspaceId: workspace.id,
  };
  if (f.label.value.trim()) out.label = f.label.value.trim();
  if (f.waitTimeoutSeconds.value) out.waitTimeoutSeconds = Number(f.waitTimeoutSeconds.value);
  if (f.requiredTrustTier.value) out.requiredTrustTier = Number(f.requiredTrustTier.value);
  const kinds = [...form.querySelectorAll("[name=kinds]:checked")].map((k) => k.value);
  if (kinds.length) out.kinds = kinds;
  return out;
}

const PLACES = { quote_expired: "maxDurationSeconds", quote_mismatch: "point", trust_tier_unsupported: "requiredTrustTier" };

async function submit(f) {
  const workspace = mine.chosen("CONSUMER");
  if (!point()) throw notYet("Press the map, or give latitude and longitude in degrees, as 56.95, 24.10.");
  const price = await current();
  try {
    const { data } = await post("/sessions", { ...body(f, workspace), ...(price ? { quoteId: price.quoteId } : {}) });
    location.assign(`/sessions/${data.id}`);
  } catch (error) {
    if (error.code === "quote_expired" || error.code === "quote_used" || error.code === "quote_mismatch") await ask();
    error.message = refusal(error);
    throw error;
  }
}

function notYet(message, path = "point") {
  return new ApiError({ code: "validation_failed", message, data: { errors: [{ path, message }] } });
}

export function startRequest(onMoved) {
  moved = onMoved;
  document.getElementById("rq-kinds").replaceChildren(...KIND_LIST.map(([value, words]) => el("label", { class: "ckl" }, el("input", { class: "ck", type: "checkbox", name: "kinds", value }), el("span", {}, humanise(words)))));
  for (const name of ["point", "maxDurationSeconds", "geofenceRadiusMeters", "label", "test"]) form.elements[name].addEventListener("input", changed);
  onSubmit(form, submit, PLACES);
  opener.addEventListener("click", () => open(box.hidden));
  document.getElementById("request-close").addEventListener("click", () => { open(false); opener.focus(); });
  document.getElementById("rq-here").addEventListener("click", async () => {
    try {
      pick((await here()).point);
    } catch (error) {
      complain("Where you are is not known", { message: error.message, status: 0 });
    }
  });
  form.addEventListener("keydown", (event) => { if (event.key === "Escape") open(false); });
  // A price on the screen is kept true while somebody thinks.
  setInterval(() => { if (!box.hidden && !document.hidden && quote && new Date(quote.expiresAt).getTime() - serverNow() < SPARE_MS) ask(); }, 1000);
  $("#request-form details").addEventListener("toggle", moved);
}
