// What a learner chose once and should find again: kept in localStorage, the same on every page.

const DEFAULTS = {
  level: "B1",
  scenario: "", // "": the topic follows the level
  speed: null, // null: the speed follows the level
  language: "en", // of explanations
  handsFree: false,
  pauseMs: null, // null: the pause follows the level
  device: "",
  theme: "system",
};
const KEY = "settings";
const VERSION = 2;
const changes = new EventTarget();
const chosen = read();

// The first version stored every setting, also those that were not chosen. A speed of 1 meant that none was chosen.
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
    // Private windows may refuse: the choice then lasts as long as the page.
  }
  if (value !== before) changes.dispatchEvent(new CustomEvent(name, { detail: value }));
}

export function onChange(name, listener) {
  changes.addEventListener(name, (event) => listener(event.detail));
}

// Another tab changed a setting: follow it, except for what a talk under way should not change by itself.
addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  chosen.theme = read().theme ?? get("theme");
  changes.dispatchEvent(new CustomEvent("theme", { detail: chosen.theme }));
});
