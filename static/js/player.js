// Play the agent's audio without gaps as it arrives, and report to the millisecond what has been heard.

import { keepRunning } from "./audio-context.js";
import { Clock } from "./clock.js";
import { RATE, fromBase64 } from "./pcm.js";
/** @import { Scope } from "./scope.js" */
/** @import { Pcm } from "./pcm.js" */

// Time between arrival and playback. It is enough for gapless audio while the main thread is busy.
const LEAD = 0.06; // s
const TICK = 100;

export class Player {
  /**
   * Create a player that stops when `scope` ends. `onIdle()` is called when everything in the queue has been heard, or would have
   * been with a loudspeaker. `onChange()` is called when `playing` or `inaudible` changes.
   * @param {{ scope: Scope; onIdle: () => void; onChange: () => void }} options
   */
  constructor({ scope, onIdle, onChange }) {
    this.scope = scope;
    this.onIdle = onIdle;
    this.onChange = onChange;
    /**
     * Audio by item. All times are seconds.
     * @type {Map<string, { chunks: { at: number; seconds: number; offset: number }[]; seconds: number; heard: number }>}
     */
    this.items = new Map();
    /** @type {Set<AudioBufferSourceNode>} */
    this.sources = new Set();
    this.nextTime = 0;
    /**
     * Set while there is a loudspeaker.
     * @type {{ context: AudioContext; gain: GainNode; analyser: AnalyserNode } | null}
     */
    this.output = null;
    this.clock = new Clock(() => this.time);
    this.was = { playing: false, inaudible: false };
    scope.every(TICK, () => this.look());
    scope.own(this, () => this.stop());
  }

  /**
   * Create the AudioContext. Call this from a click or a key press, because browsers allow audio only after one. Return at once.
   */
  wake() {
    // `keepRunning` resumes an existing context.
    if (this.scope.over || (this.output && this.output.context.state !== "closed")) return;
    try {
      this.connect(new AudioContext({ sampleRate: RATE }));
    } catch {
      // Without a loudspeaker, the words are still shown.
      this.output = null;
    }
  }

  /** @param {AudioContext} context */
  connect(context) {
    this.stop();
    keepRunning(context, this.scope);
    const gain = context.createGain();
    const analyser = context.createAnalyser();
    gain.connect(analyser).connect(context.destination);
    this.output = { context, gain, analyser };
  }

  get time() {
    return this.output?.context.currentTime ?? 0;
  }

  get playing() {
    return this.clock.isSilent ? this.clock.now < this.nextTime : this.sources.size > 0;
  }

  /** Return whether the audio that plays, or played last, does not come out of the loudspeaker. */
  get inaudible() {
    return this.nextTime > 0 && this.clock.isSilent;
  }

  /**
   * Schedule a piece of the item's audio. Return it decoded.
   * @param {string} item
   * @param {string} base64
   */
  append(item, base64) {
    const pcm = fromBase64(base64);
    if (!pcm.length || this.scope.over) return pcm;
    const audio = this.items.get(item) || { chunks: [], seconds: 0, heard: 0 };
    this.items.set(item, audio);
    const seconds = pcm.length / RATE;
    const at = Math.max(this.nextTime, this.time + LEAD);
    if (!this.playing) this.clock.begin(at);
    if (this.output) this.sources.add(this.source(this.output, pcm, at));
    audio.chunks.push({ at, seconds, offset: audio.seconds });
    audio.seconds += seconds;
    this.nextTime = at + seconds;
    this.was.playing = true;
    return pcm;
  }

  /** @param {NonNullable<Player["output"]>} output @param {Pcm} pcm @param {number} at */
  source({ context, gain }, pcm, at) {
    const buffer = context.createBuffer(1, pcm.length, RATE);
    const data = buffer.getChannelData(0);
    for (let i = 0; i < pcm.length; i++) data[i] = pcm[i] / 32768;
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(gain);
    source.start(at);
    source.onended = () => {
      this.sources.delete(source);
      this.look();
    };
    return source;
  }

  // This also runs on a timer, because silent playback causes no event at its end.
  look() {
    const { playing, inaudible } = this;
    const before = this.was;
    this.was = { playing, inaudible };
    if (before.playing && !playing) this.onIdle();
    else if (before.playing !== playing || before.inaudible !== inaudible) this.onChange();
  }

  /**
   * Return how many milliseconds of the item were heard, or were shown as words in the same time.
   * @param {string} item
   */
  heard(item) {
    const audio = this.items.get(item);
    if (!audio) return 0;
    const latency = this.clock.isSilent ? 0 : Math.min(this.output?.context.outputLatency || 0, 0.3);
    const now = this.clock.now - latency;
    for (const { at, seconds, offset } of audio.chunks) {
      if (now > at) audio.heard = Math.max(audio.heard, offset + Math.min(now - at, seconds));
    }
    return Math.round(audio.heard * 1000);
  }

  /**
   * Return how many milliseconds of the item have arrived.
   * @param {string} item
   */
  arrived(item) {
    return Math.round((this.items.get(item)?.seconds || 0) * 1000);
  }

  /** Silence everything at once. */
  stop() {
    for (const source of this.sources) {
      source.onended = null;
      source.stop();
    }
    this.sources.clear();
    this.nextTime = 0;
    this.was = { playing: false, inaudible: false };
    this.duck(false);
  }

  /** @param {string} item */
  forget(item) {
    this.items.delete(item);
  }

  /**
   * Lower the volume while it is uncertain whether the learner interrupts.
   * @param {boolean} on
   */
  duck(on) {
    this.output?.gain.gain.setTargetAtTime(on ? 0.2 : 1, this.time, 0.02);
  }

  /** Return the largest sample, from 0 to 1, among those just sent to the loudspeaker. */
  peak() {
    if (!this.output || this.scope.over) return 0;
    const samples = new Float32Array(this.output.analyser.fftSize);
    this.output.analyser.getFloatTimeDomainData(samples);
    return Math.max(...samples.map(Math.abs));
  }
}
