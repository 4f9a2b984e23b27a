// Show the agent's feedback on a whole talk: measured scores, strengths, and better ways to say something.

import { readable } from "./analysis.js";
import { announce } from "./announce.js";
import * as api from "./api.js";
import { correctionItem } from "./corrections.js";
import { clone, find, make } from "./dom.js";
/** @import { Correction } from "./types.d.ts" */

const WAITING = "Looking back at your talk…";
const MEANWHILE = "Still looking. A long talk takes a while…";
const LONG = 8000; // ms
const READY = "Your feedback is ready.";

export class Feedback {
  /**
   * Create the feedback in `element`, the section of _feedback.html.
   * @param {HTMLElement} element
   */
  constructor(element) {
    this.element = element;
    // Number of the latest request. Answers to earlier ones are ignored.
    this.asked = 0;
    this.conversation = "";
    /** @type {Correction[]} Corrections that the page shows elsewhere */
    this.corrections = [];
    this.part("retry").addEventListener("click", () => this.ask(this.conversation));
  }

  /** @param {string} name */
  part(name) {
    return find(this.element, `[data-part="${name}"]`);
  }

  hide() {
    this.asked += 1;
    this.element.hidden = true;
  }

  /**
   * Request the feedback and show it, without the corrections that are already shown.
   * @param {string} conversation
   * @param {Correction[]} [corrections]
   */
  async ask(conversation, corrections = this.corrections) {
    this.conversation = conversation;
    this.corrections = corrections;
    const asked = (this.asked += 1);
    this.state("waiting", WAITING);
    const late = setTimeout(() => asked === this.asked && this.say(MEANWHILE), LONG);
    try {
      const analysis = await api.analyse(conversation);
      if (asked !== this.asked) return;
      this.show(analysis);
      announce(READY);
    } catch (error) {
      if (asked !== this.asked) return;
      this.state("failed", error.message);
      this.part("retry").hidden = error.status === 501;
    } finally {
      clearTimeout(late);
    }
  }

  /**
   * @param {"waiting" | "failed" | "there"} state
   * @param {string} words
   */
  state(state, words = "") {
    const hadFocus = document.activeElement === this.part("retry");
    this.element.hidden = false;
    this.element.dataset.state = state;
    this.element.setAttribute("aria-busy", String(state === "waiting"));
    this.part("progress").hidden = state !== "waiting";
    this.part("retry").hidden = state !== "failed";
    this.part("result").hidden = state !== "there";
    this.say(words);
    // The button that had the focus is hidden now.
    if (hadFocus) find(this.element, "h2").focus();
  }

  /** @param {string} words */
  say(words) {
    this.part("status").textContent = words;
  }

  /**
   * Show the readable parts of the analysis. Hide the section if there are none.
   * @param {unknown} analysis
   */
  show(analysis) {
    const found = readable(analysis);
    if (!found) return this.hide();
    this.state("there");
    this.part("words").textContent = found.words;
    const overall = found.overall === null ? [] : [scoreItem({ label: "Overall", value: found.overall })];
    overall[0]?.classList.add("overall");
    this.part("scores").replaceChildren(...overall, ...found.scores.map(scoreItem));
    this.list("strengths", found.strengths.map(textItem));
    this.list("improvements", found.improvements.map(textItem));
    return this.list("suggestions", found.suggestions.filter((one) => !this.isShown(one)).map(suggestionItem));
  }

  /** @param {{ original: string; alternative: string }} suggestion */
  isShown({ original, alternative }) {
    return this.corrections.some(({ said, better }) => said === original && better === alternative);
  }

  /** @param {string} name @param {HTMLElement[]} items */
  list(name, items) {
    const group = this.part(name);
    group.hidden = !items.length;
    find(group, "ul").replaceChildren(...items);
  }
}

/** @param {{ label: string; value: number }} score */
function scoreItem({ label, value }) {
  const item = clone("score-template");
  find(item, ".score-name").textContent = label;
  find(item, ".score-figure").textContent = String(Math.round(value));
  find(item, ".score-bar").style.setProperty("--score", String(value / 100));
  return item;
}

/** @type {(text: string) => HTMLElement} */
const textItem = (text) => make("li", { textContent: text });

/** @param {{ original: string; alternative: string; explanation: string }} suggestion */
function suggestionItem({ original, alternative, explanation }) {
  const item = correctionItem({ said: original, better: alternative, why: explanation });
  // Nothing was wrong with what the learner said, so it is not struck out.
  find(item, "del").replaceWith(make("span", { className: "said", textContent: original }));
  return item;
}
