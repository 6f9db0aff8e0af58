// Signing in: a cookie, never a token, comes back. What was typed stays when it is refused.

import { paint } from "./art.js";
import { post } from "./api.js";
import { $, debounce } from "./dom.js";
import { markErrors } from "./forms.js";

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

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  refuse("");
  const errors = missing();
  markErrors(form, errors);
  if (Object.keys(errors).length || button.disabled) return;
  button.disabled = true;
  try {
    const { data } = await post("/auth/login", { email: form.elements.email.value.trim(), password: form.elements.password.value, cookie: true }, { key: null });
    location.replace(data.user.mustChangePassword ? "/account" : form.dataset.next);
  } catch (error) {
    button.disabled = false;
    const rest = markErrors(form, error.fields || {});
    if (!Object.keys(error.fields || {}).length || rest.length) refuse(rest[0] || sentence(error));
  }
});

const art = document.getElementById("art");
paint(art);
addEventListener("resize", debounce(() => paint(art), 100));
