// Find earlier conversations in this browser's storage, which is only read, and in exported files.

import { isObject, look } from "./import-look.js";
import { parse } from "./salvage.js";
/** @import { Look } from "./import-look.js" */
/** @import { Broken } from "./salvage.js" */

/**
 * A conversation that was found. Its `source` in words is known when it is shown.
 * @typedef {{ raw: any; look: Look; source?: string }} Item
 */
/** @typedef {{ level: string | undefined; others: string[] }} OldSettings The level, and the names of settings not used here */
/** @typedef {{ title: string; origin: string; items: Item[]; broken: Broken[]; settings: OldSettings | null }} Source */

/** @type {Record<string, string>} */
const CONVERSATIONS = { conversationHistory: "Conversation history", englishPracticeConversations: "Earlier practice" };
const SETTINGS = "englishPracticeSettings";
const SETTING_NAMES = ["language", "timeLimit", "difficulty", "voice", "prompt"];
const LEVELS = ["A1", "A2", "B1", "B2", "C1"];
const MINUTES = [1, 2, 3, 5, 8, 10];
// No browser holds a longer text.
const MAX_FILE = 400 * 1024 * 1024; // bytes
const NOTHING = "There are no conversations of the earlier app in it.";

/**
 * Return the sources in this browser.
 * @returns {Source[]}
 */
export function inBrowser() {
  const origin = "in this browser";
  try {
    const keys = [...Object.keys(CONVERSATIONS), SETTINGS].filter((key) => localStorage.getItem(key) !== null);
    return keys.map((key) => fromKey(key, localStorage.getItem(key), origin));
  } catch (error) {
    return [unusable("This browser's storage", origin, `It cannot be read: ${error.message}`)];
  }
}

/** @param {File} file @returns {Promise<Source[]>} */
export async function inFile(file) {
  if (file.size > MAX_FILE) return [unusable(file.name, file.name, "The file is too large for a browser: export it in parts.")];
  try {
    const { value, broken } = parse(await file.text());
    if (value === undefined) return [source(file.name, "a file", { broken })];
    const found = sourcesIn(value, file.name);
    found[0].broken.push(...broken);
    return found;
  } catch (error) {
    return [unusable(file.name, "a file", `The file cannot be read: ${error.message}`)];
  }
}

/**
 * @param {string} title
 * @param {string} origin
 * @param {{ entries?: unknown[]; broken?: Broken[]; settings?: OldSettings | null }} content
 * @returns {Source}
 */
function source(title, origin, { entries = [], broken = [], settings = null } = {}) {
  return { title, origin, items: entries.map((raw) => ({ raw, look: look(raw) })), broken, settings };
}

/** @type {(title: string, origin: string, why: string) => Source} */
const unusable = (title, origin, why) => source(title, origin, { broken: [{ what: "", why }] });

/**
 * Return the sources in an export: a list of conversations, a single conversation, an answer of this server, storage keys with
 * their values, or settings.
 * @param {unknown} value
 * @param {string} origin
 * @returns {Source[]}
 */
function sourcesIn(value, origin) {
  if (typeof value === "string") {
    const inner = parse(value);
    const found =
      inner.value === undefined || typeof inner.value === "string" ? [source(origin, "a file")] : sourcesIn(inner.value, origin);
    found[0].broken.push(...inner.broken);
    return found;
  }
  if (Array.isArray(value)) return [source("Conversations", origin, { entries: value })];
  if (!isObject(value)) return [unusable(origin, "a file", NOTHING)];
  if (Array.isArray(value.conversations)) return [source("Conversations", origin, { entries: value.conversations })];
  if (isObject(value.conversation)) return [source("Conversation", origin, { entries: [value.conversation] })];
  if ("messages" in value) return [source("Conversation", origin, { entries: [value] })];
  return fromKeys(value, origin);
}

/** @param {Record<string, any>} value @param {string} origin */
function fromKeys(value, origin) {
  const known = [...Object.keys(CONVERSATIONS), SETTINGS].filter((key) => Object.hasOwn(value, key));
  const others = Object.keys(value).filter((key) => !known.includes(key));
  if (known.length) {
    const found = known.map((key) => fromKey(key, value[key], origin));
    found[0].broken.push(...others.map((key) => ({ what: key.slice(0, 60), why: "It is not one of the earlier app's." })));
    return found;
  }
  if (SETTING_NAMES.some((name) => Object.hasOwn(value, name))) return [fromKey(SETTINGS, value, origin)];
  return [unusable(origin, "a file", NOTHING)];
}

/**
 * Return the source for one key of the storage. Its value is a string there, but an export may hold it already parsed.
 * @param {string} key
 * @param {unknown} stored
 * @param {string} origin
 */
function fromKey(key, stored, origin) {
  const { value, broken } = typeof stored === "string" ? parse(stored) : { value: stored, broken: [] };
  const title = CONVERSATIONS[key] ?? "Settings";
  if (value === undefined) return source(title, origin, { broken });
  if (key === SETTINGS)
    return isObject(value)
      ? source(title, origin, { settings: settings(value), broken })
      : unusable(title, origin, "These are not settings.");
  if (value === null) return source(title, origin, { broken });
  const entries = Array.isArray(value) ? value : [value];
  return source(title, origin, { entries, broken });
}

/**
 * Return the level of the earlier settings, which applies here, and the names of those that do not apply.
 * @param {Record<string, any>} value
 * @returns {OldSettings}
 */
function settings(value) {
  const level = LEVELS[Number(value.difficulty) - 1];
  const minutes = value.timeLimit === undefined ? undefined : MINUTES[Number(value.timeLimit)];
  const others = [
    minutes && `a limit of ${minutes} min`,
    typeof value.voice === "string" && value.voice && `the voice “${value.voice.slice(0, 40)}”`,
    typeof value.language === "string" && value.language && `the language “${value.language.slice(0, 20)}”`,
    value.prompt && "your instructions to the agent",
  ].filter(Boolean);
  return { level, others };
}
