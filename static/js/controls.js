// Handle the talk button, by mouse, finger, space bar or a screen reader's click.

const TYPING = "input, textarea, select, [contenteditable]";
const PRESSABLE = "button, a, summary, label, dialog, [role=button], [role=switch]";

/**
 * Bind the button. Hold-to-talk calls `press()`, then `release()` or `cancel()`. Hands-free calls `toggle()` to mute.
 * `handsFree()` returns whether talks are hands-free, and `active()` whether the button does anything now.
 * @param {HTMLButtonElement} button
 * @param {{ press: () => void; release: () => void; cancel: () => void; toggle: () => void; handsFree: () => boolean;
 *   active: () => boolean }} options
 */
export function bindTalkButton(button, { press, release, cancel, toggle, handsFree, active }) {
  /** @typedef {"pointer" | "space" | "latched"} Holder "latched" means Enter or a screen reader, which cannot hold */
  /** @type {Holder | null} */
  let held = null;

  /** @param {Holder} by */
  const begin = (by) => {
    if (held || !active()) return;
    held = by;
    press();
  };
  /** @param {Holder} by */
  const end = (by) => {
    if (held !== by) return;
    held = null;
    release();
  };

  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || handsFree()) return;
    // Releasing outside the button must end the turn, too.
    button.setPointerCapture(event.pointerId);
    begin("pointer");
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    button.addEventListener(type, () => end("pointer"));
  }
  // A long touch would open the context menu.
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("click", (event) => {
    if (!active()) return;
    if (handsFree()) toggle();
    else if (event.detail === 0 && held === "latched") end("latched");
    else if (event.detail === 0) begin("latched");
  });

  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && held) {
      held = null;
      cancel();
      return;
    }
    if (event.code !== "Space" || !active() || !isOurs(event.target, button)) return;
    event.preventDefault();
    if (event.repeat) return;
    if (handsFree()) toggle();
    else if (held === "latched") end("latched");
    else begin("space");
  });
  addEventListener("keyup", (event) => {
    if (event.code !== "Space") return;
    if (held === "space") event.preventDefault();
    end("space");
  });
  // The key may be released in another window.
  addEventListener("blur", () => end("space"));
  return {
    letGo() {
      held = null;
    },
  };
}

/** @param {EventTarget | null} target @param {HTMLElement} button */
function isOurs(target, button) {
  if (!(target instanceof Element)) return !document.querySelector("dialog[open]");
  if (button.contains(target)) return true;
  return !document.querySelector("dialog[open]") && !target.closest(TYPING) && !target.closest(PRESSABLE);
}
