// Show the agent's feedback on a whole talk: measured scores, strengths, and better ways to say something.

import { readable } from "./analysis.js";
import { announce } from "./announce.js";
import * as api from "./api.js";

const template = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
const WAITING = "Looking back at your talk…";
const MEANWHILE = "Still looking. A long talk takes a while…";
const LONG = 8000; // ms
const READY = "Your feedback is ready.";

export class Feedback {
  /** Create the feedback in `element`, the section of _feedback.html. */
  constructor(element) {
    this.element = element;
    this.asked = 0;
    // Corrections that the page shows elsewhere.
    this.corrections = [];
    this.part("retry").addEventListener("click", () => this.ask(this.conversation));
  }

  part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }

  hide() {
    // Ignore an answer that has not arrived yet.
    this.asked += 1;
    this.element.hidden = true;
  }

  /** Request the feedback and show it, without the corrections that are already shown. */
  async ask(conversation, corrections = this.corrections) {
    Object.assign(this, { conversation, corrections });
    const asked = (this.asked += 1);
    this.state("waiting", WAITING);
    const late = setTimeout(() => asked === this.asked && this.say(MEANWHILE), LONG);
    try {
      const analysis = await api.analyse(conversation);
      if (asked !== this.asked) return;
      this.show(analysis);
      announce(READY);
    } catch (error) {
      if (asked === this.asked) this.fail(error);
    } finally {
      clearTimeout(late);
    }
  }

  fail(error) {
    this.state("failed", error.message);
    this.part("retry").hidden = error.status === 501;
  }

  /** Set the state: "waiting", "failed" or "there". */
  state(state, words = "") {
    const hadFocus = document.activeElement === this.part("retry");
    this.element.hidden = false;
    this.element.dataset.state = state;
    this.element.setAttribute("aria-busy", state === "waiting");
    this.part("progress").hidden = state !== "waiting";
    this.part("retry").hidden = state !== "failed";
    this.part("result").hidden = state !== "there";
    this.say(words);
    // The button that had the focus is hidden now.
    if (hadFocus) this.element.querySelector("h2").focus();
  }

  say(words) {
    this.part("status").textContent = words;
  }

  /** Show the readable parts of the analysis. Hide the section if there are none. */
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

  isShown({ original, alternative }) {
    return this.corrections.some(({ said, better }) => said === original && better === alternative);
  }

  list(name, items) {
    const group = this.part(name);
    group.hidden = !items.length;
    group.querySelector("ul").replaceChildren(...items);
  }
}

function scoreItem({ label, value }) {
  const item = template("score-template");
  item.querySelector(".score-name").textContent = label;
  item.querySelector(".score-figure").textContent = String(Math.round(value));
  item.querySelector(".score-bar").style.setProperty("--score", value / 100);
  return item;
}

const textItem = (text) => Object.assign(document.createElement("li"), { textContent: text });

function suggestionItem({ original, alternative, explanation }) {
  const item = template("correction-template");
  item
    .querySelector("del")
    .replaceWith(Object.assign(document.createElement("span"), { className: "said", textContent: original }));
  item.querySelector("ins").textContent = alternative;
  const reason = item.querySelector(".correction-why");
  reason.textContent = explanation;
  reason.hidden = !explanation;
  return item;
}
