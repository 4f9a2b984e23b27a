// Help a learner who stays silent after a question: the agent repeats the question, and later gives a hint.

/** @import { Scope } from "./scope.js" */

// Silence before each help with one question. It grows, so that the help does not annoy.
const WAITS = [20, 40]; // s

export class Reprompt {
  /**
   * Create the timer. `isSilent()` returns whether it is the learner's turn and they do nothing. `help()` requests help from the
   * agent.
   * @param {{ scope: Scope; isSilent: () => boolean; help: () => void }} options
   */
  constructor({ scope, isSilent, help }) {
    this.isSilent = isSilent;
    this.help = help;
    this.given = this.seconds = 0;
    // Count ticks instead of the time, because the time that a device sleeps does not count.
    scope.every(1000, () => this.tick());
  }

  /** Restart the timer, because the learner has taken a turn and the next question is a new one. */
  restart() {
    this.given = this.seconds = 0;
  }

  tick() {
    this.seconds = this.isSilent() ? this.seconds + 1 : 0;
    if (!(this.seconds >= WAITS[this.given])) return;
    this.given += 1;
    this.seconds = 0;
    this.help();
  }
}
