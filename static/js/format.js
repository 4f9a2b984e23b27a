// Say numbers, times and facts about a conversation in words.

/** @import { Conversation } from "./types.d.ts" */

const DAY = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
const DAY_AND_YEAR = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en", { hour: "numeric", minute: "2-digit" });

/** @type {(count: number, one: string) => string} */
export const plural = (count, one) => `${count} ${count === 1 ? one : `${one}s`}`;
/** @type {(conversation: Conversation) => Date} */
export const began = (conversation) => new Date(conversation.startTime || conversation.timestamp);

/** @param {Conversation} conversation */
export function length(conversation) {
  // A talk may be resumed on another day, so prefer `duration`, which counts only the time of talking.
  const { duration, startTime, endTime } = conversation;
  const minutes = Math.round(duration ?? (startTime && endTime ? (endTime - startTime) / 60_000 : 0));
  return !(minutes >= 1) ? "under a minute" : `${minutes} min`;
}

/** @param {Conversation} conversation */
export function counts({ messages }) {
  const learners = messages.filter((message) => message.role === "user");
  const corrections = learners.reduce((total, message) => total + (message.corrections?.length || 0), 0);
  return [plural(learners.length, "turn"), corrections ? plural(corrections, "correction") : "no corrections"];
}

/** @param {Date} date */
export function day(date) {
  const today = new Date().setHours(0, 0, 0, 0);
  const days = Math.round((today - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return days < 300 ? DAY.format(date) : DAY_AND_YEAR.format(date);
}

/**
 * Return the level, unless an older client stored something else there.
 * @type {(conversation: Conversation) => string}
 */
export const level = ({ config }) => (typeof config?.level === "string" ? config.level : "");

/**
 * Join the facts into one line that breaks only between them.
 * @type {(facts: string[]) => string}
 */
export const line = (facts) =>
  facts
    .filter(Boolean)
    .map((fact) => fact.replaceAll(" ", "\u00a0"))
    .join(" · ");

/** @type {(date: Date) => string} */
export const time = (date) => TIME.format(date);
