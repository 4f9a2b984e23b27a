// Show how long an answer took, by parts: a bar and figures. All times are milliseconds since the end of the learner's turn.

import { clone, find, make } from "./dom.js";
/** @import { Measured } from "./types.d.ts" */

// A shorter time counts as none.
const NO_TIME = 5; // ms
/** @type {(ms: number) => string} */
const seconds = (ms) => (ms < NO_TIME ? "at once" : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s`);

/**
 * Build the element from {heard_ms?, thought_ms?, first_audio_ms, saved_ms?}. Values that are undefined or null were not
 * measured, and are omitted.
 * @param {Measured} measured
 */
export function breakdown(measured) {
  const element = clone("breakdown-template");
  const parts = partsOf(measured);
  const bar = find(element, ".breakdown-bar");
  for (const { name, ms } of parts) {
    // The learner does not wait for saving.
    if (!ms || name === "saved") continue;
    const piece = make("span");
    piece.dataset.part = name;
    piece.style.flexGrow = String(ms);
    bar.append(piece);
  }
  find(element, ".breakdown-parts").append(...parts.map(line));
  find(element, ".breakdown-total").textContent =
    `You waited ${seconds(Math.max(NO_TIME, measured.first_audio_ms ?? 0))} for the answer.`;
  return element;
}

/**
 * Return the parts of the time. Each begins at the end of the previous one, as far as that was measured. Saving runs while the
 * agent speaks. Omit transcription that took no time after the turn: the turn was typed, or was transcribed while it was spoken.
 * @param {Measured} measured
 * @returns {{ name: string; label: string; ms: number }[]}
 */
function partsOf({ heard_ms: heard, thought_ms: thought, first_audio_ms: audio, saved_ms: saved }) {
  return [
    { name: "heard", label: "Heard", ms: (heard ?? 0) < NO_TIME ? null : heard },
    { name: "thought", label: "Thought", ms: thought, from: heard },
    { name: "audio", label: "First sound", ms: audio, from: thought ?? heard },
    { name: "saved", label: "Then saved", ms: saved },
  ]
    .filter(({ ms }) => Number.isFinite(ms))
    .map(({ ms, from, ...part }) => ({ ...part, ms: Math.max(0, Number(ms) - (from || 0)) }));
}

/** @param {{ name: string; label: string; ms: number }} part */
function line({ name, label, ms }) {
  const group = make("div");
  group.dataset.part = name;
  group.append(make("dt", { textContent: label }), make("dd", { textContent: seconds(ms) }));
  return group;
}
