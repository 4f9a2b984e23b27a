// Inspect one entry that a browser stored, to show it before anything is sent. The server decides whether it is imported, by the
// same rules: conversations/legacy.py.

const ROLES = new Set(["user", "learner", "human", "assistant", "ai", "agent", "bot", "model"]);
const MAX_MESSAGES = 2000;

/** @param {unknown} value @returns {value is Record<string, any>} */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @type {(...values: unknown[]) => string} */
const text = (...values) => values.filter((value) => typeof value === "string").find((value) => value.trim()) ?? "";

/**
 * What is in an entry. `dead` counts lost recordings, and `bad` counts messages that cannot be used.
 * @typedef {{ usable: boolean; why: string; title: string; date: Date | null; messages: number; recordings: number; dead: number;
 *   bad: number }} Look
 */

/** @param {unknown} raw @returns {Look} */
export function look(raw) {
  /** @type {Look} */
  const found = { usable: false, why: "", title: title(raw), date: null, messages: 0, recordings: 0, dead: 0, bad: 0 };
  if (!isObject(raw)) return { ...found, why: "This is not a conversation." };
  if (!Array.isArray(raw.messages)) return { ...found, why: "There is no list of messages in it." };
  if (!raw.messages.length) return { ...found, why: "Nothing was said in it." };
  /** @type {Set<string>} */
  const seen = new Set();
  for (const message of raw.messages.slice(0, MAX_MESSAGES)) count(message, found, seen);
  found.bad += Math.max(0, raw.messages.length - MAX_MESSAGES);
  found.date = date(raw.startTime) ?? date(raw.timestamp) ?? date(raw.messages[0]?.timestamp);
  found.usable = found.messages > 0;
  if (!found.usable) found.why = "None of its messages can be used.";
  return found;
}

/** @param {unknown} raw */
function title(raw) {
  if (!isObject(raw)) return excerpt(JSON.stringify(raw) ?? "");
  return excerpt(text(raw.title, isObject(raw.config) ? raw.config.topic : "", raw.topic) || "A conversation");
}

/** @param {string} words */
export function excerpt(words) {
  const start = words.slice(0, 240).replaceAll(/\s+/g, " ").trim();
  return start.length > 60 ? `${start.slice(0, 59)}…` : start;
}

/** @param {unknown} message @param {Look} found @param {Set<string>} seen */
function count(message, found, seen) {
  if (!isObject(message) || !hasSpeaker(message)) {
    found.bad += 1;
    return;
  }
  const content = [message.content, message.text, message.message].find((value) => typeof value === "string") ?? "";
  const recording = recordingState(message);
  if (!content.trim() && recording !== "playable") {
    found.bad += 1;
    return;
  }
  if (message.id) {
    const same = JSON.stringify([message.id, message.isUser ?? message.role, content]);
    if (seen.has(same)) return;
    seen.add(same);
  }
  found.messages += 1;
  if (recording === "playable") found.recordings += 1;
  if (recording === "lost") found.dead += 1;
}

/** @param {Record<string, any>} message */
function hasSpeaker(message) {
  if (typeof message.isUser === "boolean") return true;
  if (typeof message.role === "string") return ROLES.has(message.role.trim().toLowerCase());
  return typeof message.id === "string" && /^(user|ai)-/.test(message.id);
}

/** @param {Record<string, any>} message */
function recordingState(message) {
  if (recordingFields(message).length) return "playable";
  return message.audioData || message.audioUrl || message.audioS3Key ? "lost" : "";
}

/**
 * Return the names of the message's fields that hold a recording.
 * @param {unknown} message
 * @returns {string[]}
 */
export function recordingFields(message) {
  if (!isObject(message)) return [];
  return ["audioData", "audioUrl"].filter((name) => typeof message[name] === "string" && message[name].startsWith("data:"));
}

/** @param {unknown} value */
function date(value) {
  if (typeof value !== "number" && typeof value !== "string") return null;
  const moment = new Date(/^\d{1,15}$/.test(String(value)) ? Number(value) : value);
  return Number.isNaN(moment.getTime()) ? null : moment;
}
