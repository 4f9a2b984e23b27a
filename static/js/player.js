// Plays the agent's sound without gaps as it arrives, and knows to the millisecond what has been heard.

import { keepRunning } from "./audio-context.js";
import { Clock } from "./clock.js";
import { RATE, fromBase64 } from "./pcm.js";

const LEAD = 0.06; // seconds between arrival and sound: enough for an even stream over a busy main thread
const TICK = 100;

export class Player {
  /**
   * `onIdle()` when everything that was queued has been heard, or would have been, were there sound. `onChange()`: see
   * `inaudible`. All of it ends with `scope`.
   */
  constructor({ scope, onIdle, onChange }) {
    Object.assign(this, { scope, onIdle, onChange });
    this.items = new Map(); // item id → {chunks: [{at, seconds, offset}], seconds, heard}
    this.sources = new Set();
    this.nextTime = 0;
    this.context = null;
    this.clock = new Clock(() => this.time);
    this.was = { playing: false, inaudible: false };
    scope.every(TICK, () => this.look());
    scope.own(this, () => this.stop());
  }

  /** Call this from a click or a key: browsers let a page sound only after one. Returns at once. */
  wake() {
    if (this.scope.over || (this.context && this.context.state !== "closed")) return; // it is kept running
    try {
      this.connect(new AudioContext({ sampleRate: RATE }));
    } catch {
      this.context = null; // no loudspeaker: the words are shown all the same
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

  /** Nothing of what is played, or was last, comes out of the loudspeaker. */
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

  // Also on a timer: the end of a sound that does not play is no event.
  look() {
    const { playing, inaudible } = this;
    const before = this.was;
    this.was = { playing, inaudible };
    if (before.playing && !playing) this.onIdle();
    else if (before.playing !== playing || before.inaudible !== inaudible) this.onChange();
  }

  /** Milliseconds of the item that have left the speaker, or whose words were shown in their time. */
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

  /** Milliseconds of the item that have arrived. */
  arrived(item) {
    return Math.round((this.items.get(item)?.seconds || 0) * 1000);
  }

  /** Silences everything at once. */
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

  /** Quieter while it is not yet sure whether the learner interrupts. */
  duck(on) {
    this.gain?.gain.setTargetAtTime(on ? 0.2 : 1, this.time, 0.02);
  }

  /** The largest sample (0…1) among those just sent to the speaker. */
  peak() {
    if (!this.context || this.scope.over) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    let largest = 0;
    for (const sample of this.samples) largest = Math.max(largest, Math.abs(sample));
    return largest;
  }
}
