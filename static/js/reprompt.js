// Helps a learner who was asked something and stays silent: the agent repeats its question, and later gives a hint.

const WAITS = [20, 40]; // seconds of silence before each help with one question: growing, so that it does not nag

export class Reprompt {
  /** `isSilent()`: is it the learner's turn, and do they do nothing about it? `help()` has the agent help. */
  constructor({ scope, isSilent, help }) {
    Object.assign(this, { isSilent, help });
    this.restart();
    // Ticks are counted, not the clock: a device that slept has not waited.
    scope.every(1000, () => this.tick());
  }

  /** The learner has taken a turn: the next question is another one. */
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
