// Announce changes to screen readers, and show short notices.

import { byId, clone, find, findAll } from "./dom.js";

let last = 0;

/**
 * Read a sentence aloud politely. This is for changes that sighted users notice on the page.
 * @param {string} text
 */
export function announce(text) {
  const announcer = byId("announcer");
  // Two announcements in quick succession would overwrite each other, so join them.
  const since = Date.now() - last;
  last = Date.now();
  announcer.textContent = since < 400 ? `${announcer.textContent} ${text}` : text;
}

/** Remove the last announcement when it is no longer true. */
export function withdraw() {
  byId("announcer").textContent = "";
}

/**
 * Show a notice for `seconds`, and longer while it is hovered or focused. `action` is {label, act}. Return a function that closes
 * the notice. `onGone(acted)` is called once, however the notice closes.
 * @param {string} text
 * @param {{ action?: { label: string; act: () => void }; seconds?: number; kind?: string;
 *   onGone?: (acted: boolean) => void }} [options]
 */
export function toast(text, { action, seconds = 8, kind = "plain", onGone = () => {} } = {}) {
  const region = byId("toasts");
  const element = clone("toast-template");
  element.dataset.kind = kind;
  element.setAttribute("role", kind === "error" ? "alert" : "status");
  find(element, "p").textContent = text;
  /** @type {number | undefined} */
  let timer;
  let gone = false;
  const close = (acted = false) => {
    if (gone) return;
    gone = true;
    clearTimeout(timer);
    element.remove();
    onGone(acted);
  };
  const restart = () => {
    clearTimeout(timer);
    timer = setTimeout(close, seconds * 1000);
  };
  if (action) {
    const button = find(element, '[data-action="act"]');
    button.hidden = false;
    button.textContent = action.label;
    button.addEventListener("click", () => {
      close(true);
      action.act();
    });
  }
  find(element, '[data-action="close"]').addEventListener("click", () => close());
  for (const type of ["pointerenter", "focusin"]) element.addEventListener(type, () => clearTimeout(timer));
  for (const type of ["pointerleave", "focusout"]) element.addEventListener(type, restart);
  restart();
  // Replace an earlier notice with the same text.
  for (const other of findAll(region, ":scope > *")) if (find(other, "p").textContent === text) other.remove();
  region.append(element);
  return close;
}

/**
 * Show the error's message as it is.
 * @param {{ message: string }} error
 */
export const showError = ({ message }) => toast(message, { kind: "error" });
