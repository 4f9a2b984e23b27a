// Play the agent's sound without gaps as it arrives, and report to the millisecond what has been heard.

import { keepRunning } from "./audio-context.js";
import { Clock } from "./clock.js";
import { RATE, fromBase64 } from "./pcm.js";

// Time between arrival and playback. It is enough for gapless sound while the main thread is busy.
const LEAD = 0.06; // s
const TICK = 100;

export class Player {
  /**
   * Create a player that stops when `scope` ends. `onIdle()` is called when everything in the queue has been heard, or would have
   * been with a loudspeaker. `onChange()` is called when `playing` or `inaudible` changes.
   */
  constructor({ scope, onIdle, onChange }) {
    Object.assign(this, { scope, onIdle, onChange });
    // Items by id: {chunks: [{at, seconds, offset}], seconds, heard}.
    this.items = new Map();
    this.sources = new Set();
    this.nextTime = 0;
    this.context = null;
    this.clock = new Clock(() => this.time);
    this.was = { playing: false, inaudible: false };
    scope.every(TICK, () => this.look());
    scope.own(this, () => this.stop());
  }

  /**
   * Create the AudioContext. Call this from a click or a key press, because browsers allow sound only after one. Return at once.
   */
  wake() {
    // `keepRunning` resumes an existing context.
    if (this.scope.over || (this.context && this.context.state !== "closed")) return;
    try {
      this.connect(new AudioContext({ sampleRate: RATE }));
    } catch {
      // Without a loudspeaker, the words are still shown.
      this.context = null;
    }
  }

  connect(context) {
    this.stop();
    this.context = context;
    keepRunning(context, this.scope);
    this.gain = context.createGain();
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.samples = new Float32Array(this.analyser.fftSize);
    this.gain.connect(this.analyser).connect(context.destination);
  }

  get time() {
    return this.context?.currentTime ?? 0;
  }

  get playing() {
    return this.clock.isSilent ? this.clock.now < this.nextTime : this.sources.size > 0;
  }

  /** Return whether the sound that plays, or played last, does not come out of the loudspeaker. */
  get inaudible() {
    return this.nextTime > 0 && this.clock.isSilent;
  }

  append(item, base64) {
    const pcm = fromBase64(base64);
    if (pcm.length && !this.scope.over) this.schedule(item, pcm);
    return pcm;
  }

  schedule(item, pcm) {
    const sound = this.items.get(item) || { chunks: [], seconds: 0, heard: 0 };
    this.items.set(item, sound);
    const seconds = pcm.length / RATE;
    const at = Math.max(this.nextTime, this.time + LEAD);
    if (!this.playing) this.clock.begin(at);
    if (this.context) this.sources.add(this.source(pcm, at));
    sound.chunks.push({ at, seconds, offset: sound.seconds });
    sound.seconds += seconds;
    this.nextTime = at + seconds;
    this.was.playing = true;
  }

  source(pcm, at) {
    const buffer = this.context.createBuffer(1, pcm.length, RATE);
    const data = buffer.getChannelData(0);
    for (let i = 0; i < pcm.length; i++) data[i] = pcm[i] / 32768;
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.gain);
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

  /** Return how many milliseconds of the item were heard, or were shown as words in the same time. */
  heard(item) {
    const sound = this.items.get(item);
    if (!sound) return 0;
    const latency = this.clock.isSilent ? 0 : Math.min(this.context?.outputLatency || 0, 0.3);
    const now = this.clock.now - latency;
    for (const { at, seconds, offset } of sound.chunks) {
      if (now > at) sound.heard = Math.max(sound.heard, offset + Math.min(now - at, seconds));
    }
    return Math.round(sound.heard * 1000);
  }

  /** Return how many milliseconds of the item have arrived. */
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

  forget(item) {
    this.items.delete(item);
  }

  /** Lower the volume while it is uncertain whether the learner interrupts. */
  duck(on) {
    this.gain?.gain.setTargetAtTime(on ? 0.2 : 1, this.time, 0.02);
  }

  /** Return the largest sample, from 0 to 1, among those just sent to the loudspeaker. */
  peak() {
    if (!this.context || this.scope.over) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    let largest = 0;
    for (const sample of this.samples) largest = Math.max(largest, Math.abs(sample));
    return largest;
  }
}
