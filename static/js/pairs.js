// Run the page of minimal pairs: hear one of two words and choose, or say one and see which one was heard.

import "./page.js";
import { announce, showError } from "./announce.js";
import * as api from "./api.js";
import { byId, find, findAll, make } from "./dom.js";
import { plural } from "./format.js";
import { HoldToTalk } from "./hold-to-talk.js";
import { explained } from "./microphone-help.js";
import { wav } from "./pcm.js";
import { Speech } from "./speech.js";
/** @import { Pcm } from "./pcm.js" */

/** @typedef {{ id: string; words: [string, string]; canBeSaid: boolean }} Pair */
/**
 * @typedef {{ attempts: number; asMeant: number; share: number | null; low: number; high: number;
 *   change: "higher" | "lower" | "unclear" | null }} Trend
 */
/**
 * @typedef {{ id: string; title: string; sounds: string; tip: string; pairs: Pair[]; hearing: Trend | null;
 *   saying: Trend | null }} Contrast
 */
/** @typedef {{ chosen: string | null; asMeant: boolean | null; notices: string[] }} Taken */

const CHANGES = { higher: " More than in your first attempts.", lower: " Less than in your first attempts." };

const main = byId("main");
const record = byId("record", HTMLButtonElement);
const speech = new Speech();
const review = `pairs-${Date.now()}`;

/** @type {Contrast[]} */
let contrasts = [];
let canHear = false;
/** @type {Pair | null} */
let pair = null;
/** The word that is played, or to be said. */
let meant = "";
let answered = false;
/** @type {string} A link to the learner's attempt */
let attempt = "";
// What was asked last. An answer to an earlier question comes too late.
let number = 0;

const way = () => /** @type {"hearing" | "saying"} */ (find(main, '[name="way"]:checked', HTMLInputElement).value);
const contrast = () => contrasts.find(({ id }) => id === byId("contrast", HTMLSelectElement).value);

async function load() {
  const found = await api.call("GET", "/api/pairs");
  contrasts = found.contrasts;
  canHear = found.canHear;
}

async function start() {
  try {
    await load();
  } catch (error) {
    byId("pairs-status").textContent = error.message;
    return;
  }
  const options = contrasts.map(({ id, title, sounds }) => make("option", { value: id, textContent: `${title}: ${sounds}` }));
  byId("contrast").replaceChildren(...options);
  begin();
}

/** Begin with the chosen contrast and way. */
function begin() {
  const chosen = contrast();
  if (!chosen) return;
  byId("tip").textContent = chosen.tip;
  showTrends(chosen);
  pair = null;
  next();
}

/** @param {{ focus?: boolean }} [options] */
function next({ focus = false } = {}) {
  speech.stop();
  number++;
  const saying = way() === "saying";
  const pairs = saying && !canHear ? [] : (contrast()?.pairs ?? []).filter(({ canBeSaid }) => canBeSaid || !saying);
  byId("exercise").hidden = !pairs.length;
  byId("pairs-status").textContent = pairs.length ? "" : whyNone();
  if (!pairs.length) return;
  const others = pairs.filter((each) => each !== pair);
  pair = others.length ? one(others) : pairs[0];
  meant = one(pair.words);
  answered = false;
  forget();
  const [first, second] = pair.words;
  byId("exercise-title").textContent = saying ? `Say “${meant}”` : "Which word do you hear?";
  byId("hear-it").hidden = saying;
  byId("say-it").hidden = !saying;
  byId("after").hidden = true;
  byId("outcome").textContent = "";
  byId("word").textContent = meant;
  byId("other").textContent = meant === first ? second : first;
  for (const button of findAll(main, "[data-choice]", HTMLButtonElement)) {
    button.textContent = pair.words[Number(button.dataset.choice)];
    button.disabled = false;
  }
  for (const button of findAll(main, "[data-hear]")) button.textContent = `Hear “${pair.words[Number(button.dataset.hear)]}”`;
  if (focus) byId("exercise-title").focus();
}

const whyNone = () =>
  canHear
    ? "I do not hear this difference reliably, so I would not judge you fairly. You can practise hearing it."
    : "This server cannot compare words. You can practise hearing them.";

/** @template T @param {T[]} of @returns {T} */
const one = (of) => of[Math.floor(Math.random() * of.length)];

