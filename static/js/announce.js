// Announcements for screen readers, and short visible notices.

let last = 0;

/** Reads a sentence out, politely: for changes that a seeing person notices by themselves. */
export function announce(text) {
  const announcer = document.getElementById("announcer");
  // Two announcements in one breath would overwrite each other.
  const since = Date.now() - last;
  last = Date.now();
  announcer.textContent = since < 400 ? `${announcer.textContent} ${text}` : text;
}

/** Removes the last announcement, because it is not true any more. */
export function withdraw() {
  document.getElementById("announcer").textContent = "";
}

/**
 * Shows a notice. `action`: {label, act}. It stays `seconds`, longer while it is pointed at or focused.
 * Returns a function that takes it away; `onGone(acted)` is called once, however it went.
 */
export function toast(text, { action, seconds = 8, kind = "plain", onGone = () => {} } = {}) {
  const region = document.getElementById("toasts");
  const element = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  element.dataset.kind = kind;
  element.setAttribute("role", kind === "error" ? "alert" : "status");
  element.querySelector("p").textContent = text;
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
    const button = element.querySelector('[data-action="act"]');
    button.hidden = false;
    button.textContent = action.label;
    button.addEventListener("click", () => {
      close(true);
      action.act();
    });
  }
  element.querySelector('[data-action="close"]').addEventListener("click", () => close());
  for (const type of ["pointerenter", "focusin"]) element.addEventListener(type, () => clearTimeout(timer));
  for (const type of ["pointerleave", "focusout"]) element.addEventListener(type, restart);
  restart();
  // The same words twice are one notice.
  for (const other of region.children) if (other.querySelector("p").textContent === text) other.remove();
  region.append(element);
  return close;
}
