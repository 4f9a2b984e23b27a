// Turn the microphone's frames into the learner's turns, by holding a button or hands-free.

import { RATE, peak, toBase64 } from "./pcm.js";
import { Recording } from "./recording.js";
import { TAB } from "./delivery.js";
/** @import { Outbox } from "./outbox.js" */
/** @import { Pcm } from "./pcm.js" */
/** @import { Send } from "./types.d.ts" */

// Frames of 30 ms from before the button is pressed, because people begin to speak while they press it.
const PREROLL = 8;
// Audio from after the button is released, because people release it while they still speak.
const TAIL_MS = 120;
// A shorter press is a slip, not a turn.
const SHORTEST_MS = 350;
// The server accepts ten minutes.
const LONGEST_MS = 9.5 * 60_000;
// Hands-free: audio from before the position where the server detected speech.
const BEFORE_MS = 800;
// Hands-free: sent audio that is kept for that purpose, and for a lost connection.
const KEPT_MS = 30_000;
const QUIET = 0.02;
// Thresholds for hands-free while the connection is down. Then the page itself detects speech.
const OFFLINE = {
  // Consecutive frames of signal that begin a turn.
  onset: 2,
  // Frames kept from before them.
  before: 14,
  // Silence that ends a turn.
  quietMs: 2000,
  // After this much silence before the loss, the server may have ended the turn already.
  overMs: 1000,
  // The latest audio that was sent, which may not have arrived.
  unsureMs: 1000,
  // If the server reports no voice after this much audio, it found none in the recording that was handed over.
  unheardMs: 5000,
};
// Size of each event when a turn is sent again.
const RESEND = RATE; // samples

/** @typedef {"recording" | "spoken" | "kept" | "dropped"} TurnState */

export class Learner {
  /**
   * Create the learner. `unsentMs()` returns how much audio was unsent when the connection was last up. `meta()` returns the facts
   * of the talk for an entry of the outbox. `onTurn(item, state, recording)` reports a turn, as "kept" when all of it is in the
   * outbox. `onSilent()` is called when a turn has no signal.
   * @param {{ outbox: Outbox; send: Send; unsentMs: () => number; meta: () => { conversation: string };
   *   onTurn: (item: string, state: TurnState, recording: Recording | undefined) => void; onSilent: () => void;
   *   onTooShort: () => void; onTrouble: () => void }} options
   */
  constructor({ outbox, send, unsentMs, meta, onTurn, onSilent, onTooShort, onTrouble }) {
    this.outbox = outbox;
    this.send = send;
    this.unsentMs = unsentMs;
    this.meta = meta;
    this.onTurn = onTurn;
    this.onSilent = onSilent;
    this.onTooShort = onTooShort;
    this.onTrouble = onTrouble;
    this.handsFree = false;
    this.muted = false;
    // Hands-free: true while audio may be sent.
    this.streaming = false;
    // True from the loss of the connection until it streams again.
    this.offline = false;
    // While connecting, do not end the current recording, because it will be sent over the new connection.
    this.connecting = false;
    /** @type {Recording | null} */
    this.recording = null;
    // A recording made without a connection, then handed over to the server, which has not detected it yet.
    /** @type {Recording | null} */
    this.carried = null;
    // The position after that recording in the sent audio.
    this.handedOver = 0; // samples
    this.quietMs = 0;
    // Consecutive frames that are not quiet.
    this.signal = 0;
    /** @type {Map<string, Recording>} Recordings by item, until they are saved */
    this.recordings = new Map();
    /** @type {Pcm[]} */
    this.preroll = [];
    this.pressedAt = 0;
    // The timer that ends a turn after the button is released.
    /** @type {number | undefined} */
    this.releasing = undefined;
    // True while no frames of the microphone arrive.
    this.inputLost = false;
    this.over = false;
    this.sent = 0; // samples
    // The server has made turns of the audio up to here.
    this.settled = 0; // samples
    /** @type {{ from: number; pcm: Pcm }[]} Recently sent audio */
    this.recent = [];
  }

