// The talk button, by mouse, finger, space bar or a screen reader's click.

const TYPING = "input, textarea, select, [contenteditable]";
const PRESSABLE = "button, a, summary, label, dialog, [role=button], [role=switch]";

/**
 * `press()`, `release()`, `cancel()` while held; `toggle()` when the button is only clicked (hands-free: mute);
 * `handsFree()` says which of the two it is; `active()` whether it does anything now.
 */
export function bindTalkButton(button, { press, release, cancel, toggle, handsFree, active }) {
  let held = null; // "pointer", "space" or "latched" (by Enter or a screen reader, which can't hold)

  const begin = (by) => {
    if (held || !active()) return;
    held = by;
    press();
  };
  const end = (by) => {
    if (held !== by) return;
    held = null;
    release();
  };

  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || handsFree()) return;
    button.setPointerCapture(event.pointerId); // letting go outside the button must end the turn too
    begin("pointer");
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    button.addEventListener(type, () => end("pointer"));
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch
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
  // The key may be let go in another window.
  addEventListener("blur", () => end("space"));
  return {
    letGo() {
      held = null;
    },
  };
}

function isOurs(target, button) {
  if (target === button || button.contains(target)) return true;
  return !document.querySelector("dialog[open]") && !target.closest?.(TYPING) && !target.closest?.(PRESSABLE);
}
