// Plays the agent's sound without gaps as it arrives, and knows to the millisecond what has been heard.

import { RATE, fromBase64 } from "./pcm.js";

const LEAD = 0.06; // seconds between arrival and sound: enough for an even stream over a busy main thread

export class Player {
  /** `onIdle()` when everything that was queued has been heard. */
  constructor({ onIdle }) {
    this.onIdle = onIdle;
    this.items = new Map(); // item id → {chunks: [{at, seconds, offset}], seconds}
    this.sources = new Set();
    this.nextTime = 0;
  }

  /** Call this from a click or a key: browsers let a page sound only after one. */
  async resume() {
    if (!this.context) {
      this.context = new AudioContext({ sampleRate: RATE });
      this.gain = this.context.createGain();
      this.analyser = this.context.createAnalyser();
      this.analyser.fftSize = 2048;
      this.samples = new Float32Array(this.analyser.fftSize);
      this.gain.connect(this.analyser).connect(this.context.destination);
    }
    if (this.context.state !== "running") await this.context.resume();
  }

  get playing() {
    return this.sources.size > 0;
  }

  append(item, base64) {
    const pcm = fromBase64(base64);
    if (!pcm.length || !this.context) return pcm;
    const buffer = this.context.createBuffer(1, pcm.length, RATE);
    const data = buffer.getChannelData(0);
    for (let i = 0; i < pcm.length; i++) data[i] = pcm[i] / 32768;
    this.schedule(item, buffer);
    return pcm;
  }

  schedule(item, buffer) {
    const sound = this.items.get(item) || { chunks: [], seconds: 0 };
    this.items.set(item, sound);
    const at = Math.max(this.nextTime, this.context.currentTime + LEAD);
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.gain);
    source.start(at);
    source.onended = () => this.ended(source);
    this.sources.add(source);
    sound.chunks.push({ at, seconds: buffer.duration, offset: sound.seconds });
    sound.seconds += buffer.duration;
    this.nextTime = at + buffer.duration;
  }

  ended(source) {
    this.sources.delete(source);
    if (!this.playing) this.onIdle();
  }

  /** Milliseconds of the item that have left the speaker. */
  heard(item) {
    const sound = this.items.get(item);
    if (!sound) return 0;
    const now = this.context.currentTime - Math.min(this.context.outputLatency || 0, 0.3);
    let heard = 0;
    for (const { at, seconds, offset } of sound.chunks) {
      if (now > at) heard = offset + Math.min(now - at, seconds);
    }
    return Math.round(heard * 1000);
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
    this.duck(false);
  }

  forget(item) {
    this.items.delete(item);
  }

  /** Quieter while it is not yet sure whether the learner interrupts. */
  duck(on) {
    this.gain?.gain.setTargetAtTime(on ? 0.2 : 1, this.context.currentTime, 0.02);
  }

  /** The largest sample (0…1) among those just sent to the speaker. */
  peak() {
    if (!this.context) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    let largest = 0;
    for (const sample of this.samples) largest = Math.max(largest, Math.abs(sample));
    return largest;
  }

  close() {
    this.stop();
    this.context?.close();
    this.context = null;
  }
}
