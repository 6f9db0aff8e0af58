// Words and figures as people read them: the viewer's zone, true minus, tabular durations. Pure; no DOM.

export const MINUS = "\u2212";
const two = (n) => String(n).padStart(2, "0");

/** 4364.2 → "01:12:44". Running clocks and positions; never negative. */
export function clock(seconds) {
  const s = Math.max(0, Math.floor(seconds || 0));
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** 4364 → "1 h 13 min". For estimates and lengths in sentences. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "—";
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
  const hours = Math.round(minutes / 60);
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${hours / 24} d`;
}

/** 11_200_000_000 → "11.2 GB". Decimal units, as disks are sold. */
export function bytes(n) {
  if (n === null || n === undefined) return "—";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let i = 0;
  let v = n;
  while (v >= 1000 && i < units.length - 1) {
    v /= 1000;
    i += 1;
  }
  return `${i === 0 || v >= 100 ? Math.round(v) : v.toFixed(1)} ${units[i]}`;
}

/** -3.14 → "−3.1"; below the scale "<−60"; nothing at all "−∞". */
export function db(value, digits = 1) {
  if (value === null || value === undefined || value <= -120) return `${MINUS}∞`;
  return value < -60 ? `<${MINUS}60` : signed(value, digits);
}

export function signed(value, digits = 1) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

const FORMATS = { "audio/mpeg": "MP3", "audio/flac": "FLAC", "audio/wav": "WAV", "audio/x-wav": "WAV", "audio/ogg": "Opus", "audio/webm": "Opus", "video/webm": "WebM", "video/x-matroska": "MKV", "video/mp4": "MP4" };

/** "FLAC 48 kHz, 2 channels" of a recording's file. */
export function fileFormat(file) {
  const name = FORMATS[file.mimeType] || (file.codec || "").toUpperCase();
  return [[name, file.sampleRate ? `${file.sampleRate / 1000} kHz` : ""].filter(Boolean).join(" "), file.channels ? plural(file.channels, "channel") : ""].filter(Boolean).join(", ");
}

const BROWSERS = [["Firefox", /Firefox\//], ["Edge", /Edg\//], ["Chrome", /Chrom(e|ium)\//], ["Safari", /Safari\//], ["curl", /curl\//], ["Python", /python/i]];
const SYSTEMS = [["Windows", /Windows/], ["Android", /Android/], ["iPhone", /iPhone|iPad/], ["macOS", /Mac OS X/], ["Linux", /Linux/]];
const named = (list, text) => list.find(([, pattern]) => pattern.test(text))?.[0];

/** "Firefox on Linux" of a user agent; what isn't known is shown as it came. */
export function browser(agent) {
  if (!agent) return "Unknown program";
  return [named(BROWSERS, agent) || agent.slice(0, 40), named(SYSTEMS, agent)].filter(Boolean).join(" on ");
}

export const count = (n) => Number(n).toLocaleString("en-GB");
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

const date = (iso) => (iso instanceof Date ? iso : new Date(iso));
const sameDay = (a, b) => a.toDateString() === b.toDateString();
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "18:04:12" in the viewer's zone. */
export const time = (iso) => (iso ? `${two(date(iso).getHours())}:${two(date(iso).getMinutes())}:${two(date(iso).getSeconds())}` : "—");
export const hm = (iso) => (iso ? time(iso).slice(0, 5) : "—");

/** "18:04:12" today, "31 Jan, 18:04" this year, "31 Jan 2025, 18:04" before. */
export function when(iso, now = new Date()) {
  if (!iso) return "—";
  const d = date(iso);
  if (sameDay(d, now)) return time(d);
  const day = `${d.getDate()} ${MONTHS[d.getMonth()]}`;
  return d.getFullYear() === now.getFullYear() ? `${day}, ${hm(d)}` : `${day} ${d.getFullYear()}, ${hm(d)}`;
}

export function day(iso) {
  const d = date(iso);
  return `${d.getDate()} ${MONTHS[d.getMonth()]} ${d.getFullYear()}`;
}

/** "2 min": how long ago; "now" below two seconds. */
export function age(iso, now = Date.now()) {
  if (!iso) return "never";
  const s = (now - date(iso).getTime()) / 1000;
  return s < 2 ? "now" : duration(s);
}

export const ago = (iso, now) => {
  const text = age(iso, now);
  return text === "now" || text === "never" ? text : `${text} ago`;
};

/** What a time's `title` says: the exact instant, in UTC. */
export const utc = (iso) => (iso ? `${date(iso).toISOString().replace("T", " ").slice(0, 23)} UTC` : "");

export const short = (id) => (id && id.length > 14 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id || "—");

export function initials(name) {
  const parts = String(name || "?").split(/[\s.@_-]+/).filter(Boolean);
  return ((parts[0]?.[0] || "?") + (parts.length > 1 ? parts[1][0] : "")).toUpperCase();
}

/** "recording_read" or "recordingRead" → "Recording read". */
export function humanise(word) {
  const text = String(word || "").replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[_.-]+/g, " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
