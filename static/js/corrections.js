// Show corrections: a card for each one, and marks in the transcript.

import { clone, find, make } from "./dom.js";
/** @import { Correction } from "./types.d.ts" */
/** @typedef {Pick<Correction, "start" | "end">} Span A part of a transcript, if its position is known */

/** @param {Pick<Correction, "said" | "better" | "why">} correction */
export function correctionItem({ said, better, why }) {
  const item = clone("correction-template");
  find(item, "del").textContent = said;
  find(item, "ins").textContent = better;
  const reason = find(item, ".correction-why");
  reason.textContent = why || "";
  reason.hidden = !why;
  return item;
}

/**
 * Add the word before the correction, if the better text is a single word: "she have → she has".
 * @param {string} text
 * @param {Correction} correction
 * @param {Correction[]} corrections
 */
export function inContext(text, correction, corrections) {
  const { said, better, start } = correction;
  if (typeof start !== "number" || better.includes(" ")) return correction;
  const before = /([\p{L}\p{N}'’-]+) $/u.exec(text.slice(0, start));
  if (!before || corrections.some((other) => (other.start ?? NaN) < start && (other.end ?? NaN) > before.index))
    return correction;
  return { ...correction, said: `${before[1]} ${said}`, better: `${before[1]} ${better}` };
}

/**
 * Return the corrections that have a position in the text, from left to right, without nested ones.
 * @param {string} text
 * @param {Span[]} spans
 */
function inOrder(text, spans) {
  let at = 0;
  return spans
    .map(({ start, end }) => ({ start: start ?? NaN, end: end ?? NaN }))
    .filter(({ start, end }) => start < end && end <= text.length)
    .sort((a, b) => a.start - b.start)
    .filter(({ start, end }) => start >= at && (at = end));
}

/**
 * Return the transcript as nodes, with corrected words in <mark> or another element.
 * @param {string} text
 * @param {Span[]} corrections
 * @param {{ tag?: "mark" | "span"; className?: string }} [element]
 */
export function marked(text, corrections = [], { tag = "mark", className = "" } = {}) {
  /** @type {(string | Node)[]} */
  const nodes = [];
  let at = 0;
  for (const { start, end } of inOrder(text, corrections)) {
    nodes.push(text.slice(at, start));
    nodes.push(make(tag, { textContent: text.slice(start, end), className }));
    at = end;
  }
  nodes.push(text.slice(at));
  return nodes;
}
