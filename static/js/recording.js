// Record one utterance of the learner into the outbox, piece by piece while it is spoken.

import { keyOf } from "./outbox.js";
import { RATE, join, peak } from "./pcm.js";
/** @import { Entry, Outbox } from "./outbox.js" */
/** @import { Pcm } from "./pcm.js" */

// A crash loses at most half a second.
const PIECE = RATE / 2; // samples

export class Recording {
  /**
   * Create a recording. `meta` is {conversation, item, tab} and the facts of the talk.
   * @param {Outbox} outbox
   * @param {Pick<Entry, "conversation" | "item" | "tab">} meta
   * @param {() => void} onTrouble
   */
  constructor(outbox, meta, onTrouble) {
    this.outbox = outbox;
    this.onTrouble = onTrouble;
    /** @type {Entry} */
    this.entry = { ...meta, key: keyOf(meta.conversation, meta.item), time: Date.now(), finished: false };
    // The whole recording, to send it again over a new connection.
    /** @type {Pcm[]} */
    this.frames = [];
    /** @type {Pcm[]} */
    this.unwritten = [];
    this.samples = 0;
    this.written = 0;
    this.peak = 0;
    this.writing = outbox.put(this.entry).catch(onTrouble);
  }

  get item() {
    return this.entry.item;
  }

  get ms() {
    return (this.samples / RATE) * 1000;
  }

  /** @param {Pcm} pcm */
  add(pcm) {
    this.frames.push(pcm);
    this.unwritten.push(pcm);
    this.samples += pcm.length;
    this.peak = Math.max(this.peak, peak(pcm));
    if (this.unwritten.length * pcm.length >= PIECE) this.flush();
  }

  flush() {
    if (!this.unwritten.length) return;
    const piece = join(this.unwritten);
    this.unwritten = [];
    const number = this.written++;
    this.writing = this.writing.then(() => this.outbox.addPiece(this.entry.key, number, piece)).catch(this.onTrouble);
  }

  /** Finish the recording. Resolve when all of it is in the outbox. */
  finish() {
    this.flush();
    Object.assign(this.entry, { finished: true, finishedAt: Date.now() });
    this.writing = this.writing.then(() => this.outbox.put(this.entry)).catch(this.onTrouble);
    return this.writing;
  }

  pcm() {
    return join(this.frames);
  }

  discard() {
    this.unwritten = [];
    return this.writing.then(() => this.outbox.remove(this.entry.key)).catch(this.onTrouble);
  }
}
