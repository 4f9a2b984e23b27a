// Run a review: say each sentence right, by voice or typed, and hear how it was.

import "./page.js";
import { announce, showError } from "./announce.js";
import { call } from "./api.js";
import { marked } from "./corrections.js";
import { byId } from "./dom.js";
import { day, plural, time } from "./format.js";
import { HoldToTalk } from "./hold-to-talk.js";
import { explained } from "./microphone-help.js";
import { wav } from "./pcm.js";
import { Speech } from "./speech.js";
import { Unreached } from "./unreached.js";
/** @import { Judgement, Review } from "./types.d.ts" */
/** @import { ApiError } from "./api.js" */

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
// After so many wrong attempts the answer is shown.
const TRIES = 2;
const RIGHT = ["That's right.", "Yes, exactly.", "Well said.", "Right."];
const NOT_HEARD = "I could not hear that well enough to judge it. It does not count: say it once more.";

const review = `review-${Date.now()}`;
const page = byId("main");
const talkButton = byId("hold", HTMLButtonElement);
const typed = byId("typed", HTMLInputElement);
const speech = new Speech();
const unreached = new Unreached({ place: byId("review-body"), onRetry: load });

/** @type {Review[]} */
let queue = [];
let number = 0;
let wrong = 0;
let first = 0;
/** @type {string | undefined} */
let own;
/** @type {(() => Promise<void>) | undefined} */
let again;

async function load() {
  try {
    const { reviews, due, nextAt, unread } = await call("GET", `/api/reviews/next?zone=${encodeURIComponent(ZONE)}`);
    unreached.hide();
    queue = reviews;
    number = first = 0;
    if (queue.length) {
      byId("review-lede").textContent =
        `${plural(queue.length, "sentence")}${due > queue.length ? ` of ${due} that are due` : ""}. It takes about two minutes.`;
      show();
    } else showEmpty(nextAt, unread);
  } catch (error) {
    state("unreached");
    byId("review-lede").textContent = "";
    unreached.show(error, { focus: false });
  }
}

/** @param {"card" | "empty" | "done" | "unreached"} name */
function state(name) {
  page.dataset.state = name;
  for (const id of ["card", "empty", "done"]) byId(`review-${id}`).hidden = id !== name;
}

/** @param {number | null} nextAt @param {number} unread */
function showEmpty(nextAt, unread) {
  state("empty");
  const next = nextAt
    ? `The next sentence comes back ${when(nextAt)}.`
    : "After a talk, your mistakes come here, until they are gone.";
  byId("review-lede").textContent = "";
  byId("empty-text").textContent = unread ? "Your talks are still being read. Look again in a moment." : next;
}

