// A control that can't be used says why: the sentence comes from `/actions`, the same function the write asks.

import { get } from "./api.js";
import { el, setAttr } from "./dom.js";

let serial = 0;

/** Whether it may be pressed now. */
export const usable = (button) => button.getAttribute("aria-disabled") !== "true";

/** Makes `button` usable, or dashed and focusable with `reason` shown on hover, focus and to screen readers. */
export function allow(button, enabled, reason = "") {
  let wrap = button.closest(".why-w");
  if (!wrap) {
    wrap = el("span", { class: "why-w" });
    const focused = document.activeElement === button;
    button.replaceWith(wrap);
    wrap.append(button);
    // Near the right edge the sentence opens to the left; where the button is, is known once it is pointed at.
    const side = () => wrap.classList.toggle("end", button.getBoundingClientRect().right > innerWidth - 150);
    wrap.addEventListener("pointerenter", side);
    wrap.addEventListener("focusin", side);
    // To move an element takes its focus away.
    if (focused) button.focus({ preventScroll: true });
    button.addEventListener("click", (event) => {
      if (usable(button)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, { capture: true });
  }
  let why = wrap.querySelector(".why");
  if (enabled) {
    why?.remove();
    setAttr(button, "aria-disabled", null);
    setAttr(button, "aria-describedby", null);
    return;
  }
  if (!why) {
    serial += 1;
    why = el("span", { class: "why", role: "tooltip", id: `why-${serial}` });
    wrap.append(why);
  }
  if (why.textContent !== reason) why.textContent = reason;
  setAttr(button, "aria-disabled", "true");
  setAttr(button, "aria-describedby", why.id);
}

/** `{name: {enabled, reason, …}}` of one object; a failed read refuses everything and says so. */
export async function actionsOf(path) {
  const { data } = await get(`${path}/actions`);
  return data.actions;
}

/** Applies an `/actions` answer to each `[data-action=name]` under `root`. */
export function apply(root, actions) {
  for (const button of root.querySelectorAll("[data-action]")) {
    const action = actions?.[button.dataset.action];
    if (action) allow(button, action.enabled, action.reason || "Not possible now.");
    else allow(button, false, actions ? "Not possible here." : "Finding out whether this is possible…");
  }
}
