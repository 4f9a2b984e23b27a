// Record a sentence while a button is held, or between two presses of a key.

import { Microphone } from "./microphone.js";
import { RATE, join } from "./pcm.js";
import { Scope } from "./scope.js";
import * as settings from "./settings.js";
/** @import { Pcm } from "./pcm.js" */
/** @import { MicrophoneError } from "./microphone.js" */

// A shorter press is a slip.
const SHORTEST_MS = 350;
const LONGEST_MS = 55_000;
// Frames of 30 ms from before the press, because people begin to speak while they press.
const PREROLL = 8;
// Audio from after the release, because people release it while they still speak.
const TAIL_MS = 120;

export class HoldToTalk {
  /**
   * `onStart()` and `onStop()` report a recording. `onRecorded(pcm)` gets its sound. `onTooShort()` is called for a slip, and
   * `onTrouble(error)` if the microphone cannot be used.
   * @param {{ button: HTMLButtonElement; worklet: string; onStart: () => void; onStop: () => void;
   *   onRecorded: (pcm: Pcm) => void; onTooShort: () => void; onTrouble: (error: MicrophoneError) => void }} options
   */
  constructor({ button, worklet, onStart, onStop, onRecorded, onTooShort, onTrouble }) {
    this.onStart = onStart;
    this.onStop = onStop;
    this.onRecorded = onRecorded;
    this.onTooShort = onTooShort;
    this.onTrouble = onTrouble;
    this.button = button;
    /** @type {Pcm[]} */
    this.frames = [];
    this.recording = false;
    // Set while the button is held. The microphone may open later.
    this.wanted = false;
    this.scope = new Scope();
    this.microphone = new Microphone({
      worklet,
      onFrame: (pcm) => this.frame(pcm),
      onLost: () => this.end(),
    });
    this.bind();
  }

  bind() {
    const { button } = this;
    button.addEventListener("pointerdown", (event) => {
      if (event.button || button.disabled) return;
      button.setPointerCapture(event.pointerId);
      this.begin();
    });
    for (const type of ["pointerup", "pointercancel"]) button.addEventListener(type, () => this.end());
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    // A key, or a screen reader: one press begins, the next one ends.
    button.addEventListener("click", (event) => {
      if (event.detail) return;
      if (this.wanted) this.end();
      else this.begin();
    });
    addEventListener("pagehide", () => this.close());
  }

  async begin() {
    this.wanted = true;
    this.button.setAttribute("aria-pressed", "true");
    try {
      if (!this.microphone.open || this.microphone.ended) await this.open();
      if (!this.wanted) return;
      this.frames = this.frames.slice(-PREROLL);
      this.recording = true;
      this.onStart();
    } catch (error) {
      this.wanted = false;
      this.button.setAttribute("aria-pressed", "false");
      if (error.name !== "AbortError") this.onTrouble(error);
    }
  }

  async open() {
    this.scope.end();
    const scope = (this.scope = new Scope());
    const stream = await this.microphone.request(settings.get("device"), scope);
    await this.microphone.connect(stream, scope);
  }

  /** @param {Pcm} pcm */
  frame(pcm) {
    this.frames.push(pcm);
    if (!this.recording) this.frames = this.frames.slice(-PREROLL);
    else if (this.ms > LONGEST_MS) this.end();
  }

  get ms() {
    return (this.frames.reduce((total, frame) => total + frame.length, 0) / RATE) * 1000;
  }

  end() {
    if (!this.wanted) return;
    this.wanted = false;
    this.button.setAttribute("aria-pressed", "false");
    if (!this.recording) return;
    setTimeout(() => {
      this.recording = false;
      this.onStop();
      const pcm = join(this.frames);
      this.frames = [];
      if ((pcm.length / RATE) * 1000 < SHORTEST_MS + TAIL_MS) this.onTooShort();
      else this.onRecorded(pcm);
    }, TAIL_MS);
  }

  close() {
    this.wanted = this.recording = false;
    this.scope.end();
  }
}
