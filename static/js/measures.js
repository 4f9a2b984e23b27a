// What the server tells of a turn's times while the talk goes on, put together at the answer it belongs to.

export class Measures {
  constructor(dialogue) {
    this.dialogue = dialogue;
    this.answers = new Map(); // the learner's turn → the agent's
    this.savedMs = new Map(); // the learner's turn → how long saving it took: told before or after its answer
  }

  /** A `talk.timing`; `answer`: the agent's turn that it is about. */
  timed({ item_id: turn, transcribe_ms: heard, think_ms: thought, total_ms: total }, answer) {
    if (!turn || !answer) return; // an opening answers nothing
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
