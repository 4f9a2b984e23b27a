// Store the learner's choices in localStorage. They are the same on every page.

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
};
const KEY = "settings";
const VERSION = 2;
const changes = new EventTarget();
const chosen = read();

// The first version stored every setting, even those that were not chosen. A speed of 1 meant that none was chosen.
function read() {
  try {
    const { version, ...kept } = JSON.parse(localStorage.getItem(KEY)) || {};
    if (!version && kept.speed === 1) delete kept.speed;
    return kept;
  } catch {
    return {};
  }
}

export function get(name) {
  return chosen[name] ?? DEFAULTS[name];
}

export function set(name, value) {
  if (chosen[name] === value) return;
  const before = get(name);
  chosen[name] = value;
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...chosen, version: VERSION }));
  } catch {
    // Private windows may refuse to store. The choice then lasts as long as the page.
  }
  if (value !== before) changes.dispatchEvent(new CustomEvent(name, { detail: value }));
}

export function onChange(name, listener) {
  changes.addEventListener(name, (event) => listener(event.detail));
}

// Follow a setting that another tab changed, except for those that must not change during a talk.
addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  chosen.theme = read().theme ?? get("theme");
  changes.dispatchEvent(new CustomEvent("theme", { detail: chosen.theme }));
});