  /** Reset the counts, because a new connection counts its audio from zero. */
  restart() {
    this.sent = this.settled = 0;
    this.recent = [];
  }

  /** Return the recording of the turn that is being spoken. */
  get speaking() {
    return this.recording || this.carried;
  }

  /** @param {Pcm} pcm */
  frame(pcm) {
    if (this.over) return;
    this.inputLost = false;
    if (this.handsFree) this.frameHandsFree(this.muted ? new Int16Array(pcm.length) : pcm);
    else this.frameHeld(pcm);
  }

  // Hold to talk

  /** @param {Pcm} pcm */
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
    const recording = this.begin(`user-${Date.now()}`);
    this.pressedAt = performance.now();
    for (const pcm of this.preroll) {
      recording.add(pcm);
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
    this.stopReleasing();
    this.commit();
    this.send({ type: "response.create" });
  }

  stopReleasing() {
    clearTimeout(this.releasing);
    this.releasing = undefined;
  }

  /** End the turn without waiting for a pause. */
  commit() {
    const recording = this.close();
    if (recording) this.send({ type: "input_audio_buffer.commit", item_id: recording.item });
  }

  cancel() {
    this.stopReleasing();
    if (!this.recording) return;
    this.drop(this.recording.item);
    this.send({ type: "input_audio_buffer.clear" });
  }

  // Hands-free

  /** @param {Pcm} pcm */
  frameHandsFree(pcm) {
    const loud = peak(pcm) >= QUIET;
    this.signal = loud ? this.signal + 1 : 0;
    this.quietMs = loud ? 0 : this.quietMs + (pcm.length / RATE) * 1000;
    if (this.streaming && this.stream(pcm)) {
      this.speaking?.add(pcm);
      if (this.carried && this.nothingFound()) this.drop(this.carried.item);
    } else if (this.offline) {
      this.frameOffline(pcm);
    }
  }

  /**
   * Send a frame. If that is impossible, treat the connection as lost, and return false.
   * @param {Pcm} pcm
   */
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

  /** @param {string} item @param {number} startMs */
  speechStarted(item, startMs) {
    const { carried } = this;
    this.carried = null;
    this.close();
    const recording = this.begin(item);
    const start = ((startMs - BEFORE_MS) * RATE) / 1000;
    for (const { from, pcm } of this.recent) if (from + pcm.length > start) recording.add(pcm);
    // The server's turn contains the same audio.
    if (carried) this.drop(carried.item);
    if (this.inputLost) this.finishHeld();
  }

  /**
   * Handle a turn that the server has ended (hands-free) or confirmed (held, where nothing is left to do).
   * @param {string} item
   */
  committed(item) {
    this.settled = this.sent;
    if (this.recording?.item === item) this.close();
  }

  // Hands-free without a connection: speech is split into turns here, for the outbox

  /** Handle a lost connection. */
  lost() {
    this.offline = true;
    this.connecting = false;
    if (!this.streaming) return;
    this.streaming = false;
    if (!this.handsFree) return;
    if (this.carried) {
      this.recording = this.carried;
      this.carried = null;
    } else if (!this.recording) {
      const from = Math.max(this.settled, this.sent - ((this.unsentMs() + OFFLINE.unsureMs) * RATE) / 1000);
      this.reprocess(this.recent.filter((sent) => sent.from >= from));
    } else if (this.quietMs > OFFLINE.overMs) {
      this.close();
    }
    this.recent = [];
  }

  /**
   * Process frames again that were sent, but have perhaps not reached the server.
   * @param {{ pcm: Pcm }[]} frames
   */
  reprocess(frames) {
    this.preroll = [];
    this.signal = 0;
    for (const { pcm } of frames) {
      this.signal = peak(pcm) >= QUIET ? this.signal + 1 : 0;
      this.frameOffline(pcm);
    }
  }

