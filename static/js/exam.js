// Show the parts of an exam and their time. The agent begins each part; the page finds it by the words that it says.

import { announce } from "./announce.js";
import { scenarios } from "./api.js";
import { byId } from "./dom.js";
/** @import { ExamPart, Turn } from "./types.d.ts" */

const panel = byId("exam");
const skip = byId("exam-skip", HTMLButtonElement);

/** @type {(seconds: number) => string} */
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

/** @type {(text: string) => string} */
const plain = (text) => text.replace(/\s+/g, " ").trim();

export class Exam {
  /**
   * Create a clock without parts. While the learner prepares or speaks at length, `hold(on)` sees to it that no pause ends the
   * turn.
   * @param {{ hold: (on: boolean) => void }} options
   */
  constructor({ hold }) {
    this.hold = hold;
    /** @type {ExamPart[]} */
    this.parts = [];
    this.scenario = "";
    this.number = -1;
    this.left = 0; // s
    this.preparing = false;
    skip.addEventListener("click", () => this.speak());
  }

  /**
   * Show the parts of this scenario, if it is an exam.
   * @param {string} scenario
   */
  async load(scenario) {
    if (scenario === this.scenario) return;
    this.scenario = scenario;
    const found = (await scenarios()).scenarios.find(({ id }) => id === scenario);
    this.parts = found?.parts ?? [];
    panel.hidden = this.parts.length === 0;
  }

  /**
   * Find out which part it is.
   * @param {Iterable<Pick<Turn, "role" | "text">>} turns
   */
  follow(turns) {
    if (!this.parts.length) return;
    const said = [...turns].filter(({ role, text }) => role === "assistant" && text).map(({ text }) => plain(text));
    if (!said.length) return;
    const number = this.parts.findLastIndex(({ opening }) => !opening || said.some((text) => text.includes(plain(opening))));
    if (number !== this.number) this.begin(number);
  }

  /** @param {number} number */
  begin(number) {
    this.number = number;
    const { title, seconds, preparationSeconds } = this.parts[number];
    this.preparing = preparationSeconds > 0;
    this.left = this.preparing ? preparationSeconds : seconds;
    byId("exam-part").textContent = `Part ${number + 1} of ${this.parts.length}: ${title}`;
    this.hold(this.preparing);
    this.show();
    announce(this.preparing ? `${title}. You have ${preparationSeconds} seconds to prepare.` : title);
  }

  /** End the time to prepare. The learner speaks, and a pause does not end the turn before the time is over. */
  speak() {
    if (!this.preparing) return;
    this.preparing = false;
    this.left = this.parts[this.number].seconds;
    this.show();
    announce("Please speak now.");
  }

  /** Count one second. */
  tick() {
    if (this.number < 0 || this.left <= 0) return;
    this.left -= 1;
    if (this.left > 0) this.show();
    else if (this.preparing) this.speak();
    else {
      this.hold(false);
      this.show();
      announce("The time of this part is over. Finish your sentence.");
    }
  }

  show() {
    const time = clock(this.left);
    if (this.preparing) byId("exam-time").textContent = `${time} to prepare`;
    else byId("exam-time").textContent = this.left > 0 ? `${time} left` : "Time is over. Finish your sentence.";
    skip.hidden = !this.preparing;
  }
}
