// Run the page "Say it after me": the agent's voice, the learner's attempt beside it, and which words were heard.

import "./page.js";
import { announce, showError } from "./announce.js";
import * as api from "./api.js";
import { byId, find, findAll, make } from "./dom.js";
import { HoldToTalk } from "./hold-to-talk.js";
import { explained } from "./microphone-help.js";
import { wav } from "./pcm.js";
/** @import { Pcm } from "./pcm.js" */

/** @typedef {{ words: { text: string; heard: boolean }[]; text: string; doubt: boolean }} Compared */

const EMPTY = {
  mine: "No sentence of yours was corrected yet. Talk a little first, or take the lines of a scenario.",
  scenario: "This scenario has no lines.",
  brought: "",
};

const main = byId("main");
const audio = byId("voice", HTMLAudioElement);
const record = byId("record", HTMLButtonElement);

/** @type {string[]} */
let sentences = [];
let at = 0;
let recording = false;
// What was asked for last. An answer to anything else comes too late.
let asked = 0;
/** @type {Blob | null} The learner's attempt at this sentence */
let attempt = null;
/** @type {Map<string, Promise<Blob>>} The agent's voice by pace and sentence */
const voices = new Map();

// Where the sentences come from

const source = () =>
  /** @type {"mine" | "scenario" | "brought"} */ (find(main, '[name="source"]:checked', HTMLInputElement).value);

/** @param {() => Promise<{ sentences: string[] }>} read @param {string} ifEmpty */
async function load(read, ifEmpty) {
  const number = ++asked;
  const status = byId("source-status");
  status.textContent = "Loading…";
  try {
    const found = (await read()).sentences;
    if (number !== asked) return;
    status.textContent = found.length ? "" : ifEmpty;
    use(found);
  } catch (error) {
    if (number !== asked) return;
    status.textContent = error.message;
    use([]);
  }
}

/** @param {string[]} found */
function use(found) {
  sentences = found;
  byId("exercise").hidden = !found.length;
  if (found.length) show(0);
}

function sourceChanged() {
  const from = source();
  byId("scenario-field").hidden = from !== "scenario";
  byId("brought-form").hidden = from !== "brought";
  if (from === "mine") return load(() => api.call("GET", "/api/shadowing/sentences"), EMPTY.mine);
  if (from === "scenario") return scenarioChanged();
  asked++;
  byId("source-status").textContent = "";
  use([]);
  return undefined;
}

function scenarioChanged() {
  const id = byId("scenario", HTMLSelectElement).value;
  return load(() => api.call("GET", `/api/shadowing/sentences?scenario=${encodeURIComponent(id)}`), EMPTY.scenario);
}

async function listScenarios() {
  const { scenarios } = await api.scenarios();
  const options = scenarios.map(({ id, title }) => make("option", { value: id, textContent: title }));
  byId("scenario", HTMLSelectElement).replaceChildren(...options);
}

byId("brought-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const file = byId("brought-file", HTMLInputElement).files?.[0];
  const text = byId("brought-text", HTMLTextAreaElement).value.trim();
  const original = byId("brought-audio", HTMLAudioElement);
  original.hidden = !file;
  if (original.src) URL.revokeObjectURL(original.src);
  if (!file) {
    if (!text) byId("source-status").textContent = "Write a text or choose a file first.";
    return text ? load(() => api.call("POST", "/api/shadowing/brought", { text }), EMPTY.brought) : undefined;
  }
  original.src = URL.createObjectURL(file);
  const form = new FormData();
  form.append("audio", file);
  return load(() => api.call("POST", "/api/shadowing/brought", form), EMPTY.brought);
});

// One sentence

/** @param {number} index @param {{ focus?: boolean }} [options] */
function show(index, { focus = false } = {}) {
  at = index;
  audio.pause();
  attempt = null;
  byId("exercise-title").textContent = `Sentence ${at + 1} of ${sentences.length}`;
  byId("sentence").textContent = sentences[at];
  byId("attempt-status").textContent = "";
  byId("comparison").hidden = true;
  byId("previous", HTMLButtonElement).disabled = at === 0;
  byId("next", HTMLButtonElement).disabled = at === sentences.length - 1;
  offer();
  if (focus) byId("exercise-title").focus();
}

function offer() {
  for (const id of ["play-mine", "play-both"]) byId(id, HTMLButtonElement).disabled = !attempt;
}

