// Record one attempt at a sentence from the microphone.

import { Microphone, MicrophoneError } from "./microphone.js";
import { join, wav } from "./pcm.js";
import { Scope } from "./scope.js";
import * as settings from "./settings.js";
/** @import { MicrophoneCode } from "./microphone.js" */
/** @import { Pcm } from "./pcm.js" */

// The server takes a minute.
const LONGEST_MS = 55_000;
/** @type {Record<MicrophoneCode | "silent", string>} */
const TROUBLE = {
  denied: "The microphone is blocked. Allow it for this page, then try again.",
  missing: "No microphone was found. Plug one in, then try again.",
  busy: "The microphone can’t be opened. Another program may be using it.",
  silent: "No sound comes from the microphone. Is it muted?",
  insecure: "Browsers allow a microphone only on https:// addresses and on localhost.",
  unsupported: "This browser can’t record. Please use a current Chrome, Edge, Firefox or Safari.",
};

export class AttemptRecorder {
  /** @param {{ worklet: string; onEnd: () => void }} options `onEnd` is called when the recording must end. */
  constructor({ worklet, onEnd }) {
    this.worklet = worklet;
    this.onEnd = onEnd;
    /** @type {Pcm[]} */
    this.frames = [];
    /** @type {Scope | null} */
    this.scope = null;
  }

  /** Open the microphone and record. Raises an AbortError if it was stopped meanwhile, or an Error with a message for the learner. */
  async start() {
    const scope = (this.scope = new Scope());
    this.frames = [];
    const microphone = new Microphone({
      worklet: this.worklet,
      onFrame: (pcm) => this.frames.push(pcm),
      onLost: this.onEnd,
    });
    try {
      const stream = await microphone.request(settings.get("device"), scope);
      await microphone.connect(stream, scope);
      scope.after(LONGEST_MS, this.onEnd);
    } catch (error) {
      scope.end();
      throw error instanceof MicrophoneError ? new Error(TROUBLE[error.code]) : error;
    }
  }

  /** Release the microphone, and return what was recorded as a WAV file. */
  stop() {
    this.scope?.end();
    this.scope = null;
    return wav(join(this.frames));
  }
}