/** Forget the attempt at the last word. */
function forget() {
  if (attempt) URL.revokeObjectURL(attempt);
  attempt = "";
  byId("mine", HTMLButtonElement).disabled = true;
}

// Answers

/** @param {Record<string, string | Blob>} fields */
async function send(fields) {
  const asked = number;
  const form = new FormData();
  const all = { pair: pair?.id ?? "", meant, messageId: `user-${Date.now()}`, ...fields };
  for (const [name, value] of Object.entries(all)) form.append(name, value);
  try {
    /** @type {Taken} */
    const taken = await api.call("POST", `/api/pairs/${review}/attempts`, form);
    if (asked !== number) return;
    tell(taken);
    await load();
    const chosen = contrast();
    if (chosen) showTrends(chosen);
  } catch (error) {
    if (asked === number) byId("outcome").textContent = error.message;
  }
}

/** @param {Taken} taken */
function tell({ chosen, asMeant, notices }) {
  const said = way() === "saying";
  if (chosen === null) {
    byId("outcome").textContent = "I could not tell which of the two it was. It does not count: say it once more.";
    return;
  }
  answered = true;
  const heard = said ? `I heard “${chosen}”.` : `It was “${meant}”.`;
  const listen = said ? " Compare both words with your attempt." : " Listen to both.";
  byId("outcome").textContent = heard + (asMeant ? (said ? " That is the word you meant." : " Yes!") : listen);
  byId("after").hidden = false;
  for (const notice of notices) announce(notice);
}

/** @param {Contrast} of */
function showTrends(of) {
  byId("hearing-trend").textContent = told(of.hearing);
  byId("saying-trend").textContent = told(of.saying);
}

/** @param {Trend | null} trend */
function told(trend) {
  if (!trend) return "No attempt yet.";
  if (trend.share === null) return `${trend.asMeant} of ${plural(trend.attempts, "attempt")}.`;
  const [share, low, high] = [trend.share, trend.low, trend.high].map((each) => Math.round(100 * each));
  const change = trend.change && trend.change !== "unclear" ? CHANGES[trend.change] : "";
  return `${share} %, between ${low} and ${high} %, after ${plural(trend.attempts, "attempt")}.${change}`;
}

// The page's controls

/** @param {Pcm} pcm */
function said(pcm) {
  const recording = wav(pcm);
  forget();
  attempt = URL.createObjectURL(recording);
  byId("mine", HTMLButtonElement).disabled = false;
  byId("outcome").textContent = "Listening to it…";
  return send({ audio: new File([recording], "said.wav", { type: recording.type }) });
}

new HoldToTalk({
  button: record,
  worklet: String(main.dataset.worklet),
  onStart: () => {
    speech.stop();
    find(record, "span").textContent = "I'm listening…";
  },
  onStop: () => (find(record, "span").textContent = "Hold and say it"),
  onRecorded: said,
  onTooShort: () => (byId("outcome").textContent = "That was very short. Hold the button while you speak."),
  onTrouble: ({ code }) => {
    const { title, text } = explained(code);
    byId("outcome").textContent = `${title}. ${text}`;
  },
});

/** @param {string} id @param {(button: HTMLButtonElement) => Promise<void>} play */
function plays(id, play) {
  const button = byId(id, HTMLButtonElement);
  button.addEventListener("click", () => play(button).catch(showError));
}

plays("listen", (button) => speech.say(button, `${meant}.`));
plays("model", (button) => speech.say(button, `${meant}.`));
plays("mine", (button) => speech.play(button, attempt));
for (const button of findAll(main, "[data-hear]", HTMLButtonElement)) {
  button.addEventListener("click", () => {
    const word = pair?.words[Number(button.dataset.hear)];
    speech.say(button, `${word}.`).catch(showError);
  });
}
for (const button of findAll(main, "[data-choice]", HTMLButtonElement)) {
  button.addEventListener("click", () => {
    if (answered || !pair) return;
    answered = true;
    for (const each of findAll(main, "[data-choice]", HTMLButtonElement)) each.disabled = each !== button;
    send({ chosen: pair.words[Number(button.dataset.choice)] });
  });
}
byId("next").addEventListener("click", () => next({ focus: true }));
byId("contrast").addEventListener("change", begin);
for (const each of findAll(main, '[name="way"]', HTMLInputElement)) each.addEventListener("change", begin);

await start();
