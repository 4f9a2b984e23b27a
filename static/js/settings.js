// What a learner chose once and should find again: kept in localStorage, the same on every page.

const DEFAULTS = {
  level: "B1",
  scenario: "",
  speed: 1,
  language: "en", // of explanations
  handsFree: false,
  pauseMs: null, // null: the pause follows the level
  device: "",
  theme: "system",
};
const KEY = "settings";
const changes = new EventTarget();
let values = { ...DEFAULTS, ...read() };

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY) || "{}");
  } catch {
    return {};
  }
}

export function get(name) {
  return values[name];
}

export function set(name, value) {
  if (values[name] === value) return;
  values[name] = value;
  try {
    localStorage.setItem(KEY, JSON.stringify(values));
  } catch {
    // Private windows may refuse: the choice then lasts as long as the page.
  }
  changes.dispatchEvent(new CustomEvent(name, { detail: value }));
}

export function onChange(name, listener) {
  changes.addEventListener(name, (event) => listener(event.detail));
}

// Another tab changed a setting: follow it, except for what a talk under way should not change by itself.
addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  const theirs = read();
  values = { ...values, theme: theirs.theme ?? values.theme };
  changes.dispatchEvent(new CustomEvent("theme", { detail: values.theme }));
});
