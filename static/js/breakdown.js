// Show how long an answer took, by parts: a bar and figures. All times are milliseconds since the end of the learner's turn.

const template = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
// A shorter time counts as none.
const NO_TIME = 5; // ms
const seconds = (ms) => (ms < NO_TIME ? "at once" : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s`);

/**
 * Build the element from {heard_ms?, thought_ms?, first_audio_ms, saved_ms?}. Values that are undefined or null were not
 * measured, and are omitted.
 */
export function breakdown(measured) {
  const element = template("breakdown-template");
  const parts = partsOf(measured);
  const bar = element.querySelector(".breakdown-bar");
  for (const { name, ms } of parts) {
    // The learner does not wait for saving.
    if (!ms || name === "saved") continue;
    const piece = document.createElement("span");
    piece.dataset.part = name;
    piece.style.flexGrow = ms;
    bar.append(piece);
  }
  element.querySelector(".breakdown-parts").append(...parts.map(line));
  element.querySelector(".breakdown-total").textContent =
    `You waited ${seconds(Math.max(NO_TIME, measured.first_audio_ms))} for the answer.`;
  return element;
}

// Each part begins at the end of the previous one, as far as that was measured. Saving runs while the agent speaks. Omit
// transcription that took no time after the turn: the turn was typed, or was transcribed while it was spoken.
function partsOf({ heard_ms: heard, thought_ms: thought, first_audio_ms: audio, saved_ms: saved }) {
  return [
    { name: "heard", label: "Heard", ms: heard < NO_TIME ? null : heard },
    { name: "thought", label: "Thought", ms: thought, from: heard },
    { name: "audio", label: "First sound", ms: audio, from: thought ?? heard },
    { name: "saved", label: "Then saved", ms: saved },
  ]
    .filter(({ ms }) => Number.isFinite(ms))
    .map(({ ms, from, ...part }) => ({ ...part, ms: Math.max(0, ms - (from || 0)) }));
}

function line({ name, label, ms }) {
  const group = document.createElement("div");
  group.dataset.part = name;
  group.append(
    Object.assign(document.createElement("dt"), { textContent: label }),
    Object.assign(document.createElement("dd"), { textContent: seconds(ms) }),
  );
  return group;
}
