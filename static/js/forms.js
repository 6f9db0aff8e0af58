// Forms keep what was typed when they are refused, mark the field and say why beside it.

import { ApiError } from "./api.js";
import { $, $$, el, icon } from "./dom.js";

/** Marks the refused fields of a form and says why beside each; what was typed stays. Returns the unplaced sentences. */
export function markErrors(form, fields) {
  for (const node of $$("[aria-invalid]", form)) node.removeAttribute("aria-invalid");
  for (const node of $$(".err[data-for]", form)) node.remove();
  const rest = [];
  let first = null;
  for (const [path, message] of Object.entries(fields)) {
    const input = form.elements[path] || form.elements[path.split(".").at(-1)];
    if (!input || input.length) {
      rest.push(message);
      continue;
    }
    const id = `${input.id || path}-err`;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", id);
    input.closest(".f").append(el("p", { class: "err", id, "data-for": path }, icon("warn", "i-s"), message));
    first ??= input;
  }
  first?.focus();
  return rest;
}

/** The form's one sentence for what belongs to no field; "" hides it. */
function say(form, sentence) {
  const box = $("[role=alert]", form);
  box.hidden = !sentence;
  if (sentence) box.replaceChildren(icon("warn", "i-s"), sentence);
}

/**
 * Runs `act` on submit with the button held; a refusal lands on its fields. `placeOf` maps an error code to the field it is about,
 * such as `{duplicate_name: "alias"}`.
 */
export function onSubmit(form, act, placeOf = {}) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = $("[type=submit]", form);
    if (button.disabled || button.getAttribute("aria-disabled") === "true") return;
    button.disabled = true;
    say(form, "");
    try {
      await act(form.elements);
      markErrors(form, {});
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const fields = placeOf[error.code] ? { [placeOf[error.code]]: error.message } : error.fields;
      const rest = markErrors(form, fields);
      say(form, Object.keys(fields).length && !rest.length ? "" : rest[0] || error.message);
    } finally {
      button.disabled = false;
    }
  });
}

export const splitTags = (value) => value.split(",").map((t) => t.trim()).filter(Boolean);
