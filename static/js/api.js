// The REST client of the console: one envelope in, one flat error out (`/api/v1`, cookie sign-in, CSRF).

const BASE = "/api/v1";

/** An answer that is not 2xx, or no answer at all (`code: "unreachable"`, `status: 0`). */
export class ApiError extends Error {
  constructor({ code, message, status = 0, transient = false, data = null, requestId = null, retryAfterSeconds = null }) {
    super(message);
    Object.assign(this, { code, status, transient, data, requestId, retryAfterSeconds });
  }

  /** `{field: sentence}` of a 400 `validation_failed`; keys are the paths of the body. */
  get fields() {
    const out = {};
    for (const e of this.data?.errors || []) out[Array.isArray(e.path) ? e.path.join(".") : e.path] ??= e.message;
    return out;
  }
}

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content || "";
let csrf = meta("csrf-token");

/** A sign-in changes the token; the answer carries the new one. */
export function useCsrf(token) {
  if (token) csrf = token;
}

/** Repeat-safe id for a write: the same key for each try of the same act. */
export const newKey = () => crypto.randomUUID?.() || [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

export function url(path, query) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query || {})) {
    for (const v of Array.isArray(value) ? value : [value]) if (v !== undefined && v !== null && v !== "") params.append(name, v);
  }
  const text = params.toString();
  return `${BASE}${path}${text ? `?${text}` : ""}`;
}

function headersFor(method, { body, key, ifMatch }) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && method !== "HEAD") headers["X-CSRFToken"] = csrf;
  if (key && (method === "POST" || method === "PATCH")) headers["Idempotency-Key"] = key;
  if (ifMatch) headers["If-Match"] = ifMatch;
  return headers;
}

async function failure(response) {
  let body = null;
  try {
    body = await response.json();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return new ApiError({
    code: body?.code || `http_${response.status}`,
    message: body?.message || `The control room answered ${response.status}. Try again; if it stays, tell whoever runs it.`,
    status: response.status,
    transient: Boolean(body?.transient),
    data: body?.data ?? null,
    requestId: response.headers.get("Request-Id"),
    retryAfterSeconds: Number(response.headers.get("Retry-After")) || null,
  });
}

// On the way to where one gets in, once: a navigation that is asked for again starts anew, and who signs out is not to come back here after.
let leaving = false;
addEventListener("pageshow", () => { leaving = false; });

/** Ends this sign-in and leaves for a new one. */
export async function signOut() {
  leaving = true;
  try {
    await call("POST", "/auth/logout", { body: {} });
    location.assign("/sign-in");
  } catch (error) {
    leaving = false;
    throw error;
  }
}

/** Leaves for where one gets in, and back here then. A guest's way in is their link, not a password. */
export function getInAgain() {
  if (leaving) return;
  leaving = true;
  if ("guest" in document.body.dataset) location.assign("/join");
  else location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** Where a person must go before anything else can work. The page is being left then (`error.leaving`), so nobody complains about it. */
function detour(error) {
  if (error.status === 401 && !/^\/(sign-in|join)/.test(location.pathname)) {
    error.leaving = true;
    getInAgain();
  } else if (error.code === "password_change_required" && location.pathname !== "/account") {
    error.leaving = true;
    location.assign("/account");
  }
}

/** → `{data, meta, etag, status, location, date}`, or with `blob` the file itself; throws ApiError. `signal` aborts silently (AbortError). */
export async function call(method, path, options = {}) {
  let response;
  try {
    response = await fetch(url(path, options.query), {
      method,
      headers: headersFor(method, options),
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      credentials: "same-origin",
      signal: options.signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ code: "unreachable", message: "The control room didn’t answer. Nothing was changed; try again.", transient: true });
  }
  if (!response.ok) {
    const error = await failure(response);
    detour(error);
    throw error;
  }
  if (options.blob) return response.blob();
  const body = response.status === 204 ? null : await response.json();
  return { data: body?.data ?? null, meta: body?.meta ?? null, etag: response.headers.get("ETag"), status: response.status, location: response.headers.get("Location"), date: response.headers.get("Date") };
}

export const get = (path, query, options) => call("GET", path, { query, ...options });
export const post = (path, body = {}, options) => call("POST", path, { body, key: newKey(), ...options });
export const patch = (path, body, options) => call("PATCH", path, { body, key: newKey(), ...options });
export const put = (path, body, options) => call("PUT", path, { body, ...options });
export const del = (path, options) => call("DELETE", path, options);

/** Every row of a short list: follows cursors up to `most` rows. */
export async function all(path, query = {}, most = 1000) {
  const rows = [];
  let cursor;
  do {
    const page = await get(path, { limit: 200, ...query, cursor });
    rows.push(...page.data);
    cursor = page.meta?.nextCursor;
  } while (cursor && rows.length < most);
  return rows;
}
