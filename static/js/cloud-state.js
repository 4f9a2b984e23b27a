// Track the state of the cloud that the server's answers and events report: which service is down, and why.

const changes = new EventTarget();
/** @typedef {Record<string, string>} Reasons */

// Reasons by service, such as {"audio bucket": "it does not answer"}. Empty if both services work, or if the cloud is off.
/** @type {Reasons} */
let down = {};
// Times of these reports, by service.
/** @type {Record<string, number>} */
const since = {};
// False while the server itself cannot be reached.
let known = true;

export const anyDown = () => Object.keys(down).length > 0;

/**
 * Call `listener({down, returned})` on changes. `down` has the services that are down, and is null while the server cannot be
 * reached. `returned` lists the services that have just recovered.
 * @param {(change: { down: Reasons | null; returned: string[] }) => void} listener
 */
export function onChange(listener) {
  changes.addEventListener("change", (event) => listener(/** @type {CustomEvent} */ (event).detail));
}

/**
 * Read the state of the cloud from an answer or an event. One that does not mention the cloud changes nothing.
 * @param {{ storage?: string; degraded?: boolean; down?: Reasons }} report
 */
export function observe(report) {
  if (!("storage" in report || "degraded" in report)) return;
  const before = { down, known };
  down = report.down || {};
  known = true;
  const lost = Object.keys(down).filter((service) => !(service in before.down));
  const returned = Object.keys(before.down).filter((service) => !(service in down));
  log(lost, returned);
  if (lost.length || returned.length || !before.known) notify(returned);
}

/** Forget the last report, because the server cannot be reached. */
export function forget() {
  if (!known) return;
  known = false;
  notify([]);
}

/** @param {string[]} returned */
function notify(returned) {
  changes.dispatchEvent(new CustomEvent("change", { detail: { down: known ? down : null, returned } }));
}

/**
 * Log one line for each change, to help find the cause in the browser's console.
 * @param {string[]} lost
 * @param {string[]} returned
 */
function log(lost, returned) {
  const now = Date.now();
  for (const service of lost) {
    console.warn(
      `Cloud storage: the ${service} can't be used: ${down[service]}. What is said is kept on the server until it can.`,
    );
    since[service] = now;
  }
  for (const service of returned)
    console.info(`Cloud storage: the ${service} is back after ${Math.round((now - since[service]) / 1000)} s.`);
}
