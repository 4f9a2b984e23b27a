// The learner's side of a talk: from microphone frames to turns, by holding a button or hands-free.

import { RATE, peak, toBase64 } from "./pcm.js";
import { Recording } from "./recording.js";
import { TAB } from "./delivery.js";

const PREROLL = 8; // frames of 30 ms before the button: people begin to speak while they press it
const TAIL_MS = 120; // after it: they let go with the last sound
const SHORTEST_MS = 350; // pressed for less: a slip, not a turn
const LONGEST_MS = 9.5 * 60_000; // the server takes ten minutes
const BEFORE_MS = 800; // hands-free: kept before the place where the server heard speech begin
const KEPT_MS = 30_000; // hands-free: how much of what was sent is at hand for that, and for a line that dies
const QUIET = 0.02;
// Hands-free while the line is away, the page itself tells a voice from quiet.
const AWAY = {
  onset: 2, // frames of signal in a row
  before: 14, // frames kept before them
  quietMs: 2000, // ends what is being recorded
  overMs: 1000, // so quiet when the line broke: the server may have ended the turn already
  unsureMs: 1000, // the latest audio sent, which may not have arrived
  unheardMs: 5000, // the server found no voice in what was handed over
};
const RESEND = RATE; // samples an event when a turn is sent again

export class Learner {
  /**
   * `send(event)`: false if the line is down; `unsentMs()`: how much sound still waited to leave when it was last up.
   * `meta()`: what each entry of the outbox says of its talk.
   * `onTurn(item, "recording"|"spoken"|"kept"|"dropped", recording)`: kept is when all of it is in the outbox.
   * `onSilent()` when a turn has no signal in it.
   */
  constructor({ outbox, send, unsentMs, meta, onTurn, onSilent, onTooShort, onTrouble }) {
    Object.assign(this, { outbox, send, unsentMs, meta, onTurn, onSilent, onTooShort, onTrouble });
    this.handsFree = false;
    this.muted = false;
    this.streaming = false; // hands-free: may sound be sent now?
    this.away = false; // the line was lost and does not stream again yet
    this.connecting = false; // what is being recorded goes over the new line, so it is not ended now
    this.recording = null;
    this.carried = null; // recorded while the line was away, handed over to the server, and not yet found by it
    this.quietMs = 0;
    this.signal = 0; // frames in a row
    this.recordings = new Map(); // item → Recording, until saved
    this.preroll = [];
    this.releasing = null;
    this.deaf = false; // no frames come, for now at least
    this.over = false;
    this.restart();
  }

  /** A new connection counts its sound from zero. */
  restart() {
    this.sent = 0; // samples
    this.settled = 0; // … up to which the server has made turns of them
    this.recent = []; // [{from, pcm}] of what was sent
  }

  /** Being spoken now. */
  get speaking() {
    return this.recording || this.carried;
  }

  frame(pcm) {
    if (this.over) return;
    this.deaf = false;
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
    const loud = peak(pcm) >= QUIET;
    this.signal = loud ? this.signal + 1 : 0;
    this.quietMs = loud ? 0 : this.quietMs + (pcm.length / RATE) * 1000;
    if (this.streaming && this.stream(pcm)) {
      this.speaking?.add(pcm);
      if (this.carried && this.nothingFound()) this.drop(this.carried.item);
    } else if (this.away) {
      this.frameAway(pcm);
    }
  }

  /** False, and the line counts as lost, when it can't be sent. */
  stream(pcm) {
    if (!this.append(pcm)) {
      this.lost();
      return false;
    }
    this.recent.push({ from: this.sent, pcm });
    this.sent += pcm.length;
    if (!this.carried && this.recent.length * pcm.length > (KEPT_MS * RATE) / 1000) this.recent.shift();
    return true;
  }

  speechStarted(item, startMs) {
    const { carried } = this;
    this.carried = null;
    this.close();
    this.begin(item);
    const start = ((startMs - BEFORE_MS) * RATE) / 1000;
    for (const { from, pcm } of this.recent) if (from + pcm.length > start) this.recording.add(pcm);
    if (carried) this.drop(carried.item); // the same sound is in the server's turn now
    if (this.deaf) this.finishHeld();
  }