/** @param {number} at */
function when(at) {
  const date = new Date(at);
  const named = day(date);
  const days = Math.round((date.setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return `today at ${time(new Date(at))}`;
  return days === 1 ? "tomorrow" : days < 7 ? `on ${named.split(" ")[0].replace(",", "")}` : `on ${named}`;
}

function show() {
  state("card");
  const one = queue[number];
  wrong = 0;
  own = again = undefined;
  byId("card-number").textContent = `Sentence ${number + 1} of ${queue.length}`;
  byId("card-question").hidden = !one.question;
  byId("question-text").textContent = one.question;
  byId("card-said").replaceChildren(...marked(one.sentence, [one]));
  byId("hear-said").hidden = !one.audioUrl;
  byId("outcome").hidden = true;
  byId("attempt").hidden = false;
  typed.value = "";
  byId("card-title").focus();
}

// Attempts

/** @param {{ pcm?: import("./pcm.js").Pcm; text?: string; shown?: boolean }} said */
function attempt({ pcm, text, shown }) {
  const form = new FormData();
  form.append("prompt", queue[number].prompt);
  form.append("messageId", `user-${Date.now()}`);
  if (pcm) form.append("audio", wav(pcm), "said.wav");
  if (text) form.append("text", text);
  if (shown) form.append("shown", "true");
  // The same request again is the same attempt.
  again = async () => {
    busy(true);
    try {
      judged(await call("POST", `/api/reviews/${review}/attempts`, form));
    } catch (error) {
      failed(error);
    } finally {
      busy(false);
    }
  };
  return again();
}

/** @param {boolean} on */
function busy(on) {
  page.toggleAttribute("data-busy", on);
  talkButton.disabled = on;
  byId("check", HTMLButtonElement).disabled = on;
  byId("hold-label").textContent = on ? "Listening to it…" : "Hold to talk";
  if (on) announce("One moment.");
}

/** @param {ApiError} error */
function failed(error) {
  byId("send-again").hidden = !error.retryable;
  tell("unsure", error.message);
}

/** @param {Judgement} judgement */
function judged({ outcome, heard, corrected, message, notices }) {
  const one = queue[number];
  byId("send-again").hidden = true;
  own = message.audioUrl;
  if (outcome === "right") {
    if (!wrong) first++;
    tell("right", RIGHT[number % RIGHT.length], corrected);
  } else if (outcome === "unsure") tell("unsure", heard ? `${NOT_HEARD} I heard: “${heard}”` : NOT_HEARD);
  else if (outcome === "shown" || ++wrong >= TRIES)
    tell("shown", `Say it like this, and hear it once. It comes back soon.`, corrected);
  else tell("wrong", `Not yet: I heard “${heard}”. ${one.why || "Look at the marked words, and try once more."}`);
  for (const notice of notices) announce(notice);
}

/** @param {"right" | "wrong" | "unsure" | "shown"} kind @param {string} text @param {string} [corrected] */
function tell(kind, text, corrected = "") {
  const outcome = byId("outcome");
  outcome.hidden = false;
  outcome.dataset.kind = kind;
  byId("outcome-text").textContent = text;
  byId("outcome-corrected").textContent = corrected;
  byId("outcome-corrected").hidden = byId("hear-better").hidden = !corrected;
  byId("hear-own").hidden = !own;
  byId("attempt").hidden = kind === "right" || kind === "shown";
  byId("next").hidden = kind === "wrong" || kind === "unsure";
  byId("next-label").textContent = number + 1 < queue.length ? "Next sentence" : "Finish";
  announce(`${text} ${corrected}`);
  if (!byId("next").hidden) byId("next").focus();
}

function finish() {
  state("done");
  byId("done-text").textContent =
    `${plural(queue.length, "sentence")}, ${first} right at the first try. That is enough for today.`;
  byId("review-lede").textContent = "";
  byId("done-title").focus();
}

// The page's controls

const hold = new HoldToTalk({
  button: talkButton,
  worklet: page.dataset.worklet ?? "",
  onStart: () => {
    speech.stop();
    byId("hold-label").textContent = "I'm listening…";
  },
  onStop: () => (byId("hold-label").textContent = "Hold to talk"),
  onRecorded: (pcm) => attempt({ pcm }),
  onTooShort: () => tell("unsure", "That was very short. Hold the button while you speak."),
  onTrouble: ({ code }) => {
    const { title, text } = explained(code);
    tell("unsure", `${title}. ${text}`);
    typed.focus();
  },
});

byId("type-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = typed.value.trim();
  if (text) attempt({ text });
});
byId("show-answer").addEventListener("click", () => attempt({ shown: true }));
byId("send-again").addEventListener("click", () => again?.());
byId("next").addEventListener("click", () => {
  speech.stop();
  number++;
  if (number < queue.length) show();
  else finish();
});
/** @type {[string, (button: HTMLButtonElement) => Promise<void>][]} */
const SOUNDS = [
  ["hear-question", (button) => speech.say(button, queue[number].question)],
  ["hear-said", (button) => speech.play(button, queue[number].audioUrl ?? "")],
  ["hear-better", (button) => speech.say(button, queue[number].corrected)],
  ["hear-own", (button) => speech.play(button, own ?? "")],
];
for (const [id, play] of SOUNDS) {
  const button = byId(id, HTMLButtonElement);
  button.addEventListener("click", () => play(button).catch(showError));
}
byId("more").addEventListener("click", load);
addEventListener("pagehide", () => hold.close());

load();
