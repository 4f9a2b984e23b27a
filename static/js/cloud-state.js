// What the server's answers and events say about the cloud: which half of it is down, and why.

const changes = new EventTarget();
let down = {}; // half → why, such as {"audio bucket": "it does not answer"}; empty: all is well, or the cloud is off
const since = {}; // half → when we were told
let known = true; // not while the server itself is out of reach

/** The halves that are down, as far as is known; null while the server is out of reach. */
export const halvesDown = () => (known ? down : null);
export const anyDown = () => Object.keys(down).length > 0;

/** `listener({down, returned})`: as `halvesDown`, and the halves that have just come back. */
export function onChange(listener) {
  changes.addEventListener("change", (event) => listener(event.detail));
}

/** Takes in an answer or an event; those that say nothing about the cloud change nothing. */
export function heed(told) {
  if (!("storage" in told || "degraded" in told)) return;
  const before = { down, known };
  down = told.down || {};
  known = true;
  const lost = Object.keys(down).filter((half) => !(half in before.down));
  const returned = Object.keys(before.down).filter((half) => !(half in down));
  report(lost, returned);
  if (lost.length || returned.length || !before.known) tell(returned);
}

/** The server is out of reach: what it said last may not be so any more. */
export function forget() {
  if (!known) return;
  known = false;
  tell([]);
}

function tell(returned) {
  changes.dispatchEvent(new CustomEvent("change", { detail: { down: halvesDown(), returned } }));
}

// One line for each change, for whoever looks into the console to find out why.
function report(lost, returned) {
  const now = Date.now();
  for (const half of lost) {
    console.warn(`Cloud storage: the ${half} can't be used: ${down[half]}. What is said is kept on the server until it can.`);
    since[half] = now;
  }
  for (const half of returned)
    console.info(`Cloud storage: the ${half} is back after ${Math.round((now - since[half]) / 1000)} s.`);
}
