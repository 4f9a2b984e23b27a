// Keep the screen on during a talk, because a locked phone stops the sound in both directions.

/** @import { Scope } from "./scope.js" */

/**
 * Keep the screen on until the scope ends. Browsers release the lock of a hidden page, so request it again.
 * @param {Scope} scope
 */
export function keepAwake(scope) {
  if (!navigator.wakeLock) return;
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  let asking = false;
  const request = async () => {
    if (document.hidden || asking || (lock && !lock.released)) return;
    asking = true;
    try {
      lock = await scope.acquire(navigator.wakeLock.request("screen"), (acquired) => acquired.release());
    } catch {
      // The lock was refused, for example because of a low battery, or the talk is over. A talk continues without it.
    }
    asking = false;
  };
  scope.on(document, "visibilitychange", request);
  request();
}
