// How long an answer took, in parts: a bar to see and figures to read. All moments are milliseconds from the end of the learner's turn.

const template = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
const seconds = (ms) => (ms < 5 ? "at once" : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s`);

/** `measured`: {heard_ms?, thought_ms, first_audio_ms, saved_ms?}; undefined or null is not measured. */
export function breakdown(measured) {
  const element = template("breakdown-template");
  const parts = partsOf(measured);
  const bar = element.querySelector(".breakdown-bar");
  for (const { name, ms } of parts) {
    if (!ms) continue;
    const piece = document.createElement("span");
    piece.dataset.part = name;
    piece.style.flexGrow = ms;
    bar.append(piece);
  }
  element.querySelector(".breakdown-parts").append(...parts.map(line));
  element.querySelector(".breakdown-total").textContent = `You waited ${seconds(Math.max(5, measured.first_audio_ms))} for the answer.`;
  return element;
}

function partsOf({ heard_ms: heard, thought_ms: thought, first_audio_ms: audio, saved_ms: saved }) {
  const parts = [
    { name: "heard", label: "Heard", ms: heard || 0, words: heard === null ? "as you spoke" : seconds(heard) },
    { name: "thought", label: "Thought", ms: thought - (heard || 0) },
    { name: "audio", label: "First sound", ms: audio - thought },
  ];
  if (Number.isFinite(saved)) parts.push({ name: "saved", label: "Then saved", ms: saved });
  return parts;
}

function line({ name, label, ms, words = seconds(ms) }) {
  const group = document.createElement("div");
  group.dataset.part = name;
  group.append(Object.assign(document.createElement("dt"), { textContent: label }), Object.assign(document.createElement("dd"), { textContent: words }));
  return group;
}
