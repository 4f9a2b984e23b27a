// Collect the times of a turn that the server reports during a talk, and add them to the answer.

export class Measures {
  constructor(dialogue) {
    this.dialogue = dialogue;
    // The agent's turns by the learner's turn.
    this.answers = new Map();
    // Times to save, by the learner's turn. They are reported before or after the answer.
    this.savedMs = new Map();
  }

  /** Handle a `talk.timing` event about `answer`, a turn of the agent. */
  timed({ item_id: turn, transcribe_ms: heard, think_ms: thought, total_ms: total }, answer) {
    // An opening answers no turn.
    if (!turn || !answer) return;
    this.answers.set(turn, answer);
    this.dialogue.setMeasured(answer, { heard_ms: heard, thought_ms: heard + thought, first_audio_ms: total });
    this.tell(turn);
  }

  saved(turn, ms) {
    if (!Number.isFinite(ms) || this.savedMs.has(turn)) return;
    this.savedMs.set(turn, ms);
    this.tell(turn);
  }

  tell(turn) {
    if (this.answers.has(turn) && this.savedMs.has(turn))
      this.dialogue.setMeasured(this.answers.get(turn), { saved_ms: this.savedMs.get(turn) });
  }
}