  /** @param {Pcm} pcm */
  frameOffline(pcm) {
    if (this.recording) {
      this.recording.add(pcm);
      const over = this.quietMs > OFFLINE.quietMs && !this.connecting;
      if (over || this.recording.ms > LONGEST_MS) this.close();
      return;
    }
    this.preroll = [...this.preroll, pcm].slice(-OFFLINE.before);
    if (this.signal < OFFLINE.onset) return;
    const recording = this.begin(`user-${Date.now()}`);
    for (const frame of this.preroll) recording.add(frame);
    this.preroll = [];
  }

  /** Stream over a new connection. The current recording is sent from its beginning, and the server detects the turns in it. */
  resume() {
    if (this.streaming) return;
    this.streaming = true;
    this.offline = this.connecting = false;
    if (!this.handsFree) return;
    const frames = this.recording ? this.recording.frames : this.preroll;
    this.carried = this.recording;
    this.recording = null;
    this.preroll = [];
    for (const pcm of frames) if (!this.stream(pcm)) return;
    this.handedOver = this.sent;
  }

  nothingFound() {
    return this.sent - this.handedOver > (OFFLINE.unheardMs * RATE) / 1000 && this.unsentMs() < 500;
  }

  // Both

  /** @param {boolean} on */
  setHandsFree(on) {
    if (on === this.handsFree) return;
    this.takeBack();
    // End the current turn before the rules change.
    if (this.recording) this.finishHeld();
    this.handsFree = on;
    this.preroll = [];
  }

  /** @param {string} item */
  begin(item) {
    const recording = new Recording(this.outbox, { ...this.meta(), item, tab: TAB }, this.onTrouble);
    this.recording = recording;
    this.recordings.set(item, recording);
    this.onTurn(item, "recording", recording);
    return recording;
  }

  /** End the recording as a turn. Return it, or undefined if nothing was recorded. */
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

  /** Resolve when the outbox holds everything recorded so far. */
  written() {
    return Promise.all([...this.recordings.values()].map((recording) => recording.writing));
  }

  /** Handle a lost microphone. End the current turn and request an answer, because no pause will end it. */
  inputEnded() {
    this.inputLost = true;
    this.takeBack();
    if (this.recording) this.finishHeld();
  }

  takeBack() {
    this.recording ||= this.carried;
    this.carried = null;
  }

  /** @param {Pcm} pcm */
  append(pcm) {
    return this.send({ type: "input_audio_buffer.append", audio: toBase64(pcm) });
  }

  /**
   * Send the unsaved turns and the current one over a new connection, from their beginning. Return true if a complete turn was
   * among them. Hands-free, send nothing, because the server would split the turns differently. There the outbox delivers them.
   */
  resend() {
    if (this.handsFree) return false;
    let anyComplete = false;
    for (const recording of this.recordings.values()) {
      const pcm = recording.pcm();
      for (let at = 0; at < pcm.length; at += RESEND) this.append(pcm.subarray(at, at + RESEND));
      if (recording === this.recording) continue;
      this.send({ type: "input_audio_buffer.commit", item_id: recording.item });
      anyComplete = true;
    }
    return anyComplete;
  }

  /** @param {string} item */
  saved(item) {
    const recording = this.recordings.get(item);
    this.recordings.delete(item);
    return recording?.discard();
  }

  /** @param {string} item */
  drop(item) {
    this.saved(item);
    if (this.recording?.item === item) this.recording = null;
    if (this.carried?.item === item) this.carried = null;
    this.onTurn(item, "dropped", undefined);
  }

  /** Stop, because the page closes or the talk ends. The current turn is kept as far as it goes, and needs no answer. */
  stop() {
    this.over = true;
    this.stopReleasing();
    this.takeBack();
    this.commit();
  }
}
