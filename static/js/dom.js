// Small hands for the page: clone a <template>, fill it, keep a keyed list, report, arm, copy.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

const SVG = "http://www.w3.org/2000/svg";

export function icon(name, size = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `i ${size}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

/** el("span", {class: "tag", title: "…", onclick: fn}, "text", node…). `null` children are left out. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value === "boolean") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/** Of the buttons in `group` those that `chosen(button)` picks are pressed. */
export function press(group, chosen) {
  for (const button of $$("button", group)) setAttr(button, "aria-pressed", String(chosen(button)));
}

/** First element of `<template id>`, cloned. */
export const clone = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

/** Sets only what differs, so that assistive technology and selection are left in peace. */
export function text(node, value) {
  if (node && node.textContent !== value) node.textContent = value;
}

/** Fills `[data-f=name]` under `root`: a string is text, a node or a list of nodes replaces the content, null hides. */
export function fill(root, values) {
  for (const [name, value] of Object.entries(values)) {
    for (const node of $$(`[data-f="${name}"]`, root)) {
      node.hidden = value === null || value === undefined;
      if (node.hidden) continue;
      if (value instanceof Node || Array.isArray(value)) node.replaceChildren(...[value].flat().filter(Boolean));
      else text(node, String(value));
    }
  }
  return root;
}

/** Keeps `list`'s children in step with `items` by key, without rebuilding rows that stay. */
export function keyed(list, items, key, create, update, remove) {
  const old = new Map([...list.children].filter((n) => n.dataset.key).map((n) => [n.dataset.key, n]));
  let at = list.firstElementChild;
  for (const item of items) {
    const k = String(key(item));
    let node = old.get(k);
    if (!node) {
      node = create(item);
      node.dataset.key = k;
    }
    old.delete(k);
    update?.(node, item);
    if (node === at) at = at.nextElementSibling;
    else list.insertBefore(node, at);
  }
  for (const node of old.values()) {
    remove?.(node);
    node.remove();
  }
}

/** An attribute only when it differs; null or false removes it. */
export function setAttr(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** Says what the person just did, for 6 s; stays while hovered or focused. */
export function toast(title, detail = "", kind = "check") {
  const box = document.getElementById("toasts");
  const close = () => node.remove();
  const node = el(
    "div", { class: "toast" }, icon(kind),
    el("div", { class: "grow" }, el("b", {}, title), detail ? el("p", { class: "t2 sm" }, detail) : null),
    el("button", { class: "btn quiet sq s", type: "button", "aria-label": "Dismiss", onclick: close }, icon("x", "i-s")),
  );
  let timer = setTimeout(close, kind === "warn" ? 12000 : 6000);
  node.addEventListener("mouseenter", () => clearTimeout(timer));
  node.addEventListener("focusin", () => clearTimeout(timer));
  node.addEventListener("mouseleave", () => { timer = setTimeout(close, 3000); });
  box.append(node);
  while (box.children.length > 4) box.firstElementChild.remove();
}

/** What happened, and the request id that finds it in the log. */
export function complain(what, error) {
  if (error.name === "AbortError" || error.leaving) return;
  toast(what, error.requestId && error.status >= 500 ? `${error.message} (request ${error.requestId})` : error.message, "warn");
}

/** Two presses for what can't be taken back: the first arms for 3 s, the second acts; Esc and blur disarm. */
export function arm(button, act) {
  const label = $(".lb", button) || button;
  const resting = label.textContent;
  let timer = 0;
  const disarm = () => {
    clearTimeout(timer);
    delete button.dataset.armed;
    text(label, resting);
  };
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    if ("armed" in button.dataset) {
      disarm();
      act();
      return;
    }
    button.dataset.armed = "";
    text(label, button.dataset.sure || "Press again");
    timer = setTimeout(disarm, 3000);
  });
  button.addEventListener("blur", disarm);
  button.addEventListener("keydown", (event) => { if (event.key === "Escape") disarm(); });
}

export async function copy(value, what) {
  try {
    await navigator.clipboard.writeText(value);
  } catch (error) {
    if (!(error instanceof DOMException || error instanceof TypeError)) throw error;
    // Plain http away from loopback has no clipboard API; a selected field still copies.
    const field = el("textarea", { class: "vh" });
    field.value = value;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  toast(`${what} copied`);
}

export const copyButton = (value, what) =>
  el("button", { class: "btn quiet sq s", type: "button", "aria-label": `Copy ${what}`, title: `Copy ${what}`, onclick: () => copy(value, what.charAt(0).toUpperCase() + what.slice(1)) }, icon("copy", "i-s"));

export function debounce(fn, ms) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), ms);
  };
}
