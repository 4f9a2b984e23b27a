// Inspect one entry that a browser stored, to show it before anything is sent. The server decides whether it is imported, by the
// same rules: conversations/legacy.py.

const ROLES = new Set(["user", "learner", "human", "assistant", "ai", "agent", "bot", "model"]);
const MAX_MESSAGES = 2000;

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const text = (...values) => values.find((value) => typeof value === "string" && value.trim()) || "";

/**
 * Return {usable, why, title, date (or null), messages, recordings, dead, bad}. `dead` counts lost recordings, and `bad` counts
 * messages that cannot be used.
 */
export function look(raw) {
  const found = { usable: false, why: "", title: title(raw), date: null, messages: 0, recordings: 0, dead: 0, bad: 0 };
  if (!isObject(raw)) return { ...found, why: "This is not a conversation." };
  if (!Array.isArray(raw.messages)) return { ...found, why: "There is no list of messages in it." };
  if (!raw.messages.length) return { ...found, why: "Nothing was said in it." };
  const seen = new Set();
  for (const message of raw.messages.slice(0, MAX_MESSAGES)) count(message, found, seen);
  found.bad += Math.max(0, raw.messages.length - MAX_MESSAGES);
  found.date = date(raw.startTime) ?? date(raw.timestamp) ?? date(raw.messages[0]?.timestamp);
  found.usable = found.messages > 0;
  if (!found.usable) found.why = "None of its messages can be used.";
  return found;
}

function title(raw) {
  if (!isObject(raw)) return excerpt(JSON.stringify(raw) ?? "");
  return excerpt(text(raw.title, isObject(raw.config) ? raw.config.topic : "", raw.topic) || "A conversation");
}

export function excerpt(words) {
  const start = words.slice(0, 240).replaceAll(/\s+/g, " ").trim();
  return start.length > 60 ? `${start.slice(0, 59)}…` : start;
}

function count(message, found, seen) {
  const content = isObject(message)
    ? ["content", "text", "message"].map((name) => message[name]).find((value) => typeof value === "string") || ""
    : "";
  const recording = isObject(message) ? sound(message) : "";
  if (!isObject(message) || !hasSpeaker(message) || (!content.trim() && recording !== "whole")) {
    found.bad += 1;
    return;
  }
  if (message.id) {
    const same = JSON.stringify([message.id, message.isUser ?? message.role, content]);
    if (seen.has(same)) return;
    seen.add(same);
  }
  found.messages += 1;
  if (recording === "whole") found.recordings += 1;
  if (recording === "dead") found.dead += 1;
}

function hasSpeaker(message) {
  if (typeof message.isUser === "boolean") return true;
  if (typeof message.role === "string") return ROLES.has(message.role.trim().toLowerCase());
  return typeof message.id === "string" && /^(user|ai)-/.test(message.id);
}

function sound(message) {
  if (sounds(message).length) return "whole";
  return message.audioData || message.audioUrl || message.audioS3Key ? "dead" : "";
}

/** Return the names of the message's fields that hold a recording. */
export function sounds(message) {
  if (!isObject(message)) return [];
  return ["audioData", "audioUrl"].filter((name) => typeof message[name] === "string" && message[name].startsWith("data:"));
}

function date(value) {
  const moment =
    typeof value === "number" || typeof value === "string" ? new Date(/^\d{1,15}$/.test(value) ? Number(value) : value) : null;
  return moment && !Number.isNaN(moment.getTime()) ? moment : null;
}
