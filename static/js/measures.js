// Collect the times of a turn that the server reports during a talk, and add them to the answer.

/** @import { Dialogue } from "./dialogue.js" */
/** @import { TalkEvent } from "./types.d.ts" */

export class Measures {
  /** @param {Pick<Dialogue, "setMeasured">} dialogue */
  constructor(dialogue) {
    this.dialogue = dialogue;
    /** @type {Map<string, string>} The agent's turns by the learner's turn */
    this.answers = new Map();
    /** @type {Map<string, number>} Times to save, by the learner's turn. They are reported before or after the answer */
    this.savedMs = new Map();
  }

  /**
   * Handle a `talk.timing` event about `answer`, a turn of the agent.
   * @param {TalkEvent} event
   * @param {string} [answer]
   */
  timed({ item_id: turn, transcribe_ms: heard, think_ms: thought, total_ms: total }, answer) {
    // An opening answers no turn.
    if (!turn || !answer) return;
    this.answers.set(turn, answer);
    this.dialogue.setMeasured(answer, { heard_ms: heard, thought_ms: heard + thought, first_audio_ms: total });
    this.show(turn);
  }

  /** @param {string} turn @param {number} ms */
  saved(turn, ms) {
    if (!Number.isFinite(ms) || this.savedMs.has(turn)) return;
    this.savedMs.set(turn, ms);
    this.show(turn);
  }

  /** @param {string} turn */
  show(turn) {
    const answer = this.answers.get(turn);
    if (answer && this.savedMs.has(turn)) this.dialogue.setMeasured(answer, { saved_ms: this.savedMs.get(turn) });
  }
}
