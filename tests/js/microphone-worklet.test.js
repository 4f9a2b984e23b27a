import assert from "node:assert/strict";
import { test } from "node:test";

const QUANTUM = 128;
const RATE = 24_000;

let Microphone;
globalThis.sampleRate = RATE;
globalThis.AudioWorkletProcessor = class {
  constructor() {
    this.frames = [];
    this.port = { postMessage: (frame) => this.frames.push(frame) };
  }
};
globalThis.registerProcessor = (_, processor) => (Microphone = processor);
await import("../../static/js/microphone-worklet.js");

const voice = Float32Array.from({ length: 2 * RATE }, (_, at) => 0.3 * Math.sin((2 * Math.PI * 440 * at) / RATE));
const silent = new Float32Array(voice.length);
const mirrored = voice.map((sample) => -sample);
// As loud as a quiet room, and the same at each run.
let seed = 1;
const noise = silent.map(() => ((seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5) * 0.01);

/** What the page gets from a microphone with these channels, without its first tenth of a second. */
function heard(...channels) {
  const microphone = new Microphone();
  for (let at = 0; at < voice.length; at += QUANTUM) {
    assert.equal(microphone.process([channels.map((channel) => channel.subarray(at, at + QUANTUM))]), true);
  }
  const frames = microphone.frames.flatMap((frame) => [...frame]);
  return frames.slice(RATE / 10).map((sample) => sample / 32767);
}

const loudness = (samples) => Math.sqrt(samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length);
const LOUD = loudness([...voice]);

for (const [name, channels] of Object.entries({
  mono: [voice],
  "the same on both": [voice, voice],
  "a dead right channel": [voice, silent],
  "a dead left channel": [silent, voice],
  "noise on the right": [voice, noise],
  mirrored: [voice, mirrored],
  "mirrored, and softer": [voice, mirrored.map((sample) => sample / 2)],
})) {
  test(`a voice is as loud whichever channels have it: ${name}`, () => {
    assert.ok(Math.abs(loudness(heard(...channels)) / LOUD - 1) < 0.1);
  });
}

test("a voice that begins after noise on a mirrored microphone is heard from its first frames", () => {
  const late = voice.map((sample, at) => (at < RATE ? noise[at] : sample));
  const sound = heard(
    late,
    late.map((sample, at) => (at < RATE ? noise[(at + 7777) % RATE] : -sample)),
  );
  const start = RATE - RATE / 10;
  assert.ok(loudness(sound.slice(start + 0.02 * RATE, start + 0.1 * RATE)) / LOUD > 0.9);
});

test("a change between the channels makes no click", () => {
  const half = voice.map((sample, at) => (at < RATE ? sample : 0));
  const other = voice.map((sample, at) => (at < RATE ? 0 : sample));
  const sound = heard(half, other);
  const steps = sound.slice(1).map((sample, at) => Math.abs(sample - sound[at]));
  // A tone of 440 Hz rises by 0.035 a sample.
  assert.ok(Math.max(...steps) < 0.06);
});

test("without input the worklet waits", () => {
  assert.equal(new Microphone().process([[]]), true);
});
