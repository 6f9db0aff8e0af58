// Signing in: a cookie, never a token, comes back. What was typed stays when it is refused.

import { paint } from "./art.js";
import { ApiError, get, post, url } from "./api.js";
import { $, debounce, fill } from "./dom.js";
import { markErrors } from "./forms.js";
import { signChallenge } from "./wallet-sign.js";

const form = document.getElementById("sign-in");
const button = $("button[type=submit]", form);
const refused = document.getElementById("refused");

function refuse(sentence) {
  refused.hidden = !sentence;
  $("span", refused).textContent = sentence;
  form.elements.password.toggleAttribute("aria-invalid", false);
  if (!sentence) return;
  form.elements.password.setAttribute("aria-invalid", "true");
  form.elements.password.setAttribute("aria-describedby", "refused");
  form.elements.password.focus();
  form.elements.password.select();
}

function missing() {
  const errors = {};
  if (!form.elements.email.value.trim()) errors.email = "Type the e-mail of your account.";
  if (!form.elements.password.value) errors.password = "Type your password.";
  return errors;
}

function sentence(error) {
  if (error.code !== "sign_in_locked") return error.message;
  const minutes = Math.max(1, Math.ceil((error.retryAfterSeconds || 900) / 60));
  return `${error.message} Try again in ${minutes} min.`;
}

/** Where to: the page that was asked for, or what this person may see. */
function next({ user, workspaces = [] }) {
  if (user.mustChangePassword) return "/account";
  if (form.dataset.next !== "/" || user.permissions.includes("node:read")) return form.dataset.next;
  return workspaces.length ? "/workspaces" : "/account";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  refuse("");
  const errors = missing();
  markErrors(form, errors);
  if (Object.keys(errors).length || button.disabled) return;
  button.disabled = true;
  try {
    const { data } = await post("/auth/login", { email: form.elements.email.value.trim(), password: form.elements.password.value, cookie: true }, { key: null });
    location.replace(next(data));
  } catch (error) {
    button.disabled = false;
    const rest = markErrors(form, error.fields || {});
    if (!Object.keys(error.fields || {}).length || rest.length) refuse(rest[0] || sentence(error));
  }
});

/* A wallet */

const byWallet = document.getElementById("by-wallet");
const walletRefused = document.getElementById("wallet-refused");

byWallet.addEventListener("click", async () => {
  if (byWallet.disabled) return;
  byWallet.disabled = true;
  walletRefused.hidden = true;
  try {
    const signed = await signChallenge("/auth/wallet/challenge");
    const { data } = await post("/auth/wallet/login", { ...signed, cookie: true }, { key: null });
    location.replace(next(data));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    byWallet.disabled = false;
    walletRefused.hidden = false;
    $("span", walletRefused).textContent = error.message;
    byWallet.focus();
  }
});

/* A provider */

async function offerProvider() {
  try {
    const { data } = await get("/auth/oidc/config");
    const link = document.getElementById("by-provider");
    link.hidden = !data.loginAvailable;
    if (link.hidden) return;
    link.href = url("/auth/oidc/login", { mode: "cookie", next: form.dataset.next });
    fill(link, { provider: new URL(data.issuer).host });
  } catch (error) {
    // Without the answer there is no such button; the other doors stay open.
    if (!(error instanceof ApiError)) throw error;
  }
}

offerProvider();

const art = document.getElementById("art");
paint(art);
addEventListener("resize", debounce(() => paint(art), 100));