/** Return the agent's voice at the chosen pace. */
function voice() {
  const pace = find(main, '[name="pace"]:checked', HTMLInputElement).value;
  const key = `${pace} ${sentences[at]}`;
  const known = voices.get(key);
  if (known) return known;
  const asking = speak(sentences[at], pace);
  voices.set(key, asking);
  asking.catch(() => voices.delete(key));
  return asking;
}

/** @param {string} text @param {string} pace */
async function speak(text, pace) {
  const answer = await fetch("/api/shadowing/speech", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ text, pace }),
  });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || "The agent can't speak right now.");
  return answer.blob();
}

/**
 * Play sounds one after the other, until another one is started.
 * @param {(() => Promise<Blob>)[]} sounds
 */
async function play(...sounds) {
  const index = at;
  try {
    for (const sound of sounds) {
      const blob = await sound();
      if (at !== index || recording) return;
      const url = URL.createObjectURL(blob);
      audio.src = url;
      const ended = new Promise((resolve) => {
        audio.onended = () => resolve(true);
        audio.onpause = () => audio.ended || resolve(false);
        audio.onerror = () => resolve(false);
      });
      await audio.play();
      const toTheEnd = await ended;
      URL.revokeObjectURL(url);
      if (!toTheEnd) return;
    }
  } catch (error) {
    // Another sound was started.
    if (error.name !== "AbortError") showError(error);
  }
}

// The attempt

/** @param {boolean} on */
function setRecording(on) {
  recording = on;
  if (on) audio.pause();
  find(record, "span").textContent = on ? "I'm listening…" : "Hold and say it";
}

/** @param {Pcm} pcm */
async function compare(pcm) {
  attempt = wav(pcm);
  offer();
  const index = at;
  const status = byId("attempt-status");
  byId("comparison").hidden = true;
  status.textContent = "Listening to what you said…";
  const form = new FormData();
  form.append("audio", attempt, "attempt.wav");
  form.append("sentence", sentences[at]);
  try {
    const compared = await api.call("POST", "/api/shadowing/attempts", form);
    if (at === index && !recording) showCompared(compared);
  } catch (error) {
    if (at === index) status.textContent = error.message;
  }
}

/** @param {Compared} compared */
function showCompared({ words, text, doubt }) {
  const missed = words.filter((word) => !word.heard).length;
  const count = `I heard ${words.length - missed} of ${words.length} words.`;
  const hint = missed ? " The dotted ones I could not make out: you may have said them all the same." : " That was all of it.";
  byId("attempt-status").textContent =
    doubt && missed === words.length ? "I could not make it out. Say it once more." : count + hint;
  byId("compared").replaceChildren(...words.flatMap(wordNodes));
  byId("heard").textContent = doubt ? `What I think I heard: ${text}` : `What I heard: ${text}`;
  byId("comparison").hidden = false;
}

/** @param {{ text: string; heard: boolean }} word @returns {(Node | string)[]} */
function wordNodes({ text, heard }) {
  if (heard) return [text, " "];
  const note = make("span", { className: "visually-hidden", textContent: " (not heard)" });
  return [make("span", { className: "not-heard" }, text, note), " "];
}

new HoldToTalk({
  button: record,
  worklet: String(main.dataset.worklet),
  onStart: () => setRecording(true),
  onStop: () => setRecording(false),
  onRecorded: compare,
  onTooShort: () => {
    byId("attempt-status").textContent = "That was very short. Hold the button while you speak.";
  },
  onTrouble: ({ code }) => {
    const { title, text } = explained(code);
    byId("attempt-status").textContent = `${title}. ${text}`;
  },
});
byId("listen").addEventListener("click", () => play(voice));
byId("play-mine").addEventListener("click", () => attempt && play(async () => /** @type {Blob} */ (attempt)));
byId("play-both").addEventListener("click", () => attempt && play(voice, async () => /** @type {Blob} */ (attempt)));
byId("previous").addEventListener("click", () => show(at - 1, { focus: true }));
byId("next").addEventListener("click", () => show(at + 1, { focus: true }));
byId("scenario").addEventListener("change", scenarioChanged);
for (const each of findAll(main, '[name="source"]', HTMLInputElement)) each.addEventListener("change", sourceChanged);
for (const each of findAll(main, '[name="pace"]', HTMLInputElement)) {
  each.addEventListener("change", () => announce(`The agent speaks at the pace “${each.value}”.`));
}

await Promise.all([sourceChanged(), listScenarios().catch(showError)]);
