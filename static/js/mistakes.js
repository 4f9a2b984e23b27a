// List the learner's mistakes: hear them, dispute them, and keep sentences of one's own.

import "./page.js";
import { offerDeck } from "./anki-deck.js";
import { announce, showError, toast } from "./announce.js";
import { call } from "./api.js";
import { marked } from "./corrections.js";
import { byId, clone, find, findAll, make } from "./dom.js";
import { day, line, plural } from "./format.js";
import { Speech } from "./speech.js";
import { Unreached } from "./unreached.js";
/** @import { Mistake, Occurrence } from "./types.d.ts" */

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
// Talks are read a few at a time. Look again after so many milliseconds.
const READ_AGAIN = 1500;
const PAGE = 30;
/** @type {Record<string, string>} */
const NONE = {
  open: "None now. What is corrected in your talks comes here.",
  gone: "None yet. A mistake is gone when you have not made it for weeks.",
  reported: "None. If a correction was wrong, say “That was right”.",
};
/** @type {Record<string, string>} */
const KINDS = { mistake: "In a talk", attempt: "Review", uptake: "Right in a talk", sentence: "Your sentence" };
/** @type {Record<string, string>} */
const OUTCOMES = { right: "right", wrong: "not yet", unsure: "not heard well", shown: "shown" };

const speech = new Speech();
const unreached = new Unreached({ place: byId("mistakes-body"), onRetry: () => load() });
let state = "open";
/** @type {string | null | undefined} */
let next = null;
// The number of the latest request. An answer to an earlier one comes too late.
let latest = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let readingAgain;

/** @param {{ more?: boolean }} [options] */
async function load({ more = false } = {}) {
  clearTimeout(readingAgain);
  const number = ++latest;
  const cursor = more && next ? `&cursor=${encodeURIComponent(next)}` : "";
  const query = `limit=${PAGE}&state=${state}&zone=${encodeURIComponent(ZONE)}${cursor}`;
  try {
    const found = await call("GET", `/api/mistakes?${query}`);
    if (number !== latest) return;
    unreached.hide();
    next = found.next;
    const items = found.mistakes.map(item);
    if (more) byId("mistakes").append(...items);
    else byId("mistakes").replaceChildren(...items);
    // A page may be empty if its words have changed meanwhile.
    if (more && items.length) find(items[0], "h2").focus();
    show(found);
  } catch (error) {
    if (number !== latest) return;
    byId("mistakes-status").textContent = "";
    unreached.show(error, { focus: false });
  }
}

/** @param {{ counts: Record<string, number>; unread: number; mistakes: Mistake[] }} found */
function show({ counts, unread, mistakes }) {
  byId("states").hidden = false;
  for (const label of findAll(byId("states"), "label")) {
    find(label, ".figure").textContent = String(counts[find(label, "input").value]);
  }
  byId("to-review").hidden = !counts.due;
  byId("to-review").textContent = `Review ${plural(counts.due, "sentence")}`;
  byId("show-more").hidden = !next;
  const reading = unread ? `${plural(unread, "talk")} still to be read…` : "";
  byId("mistakes-status").textContent = reading || (mistakes.length || next ? "" : NONE[state]);
  if (unread) readingAgain = setTimeout(load, READ_AGAIN);
}

/** @param {Mistake} mistake */
function item(mistake) {
  const element = clone("mistake-template");
  find(element, "h2").tabIndex = -1;
  find(element, "del").textContent = mistake.said;
  find(element, "ins").textContent = mistake.better;
  find(element, ".mistake-why").textContent = mistake.why ?? "";
  find(element, ".mistake-why").hidden = !mistake.why;
  find(element, ".said-sentence").replaceChildren(...marked(mistake.sentence, [mistake]));
  find(element, ".better-sentence").textContent = mistake.corrected;
  find(element, ".mistake-facts").textContent = facts(mistake);
  const talk = find(element, '[data-action="talk"]', HTMLAnchorElement);
  talk.href = `/history/${encodeURIComponent(mistake.conversation)}`;
  bindSounds(element, mistake);
  bindReport(element, mistake);
  bindSentence(element, mistake);
  bindAll(element, mistake);
  return element;
}

