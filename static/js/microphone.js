// The microphone as a stream of 30 ms frames of PCM16 at 24 kHz.

import { RATE } from "./pcm.js";

export class MicrophoneError extends Error {
  /** @param {"insecure"|"unsupported"|"denied"|"missing"|"busy"} code */
  constructor(code, cause) {
    super(code, { cause });
    this.code = code;
  }
}

// What browsers call their refusals: https://developer.mozilla.org/docs/Web/API/MediaDevices/getUserMedia#exceptions
const CODES = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

export class Microphone {
  /** `onFrame(Int16Array)` for each frame; `onLost(code)` when the device goes away or the system mutes it. */
  constructor({ worklet, onFrame, onLost }) {
    this.worklet = worklet;
    this.onFrame = onFrame;
    this.onLost = onLost;
    this.stream = null;
  }

  get open() {
    return this.stream !== null;
  }

  get label() {
    return this.stream?.getAudioTracks()[0]?.label || "";
  }

  async start(device) {
    this.stop();
    if (!isSecureContext) throw new MicrophoneError("insecure");
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) throw new MicrophoneError("unsupported");
    const stream = await requestStream(device);
    try {
      await this.connect(stream);
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      throw new MicrophoneError("busy", error);
    }
  }

  async connect(stream) {
    const { context, source } = connectable(stream);
    await context.audioWorklet.addModule(this.worklet);
    const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = ({ data }) => this.onFrame(data);
    source.connect(node);
    const [track] = stream.getAudioTracks();
    track.onended = () => this.onLost("missing");
    track.onmute = () => this.onLost("silent");
    this.stream = stream;
    this.context = context;
    this.node = node;
    await context.resume();
  }

  stop() {
    if (!this.stream) return;
    for (const track of this.stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
    this.node.port.onmessage = null;
    this.context.close();
    this.stream = null;
  }
}

async function requestStream(device) {
  // No noise suppression: it blurs the endings that learners get wrong, and "she have" is then heard as "she has".
  const wanted = { echoCancellation: true, noiseSuppression: false, autoGainControl: true, channelCount: 1 };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { ...wanted, deviceId: device ? { exact: device } : undefined } });
  } catch (error) {
    // The device chosen last time may be unplugged today: any other is better than none.
    if (device && error.name === "OverconstrainedError") return requestStream("");
    throw new MicrophoneError(CODES[error.name] || "busy", error);
  }
}

// Firefox connects a microphone only to a context of the device's own rate; the worklet resamples there.
function connectable(stream) {
  const wanted = new AudioContext({ sampleRate: RATE });
  try {
    return { context: wanted, source: wanted.createMediaStreamSource(stream) };
  } catch {
    wanted.close();
    const context = new AudioContext();
    return { context, source: context.createMediaStreamSource(stream) };
  }
}

export async function devices() {
  if (!navigator.mediaDevices?.enumerateDevices) return [];
  const all = await navigator.mediaDevices.enumerateDevices();
  return all.filter((device) => device.kind === "audioinput" && device.deviceId);
}
