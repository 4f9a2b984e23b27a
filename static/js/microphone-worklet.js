// Runs on the audio thread: whatever the context's rate, out come frames of PCM16 mono at 24 kHz.

const RATE = 24000;
const FRAME = 720; // 30 ms
const HALF_WIDTH = 16; // of the sinc filter, in samples of the slower side

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / RATE;
    this.reach = Math.ceil(HALF_WIDTH * Math.max(1, this.step));
    this.input = new Float32Array(0);
    this.position = this.reach; // of the next output sample, in input samples
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
  }

  process(inputs) {
    const channel = inputs[0][0];
    if (!channel) return true;
    if (this.step === 1) for (const sample of channel) this.emit(sample);
    else this.resample(channel);
    return true;
  }

  resample(channel) {
    const input = new Float32Array(this.input.length + channel.length);
    input.set(this.input);
    input.set(channel, this.input.length);
    while (this.position + this.reach < input.length) {
      this.emit(this.interpolate(input, this.position));
      this.position += this.step;
    }
    const done = Math.max(0, Math.floor(this.position) - this.reach);
    this.input = input.slice(done);
    this.position -= done;
  }

  // A windowed sinc; cut off at the lower of the two Nyquist frequencies, so that nothing folds back.
  interpolate(input, at) {
    const cutoff = Math.min(1, 1 / this.step);
    let sum = 0;
    for (let i = Math.ceil(at - this.reach); i <= at + this.reach; i++) {
      if (i < 0) continue;
      const x = i - at;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * cutoff) / (Math.PI * x * cutoff);
      sum += input[i] * cutoff * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / this.reach));
    }
    return sum;
  }

  emit(sample) {
    this.frame[this.filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
    if (this.filled < FRAME) return;
    const frame = this.frame;
    this.port.postMessage(frame, [frame.buffer]);
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
  }
}

registerProcessor("microphone", Microphone);