  /** The server has ended the turn (hands-free), or confirms that we did (held: nothing left to do then). */
  committed(item) {
    this.settled = this.sent;
    if (this.recording?.item === item) this.close();
  }

  // Hands-free while the line is away: what is said is cut into turns here, for the outbox.

  /** The line broke. */
  lost() {
    this.away = true;
    this.connecting = false;
    if (!this.streaming) return;
    this.streaming = false;
    if (!this.handsFree) return;
    if (this.carried) {
      this.recording = this.carried;
      this.carried = null;
    } else if (!this.recording) {
      const from = Math.max(this.settled, this.sent - ((this.unsentMs() + AWAY.unsureMs) * RATE) / 1000);
      this.hearAgain(this.recent.filter((sent) => sent.from >= from));
    } else if (this.quietMs > AWAY.overMs) {
      this.close();
    }
    this.recent = [];
  }

  // Sent, but perhaps never heard.
  hearAgain(frames) {
    this.preroll = [];
    this.signal = 0;
    for (const { pcm } of frames) {
      this.signal = peak(pcm) >= QUIET ? this.signal + 1 : 0;
      this.frameAway(pcm);
    }
  }

  frameAway(pcm) {
    if (this.recording) {
      this.recording.add(pcm);
      const over = this.quietMs > AWAY.quietMs && !this.connecting;
      if (over || this.recording.ms > LONGEST_MS) this.close();
      return;
    }
    this.preroll = [...this.preroll, pcm].slice(-AWAY.before);
    if (this.signal < AWAY.onset) return;
    this.begin(`user-${Date.now()}`);
    for (const frame of this.preroll) this.recording.add(frame);
    this.preroll = [];
  }

  /** The line is up again. What is being said goes over it from its beginning, and the server finds the turns in it. */
  resume() {
    if (this.streaming) return;
    this.streaming = true;
    this.away = this.connecting = false;
    if (!this.handsFree) return;
    const frames = this.recording ? this.recording.frames : this.preroll;
    this.carried = this.recording;
    this.recording = null;
    this.preroll = [];
    for (const pcm of frames) if (!this.stream(pcm)) return;
    this.handedOver = this.sent;
  }

  nothingFound() {
    return this.sent - this.handedOver > (AWAY.unheardMs * RATE) / 1000 && this.unsentMs() < 500;
  }

  // Both

  setHandsFree(on) {
    if (on === this.handsFree) return;
    this.takeBack();
    if (this.recording) this.finishHeld(); // what is being said becomes a turn before the rules change
    this.handsFree = on;
    this.preroll = [];
  }

  begin(item) {
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
    recording.finish().then(() => this.onTurn(recording.item, "kept", recording));
    return recording;
  }

  /** Resolves when the outbox holds all that has been recorded so far. */
  written() {
    return Promise.all([...this.recordings.values()].map((recording) => recording.writing));
  }

  /** The microphone is gone: what was said until then is a turn, to be answered, since no pause will end it. */
  inputEnded() {
    this.deaf = true;
    this.takeBack();
    if (this.recording) this.finishHeld();
  }

  takeBack() {
    this.recording ||= this.carried;
    this.carried = null;
  }

  append(pcm) {
    return this.send({ type: "input_audio_buffer.append", audio: toBase64(pcm) });
  }

  /**
   * After a lost connection: what is not saved, and what is being said, goes to the new one from its beginning.
   * True if a whole turn was among it. Hands-free, the server would cut turns of its own: the outbox delivers them.
   */
  resend() {
    if (this.handsFree) return false;
    let whole = false;
    for (const recording of this.recordings.values()) {
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
    if (this.carried?.item === item) this.carried = null;
    this.onTurn(item, "dropped");
  }

  /** The page closes or the talk ends. The current turn is kept as far as it goes, and needs no answer. */
  stop() {
    this.over = true;
    clearTimeout(this.releasing);
    this.releasing = null;
    this.takeBack();
    this.commit();
  }
}
