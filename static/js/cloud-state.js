// Track the state of the cloud that the server's answers and events report: which half is down, and why.

const changes = new EventTarget();
/** @typedef {Record<string, string>} Reasons */

// Reasons by half, such as {"audio bucket": "it does not answer"}. Empty if both halves work, or if the cloud is off.
/** @type {Reasons} */
let down = {};
// Times of these reports, by half.
/** @type {Record<string, number>} */
const since = {};
// False while the server itself cannot be reached.
let known = true;

/**
 * Return the halves that are down, as last reported, or null while the server cannot be reached.
 * @type {() => Reasons | null}
 */
export const halvesDown = () => (known ? down : null);
export const anyDown = () => Object.keys(down).length > 0;

/**
 * Call `listener({down, returned})` on changes. `down` is as in `halvesDown`. `returned` lists the halves that have just
 * recovered.
 * @param {(change: { down: Reasons | null; returned: string[] }) => void} listener
 */
export function onChange(listener) {
  changes.addEventListener("change", (event) => listener(/** @type {CustomEvent} */ (event).detail));
}

/**
 * Read an answer or an event. One that says nothing about the cloud changes nothing.
 * @param {{ storage?: string; degraded?: boolean; down?: Reasons }} told
 */
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

/** Forget the last report, because the server cannot be reached. */
export function forget() {
  if (!known) return;
  known = false;
  tell([]);
}

/** @param {string[]} returned */
function tell(returned) {
  changes.dispatchEvent(new CustomEvent("change", { detail: { down: halvesDown(), returned } }));
}

// Log one line for each change, to help find the cause in the browser's console.
/** @param {string[]} lost @param {string[]} returned */
function report(lost, returned) {
  const now = Date.now();
  for (const half of lost) {
    console.warn(`Cloud storage: the ${half} can't be used: ${down[half]}. What is said is kept on the server until it can.`);
    since[half] = now;
  }
  for (const half of returned)
    console.info(`Cloud storage: the ${half} is back after ${Math.round((now - since[half]) / 1000)} s.`);
}
