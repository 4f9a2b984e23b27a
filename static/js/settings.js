// Store the learner's choices in localStorage. They are the same on every page.

/**
 * @typedef {{ level: string; scenario: string; speed: number | null; language: string; handsFree: boolean; pauseMs: number | null;
 *   device: string; theme: string; keepsAudio: boolean; refusalUnsent: boolean }} Settings
 */

/** @type {Settings} */
const DEFAULTS = {
  level: "B1",
  // Empty: the topic follows the level.
  scenario: "",
  // null: the speed follows the level.
  speed: null,
  // The language of explanations.
  language: "en",
  handsFree: false,
  // null: the pause follows the level.
  pauseMs: null,
  device: "",
  theme: "system",
  // False: only words are kept. The server knows it, too, and decides if it can be reached.
  keepsAudio: true,
  // The server does not know yet that the learner refuses recordings.
  refusalUnsent: false,
};
const KEY = "settings";
const VERSION = 2;
const changes = new EventTarget();
const chosen = read();

/**
 * Read what the learner chose. The first version stored every setting, even those that were not chosen. A speed of 1 meant that
 * none was chosen.
 * @returns {Partial<Settings>}
 */
function read() {
  try {
    const { version, ...kept } = JSON.parse(localStorage.getItem(KEY) ?? "null") || {};
    if (!version && kept.speed === 1) delete kept.speed;
    return kept;
  } catch {
    return {};
  }
}

/**
 * @template {keyof Settings} K
 * @param {K} name
 */
export function get(name) {
  return /** @type {Settings[K]} */ (chosen[name] ?? DEFAULTS[name]);
}

/**
 * Return whether the setting is stored. If the storage is full or refused, a choice lasts only as long as the page.
 * @param {keyof Settings} name
 */
export const isStored = (name) => read()[name] === chosen[name];

/**
 * @template {keyof Settings} K
 * @param {K} name
 * @param {Settings[K]} value
 */
export function set(name, value) {
  if (chosen[name] === value) return;
  const before = get(name);
  chosen[name] = value;
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...chosen, version: VERSION }));
  } catch {
    // Private windows may refuse to store.
  }
  if (value !== before) changes.dispatchEvent(new CustomEvent(name, { detail: value }));
}

/**
 * @template {keyof Settings} K
 * @param {K} name
 * @param {(value: Settings[K]) => void} listener
 */
export function onChange(name, listener) {
  changes.addEventListener(name, (event) => listener(/** @type {CustomEvent} */ (event).detail));
}

// Follow a setting that another tab changed, except for those that must not change during a talk.
addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  for (const name of /** @type {const} */ (["theme", "keepsAudio"])) {
    const value = read()[name] ?? DEFAULTS[name];
    if (value === get(name)) continue;
    Object.assign(chosen, { [name]: value });
    changes.dispatchEvent(new CustomEvent(name, { detail: value }));
  }
});
