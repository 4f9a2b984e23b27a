// Keeps the screen on during a talk: on a phone a locked screen ends the sound, both ways.

/** From now until the scope ends. The browser takes the lock away from a hidden page, so it is asked for again. */
export function keepAwake(scope) {
  if (!navigator.wakeLock) return;
  let lock = null;
  let asking = false;
  const request = async () => {
    if (document.hidden || asking || (lock && !lock.released)) return;
    asking = true;
    try {
      lock = await scope.acquire(navigator.wakeLock.request("screen"), (acquired) => acquired.release());
    } catch {
      // Refused, as with a low battery, or the talk is over. The talk goes on without.
    }
    asking = false;
  };
  scope.on(document, "visibilitychange", request);
  request();
}