/** @param {Mistake} mistake */
function facts({ count, lastAt, reviews, uptakes, state: now }) {
  return line([
    count === 1 ? "once" : `${count} times`,
    `last ${day(new Date(lastAt)).toLowerCase() === "today" ? "today" : `on ${day(new Date(lastAt))}`}`,
    reviews ? plural(reviews, "review") : "",
    uptakes ? `right in ${plural(uptakes, "turn")} since` : "",
    now === "returned" ? "was gone, and came back" : "",
  ]);
}

/** @param {HTMLElement} element @param {Mistake} mistake */
function bindSounds(element, { audioUrl, corrected }) {
  const own = find(element, '[data-action="own"]', HTMLButtonElement);
  own.hidden = !audioUrl;
  own.addEventListener("click", () => speech.play(own, audioUrl ?? "").catch(showError));
  const better = find(element, '[data-action="better"]', HTMLButtonElement);
  better.addEventListener("click", () => speech.say(better, corrected).catch(showError));
}

/** @param {HTMLElement} element @param {Mistake} mistake */
function bindReport(element, mistake) {
  const button = find(element, '[data-action="report"]', HTMLButtonElement);
  const reported = mistake.state === "reported";
  const path = `/api/mistakes/${mistake.id}/report`;
  button.textContent = reported ? "Put it back" : "That was right";
  const change = async (/** @type {"POST" | "DELETE"} */ method) => {
    try {
      await call(method, path);
      await load();
      return true;
    } catch (error) {
      showError(error);
      return false;
    }
  };
  button.addEventListener("click", async () => {
    if (!(await change(reported ? "DELETE" : "POST"))) return;
    byId("main").focus();
    if (reported) announce("It is back in your reviews.");
    else
      toast("Thank you. It is out of your reviews, and the operators can see that the correction was wrong.", {
        action: { label: "Undo", act: () => change("DELETE") },
      });
  });
}

/** @param {HTMLElement} element @param {Mistake} mistake */
function bindSentence(element, { id }) {
  const opener = find(element, '[data-action="sentence"]');
  const form = find(element, "form");
  const field = find(form, "input");
  opener.addEventListener("click", () => {
    form.hidden = !form.hidden;
    opener.setAttribute("aria-expanded", String(!form.hidden));
    if (!form.hidden) field.focus();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await call("POST", `/api/mistakes/${id}/sentences`, { text: field.value, messageId: `user-${Date.now()}` });
      field.value = "";
      form.hidden = true;
      opener.setAttribute("aria-expanded", "false");
      opener.focus();
      toast("Your sentence is kept here.");
    } catch (error) {
      showError(error);
    }
  });
}

/** @param {HTMLElement} element @param {Mistake} mistake */
function bindAll(element, { id }) {
  const opener = find(element, '[data-action="all"]');
  const list = find(element, ".occurrences");
  opener.addEventListener("click", async () => {
    try {
      if (list.hidden) list.replaceChildren(...(await call("GET", `/api/mistakes/${id}`)).occurrences.map(occurrence));
      list.hidden = !list.hidden;
      opener.setAttribute("aria-expanded", String(!list.hidden));
    } catch (error) {
      showError(error);
    }
  });
}

/** @param {Occurrence} one */
function occurrence({ kind, at, text, outcome, audioUrl }) {
  const facts = line([KINDS[kind], outcome ? OUTCOMES[outcome] : "", day(new Date(at))]);
  const element = make(
    "li",
    {},
    make("p", { textContent: text || "—" }),
    make("small", { className: "quiet-note", textContent: facts }),
  );
  if (audioUrl) {
    const button = make("button", { type: "button", className: "button quiet small", textContent: "Hear it" });
    button.setAttribute("aria-label", `Hear it: ${text}`);
    button.addEventListener("click", () => speech.play(button, audioUrl).catch(showError));
    element.append(button);
  }
  return element;
}

for (const radio of findAll(byId("states"), "input", HTMLInputElement)) {
  radio.addEventListener("change", () => {
    state = radio.value;
    load();
  });
}
byId("show-more").addEventListener("click", () => load({ more: true }));
offerDeck(byId("anki", HTMLButtonElement), byId("anki-status"));
load();
