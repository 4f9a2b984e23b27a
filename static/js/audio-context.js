// Keep AudioContexts running. They can be suspended at any time: by a phone call, by the system, or by a browser that waits for a
// tap.

/** @import { Scope } from "./scope.js" */

// Browsers differ in which of these events allow a page to play sound.
const TAPS = ["pointerdown", "pointerup", "keydown"];

/**
 * Own the context, and resume it whenever that may help. Return at once, because resuming never finishes without a loudspeaker.
 * @param {AudioContext} context
 * @param {Scope} scope
 */
export function keepRunning(context, scope) {
  scope.own(context, () => context.state !== "closed" && context.close().catch(() => {}));
  const resume = () => {
    // If this fails, the next event tries again.
    if (context.state !== "running" && context.state !== "closed") context.resume().catch(() => {});
  };
  scope.on(context, "statechange", resume);
  scope.on(document, "visibilitychange", () => document.hidden || resume());
  for (const type of TAPS) scope.on(window, type, resume, { capture: true, passive: true });
  resume();
}
