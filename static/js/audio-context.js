// An AudioContext can be suspended at any moment: by a phone call, by the system, by a browser that waits for a tap.

const TAPS = ["pointerdown", "pointerup", "keydown"]; // browsers differ in which of them lets a page sound

/** Own the context, and resume it whenever that may help. Returns at once: without a loudspeaker, resuming takes for ever. */
export function keepRunning(context, scope) {
  scope.own(context, () => context.state !== "closed" && context.close().catch(() => {}));
  const resume = () => resumed(context);
  scope.on(context, "statechange", resume);
  scope.on(document, "visibilitychange", () => document.hidden || resume());
  for (const type of TAPS) scope.on(window, type, resume, { capture: true, passive: true });
  resume();
}

function resumed(context) {
  if (context.state === "running" || context.state === "closed") return;
  context.resume().catch(() => {}); // the next chance is the next event
}
