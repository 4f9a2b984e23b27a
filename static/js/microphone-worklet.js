// Run on the audio thread. Convert audio of any rate into frames of PCM16 mono at 24 kHz.

const RATE = 24000;
const FRAME = 720; // 30 ms
// Half width of the sinc filter, in samples of the lower rate.
const HALF_WIDTH = 16;
// Two channels hold the same audio if their correlation is at least this.
const LIKENESS = 0.1;
// The loudness and the correlation of the channels are measured over this time.
const MEMORY_S = 2;

// Mix two channels into one, as for uploads (audio/encoding.py). An average would cancel channels of opposite polarity, and would
// weaken a voice that is in only one of them. So a channel that mirrors the other is inverted, and the mix is as loud as the
// louder channel.
class Mixer {
  constructor() {
    // Sums of squares and products.
    this.left = this.right = this.both = 0;
    this.isMirrored = false;
    this.weights = [0.5, 0.5];
  }

  /** @param {Float32Array[]} channels */
  mix([left, right]) {
    if (!right) return left;
    this.measure(left, right);
    const [a, b] = this.weights;
    this.weights = this.weigh();
    // Change the weights gradually, so that there is no click.
    const rise = this.weights.map((weight, channel) => (weight - [a, b][channel]) / left.length);
    return left.map((sample, i) => (a + rise[0] * (i + 1)) * sample + (b + rise[1] * (i + 1)) * right[i]);
  }

  /** @param {Float32Array} left @param {Float32Array} right */
  measure(left, right) {
    const kept = Math.exp(-left.length / (sampleRate * MEMORY_S));
    this.left *= kept;
    this.right *= kept;
    this.both *= kept;
    for (let i = 0; i < left.length; i++) {
      this.left += left[i] ** 2;
      this.right += right[i] ** 2;
      this.both += left[i] * right[i];
    }
  }

  weigh() {
    const least = LIKENESS * Math.sqrt(this.left * this.right);
    // Between the two bounds, keep the polarity, so that noise does not flip it back and forth.
    if (this.both < -least) this.isMirrored = true;
    if (this.both > least) this.isMirrored = false;
    const sign = this.isMirrored ? -1 : 1;
    const mixed = this.left + this.right + 2 * sign * this.both;
    const weight = mixed > 0 ? Math.min(1, Math.sqrt(Math.max(this.left, this.right) / mixed)) : 0.5;
    return [weight, sign * weight];
  }
}

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / RATE;
    this.reach = Math.ceil(HALF_WIDTH * Math.max(1, this.step));
    this.input = new Float32Array(0);
    // Position of the next output sample, in input samples.
    this.position = this.reach;
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
    this.mixer = new Mixer();
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    if (!inputs[0].length) return true;
    const channel = this.mixer.mix(inputs[0]);
    if (this.step === 1) for (const sample of channel) this.emit(sample);
    else this.resample(channel);
    return true;
  }

  /** @param {Float32Array} channel */
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

  /**
   * Interpolate with a windowed sinc. Its cutoff is the lower of the two Nyquist frequencies, which prevents aliasing.
   * @param {Float32Array} input
   * @param {number} at
   */
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

  /** @param {number} sample */
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
