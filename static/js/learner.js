// The learner's side of a talk: from microphone frames to turns, by holding a button or hands-free.

import { RATE, peak, toBase64 } from "./pcm.js";
import { Recording } from "./recording.js";
import { TAB } from "./delivery.js";

const PREROLL = 8; // frames of 30 ms before the button: people begin to speak while they press it
const TAIL_MS = 120; // after it: they let go with the last sound
const SHORTEST_MS = 350; // pressed for less: a slip, not a turn
const LONGEST_MS = 9.5 * 60_000; // the server takes ten minutes
const BEFORE_MS = 800; // hands-free: kept before the place where the server heard speech begin
const KEPT_MS = 6000; // hands-free: how much of what was sent is at hand for that
const OFFLINE_QUIET_MS = 2000; // hands-free with the line down: this much quiet ends what is being recorded
const QUIET = 0.02;
const RESEND = RATE; // samples an event when a turn is sent again

export class Learner {
  /**
   * `send(event)`: false if the line is down. `meta()`: {conversation, scenario, level} for the outbox.
   * `onTurn(item, "recording"|"spoken"|"dropped", recording)`; `onSilent()` when a turn has no signal in it.
   */
  constructor({ outbox, send, meta, onTurn, onSilent, onTooShort, onTrouble }) {
    Object.assign(this, { outbox, send, meta, onTurn, onSilent, onTooShort, onTrouble });
    this.handsFree = false;
    this.muted = false;
    this.streaming = false; // hands-free: may sound be sent now?
    this.recording = null;
    this.recordings = new Map(); // item → Recording, until saved
    this.preroll = [];
    this.releasing = null;
    this.restart();
  }

  /** A new connection counts its sound from zero. */
  restart() {
    this.sent = 0; // samples
    this.recent = []; // [{from, pcm}] of what was sent
  }

  frame(pcm) {
    if (this.handsFree) this.frameHandsFree(this.muted ? new Int16Array(pcm.length) : pcm);
    else this.frameHeld(pcm);
  }

  // Hold to talk

  frameHeld(pcm) {
    if (!this.recording) {
      this.preroll = [...this.preroll, pcm].slice(-PREROLL);
      return;
    }
    this.recording.add(pcm);
    this.append(pcm);
    if (this.recording.ms > 2500 && this.recording.peak < 0.004) this.onSilent();
    if (this.recording.ms > LONGEST_MS) this.release();
  }

  press() {
    if (this.releasing) this.finishHeld();
    if (this.recording) return;
    this.begin(`user-${Date.now()}`);
    this.pressedAt = performance.now();
    for (const pcm of this.preroll) {
      this.recording.add(pcm);
      this.append(pcm);
    }
    this.preroll = [];
  }

  release() {
    if (!this.recording || this.releasing || this.handsFree) return;
    if (performance.now() - this.pressedAt < SHORTEST_MS) {
      this.cancel();
      this.onTooShort();
      return;
    }
    this.releasing = setTimeout(() => this.finishHeld(), TAIL_MS);
  }

  finishHeld() {
    clearTimeout(this.releasing);
    this.releasing = null;
    this.commit();
    this.send({ type: "response.create" });
  }

  /** Ends the turn by itself, without waiting for a pause. */
  commit() {
    const recording = this.close();
    if (recording) this.send({ type: "input_audio_buffer.commit", item_id: recording.item });
  }

  cancel() {
    clearTimeout(this.releasing);
    this.releasing = null;
    if (!this.recording) return;
    this.drop(this.recording.item);
    this.send({ type: "input_audio_buffer.clear" });
  }

  // Hands-free

  frameHandsFree(pcm) {
    if (this.recording && !this.streaming) return this.frameOffline(pcm);
    if (!this.streaming || !this.append(pcm)) return;
    this.recent.push({ from: this.sent, pcm });
    this.sent += pcm.length;
    if (this.recent.length * pcm.length > (KEPT_MS * RATE) / 1000) this.recent.shift();
    this.recording?.add(pcm);
  }

  // The line broke while the learner was speaking: what they still say is kept and sent later.
  frameOffline(pcm) {
    this.recording.add(pcm);
    this.quietMs = peak(pcm) < QUIET ? this.quietMs + (pcm.length / RATE) * 1000 : 0;
    if (this.quietMs > OFFLINE_QUIET_MS) this.close();
  }

  speechStarted(item, startMs) {
    this.close();
    this.begin(item);
    const start = ((startMs - BEFORE_MS) * RATE) / 1000;
    for (const { from, pcm } of this.recent) if (from + pcm.length > start) this.recording.add(pcm);
  }

  /** The server has ended the turn (hands-free), or confirms that we did (held: nothing left to do then). */
  committed(item) {
    if (this.recording?.item === item) this.close();
  }

  // Both

  setHandsFree(on) {
    if (on === this.handsFree) return;
    if (this.recording) this.finishHeld(); // what is being said becomes a turn before the rules change
    this.handsFree = on;
    this.preroll = [];
  }

  begin(item) {
    this.quietMs = 0;
    this.recording = new Recording(this.outbox, { ...this.meta(), item, tab: TAB }, this.onTrouble);
    this.recordings.set(item, this.recording);
    this.onTurn(item, "recording", this.recording);
  }

  /** What was recorded is a turn now; undefined if nothing was. */
  close() {
    const recording = this.recording;
    this.recording = null;
    if (!recording) return undefined;
    if (!recording.samples) {
      this.drop(recording.item);
      return undefined;
    }
    this.onTurn(recording.item, "spoken", recording);
    recording.finish();
    return recording;
  }

  append(pcm) {
    return this.send({ type: "input_audio_buffer.append", audio: toBase64(pcm) });
  }

  /**
   * After a lost connection: what is not saved, and what is being said, goes to the new one from its beginning.
   * True if a whole turn was among it.
   */
  resend() {
    let whole = false;
    for (const recording of this.recordings.values()) {
      if (recording === this.recording && this.handsFree) continue;
      this.sendAgain(recording);
      if (recording === this.recording) continue;
      this.send({ type: "input_audio_buffer.commit", item_id: recording.item });
      whole = true;
    }
    return whole;
  }

  sendAgain(recording) {
    const pcm = recording.pcm();
    for (let at = 0; at < pcm.length; at += RESEND) this.append(pcm.subarray(at, at + RESEND));
  }

  saved(item) {
    const recording = this.recordings.get(item);
    this.recordings.delete(item);
    return recording?.discard();
  }

  drop(item) {
    this.saved(item);
    if (this.recording?.item === item) this.recording = null;
    this.onTurn(item, "dropped");
  }

  /** The page is closed or the talk ended: what is being said is kept as far as it goes; nobody waits for an answer. */
  stop() {
    clearTimeout(this.releasing);
    this.releasing = null;
    this.commit();
  }
}
