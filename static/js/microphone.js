// Read the microphone as a stream of 30 ms frames of PCM16 at 24 kHz.

import { keepRunning } from "./audio-context.js";
import { RATE } from "./pcm.js";
import { within } from "./scope.js";
/** @import { Scope } from "./scope.js" */
/** @import { Pcm } from "./pcm.js" */

// Time to load the worklet's script, which never finishes if the sound hardware hangs.
const LOADS_MS = 10_000;

/** @typedef {"insecure" | "unsupported" | "denied" | "missing" | "busy"} MicrophoneCode */

export class MicrophoneError extends Error {
  /** @param {MicrophoneCode} code @param {Error} [cause] */
  constructor(code, cause) {
    super(code, { cause });
    this.code = code;
  }
}

// The browsers' names of these errors: https://developer.mozilla.org/docs/Web/API/MediaDevices/getUserMedia#exceptions
/** @type {Record<string, MicrophoneCode>} */
const CODES = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

export class Microphone {
  /**
   * Create a microphone. `onFrame(Int16Array)` gets each frame. `onLost(code)` is called when the device disappears or the system
   * mutes it.
   * @param {{ worklet: string; onFrame: (pcm: Pcm) => void; onLost: (code: "missing" | "silent") => void }} options
   */
  constructor({ worklet, onFrame, onLost }) {
    this.worklet = worklet;
    this.onFrame = onFrame;
    this.onLost = onLost;
    /** @type {MediaStream | null} */
    this.stream = null;
  }

  get open() {
    return this.stream !== null;
  }

  get label() {
    return this.stream?.getAudioTracks()[0]?.label || "";
  }

  /** Return whether the device is gone, even if no event reported it. */
  get ended() {
    return this.stream !== null && this.stream.getAudioTracks().every((track) => track.readyState === "ended");
  }

  /**
   * Request the device. The browser may ask the learner, so this takes as long as they like. The stream belongs to `scope`. If
   * that has ended meanwhile, the stream is stopped on arrival. Raises MicrophoneError, AbortError.
   * @param {string} device
   * @param {Scope} scope
   * @returns {Promise<MediaStream>}
   */
  async request(device, scope) {
    if (!isSecureContext) throw new MicrophoneError("insecure");
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) throw new MicrophoneError("unsupported");
    try {
      return await scope.acquire(userMedia(device), stopTracks);
    } catch (error) {
      scope.signal.throwIfAborted();
      // The chosen device may have been unplugged. Any other one is better than none.
      if (device && error.name === "OverconstrainedError") return this.request("", scope);
      throw new MicrophoneError(CODES[error.name] || "busy", error);
    }
  }

  /**
   * Take frames from the stream until the scope ends. Raises MicrophoneError, AbortError.
   * @param {MediaStream} stream
   * @param {Scope} scope
   */
  async connect(stream, scope) {
    try {
      const { context, source } = connectable(stream, scope);
      await scope.acquire(within(LOADS_MS, context.audioWorklet.addModule(this.worklet)));
      const node = new AudioWorkletNode(context, "microphone", {
        numberOfOutputs: 0,
        // The worklet mixes the channels, because the browser's average may be silent.
        channelCount: 2,
        channelCountMode: "clamped-max",
      });
      scope.own(node.port, (port) => port.close());
      node.port.onmessage = ({ data }) => scope.over || this.onFrame(data);
      source.connect(node);
    } catch (error) {
      scope.signal.throwIfAborted();
      throw new MicrophoneError("busy", error);
    }
    const [track] = stream.getAudioTracks();
    scope.on(track, "ended", () => this.onLost("missing"));
    scope.on(track, "mute", () => this.onLost("silent"));
    this.stream = scope.own(stream, () => {
      this.stream = null;
    });
    // The track may have ended before the listener was added.
    if (this.ended) throw new MicrophoneError("missing");
  }
}

/** @type {(stream: MediaStream) => void} */
const stopTracks = (stream) => stream.getTracks().forEach((track) => track.stop());

/** @param {string} device */
function userMedia(device) {
  // No noise suppression. It blurs the endings that learners get wrong, and "she have" is then heard as "she has".
  const wanted = { echoCancellation: true, noiseSuppression: false, autoGainControl: true, channelCount: 2 };
  return navigator.mediaDevices.getUserMedia({ audio: { ...wanted, deviceId: device ? { exact: device } : undefined } });
}

/**
 * Return a context, and the stream as its source. Firefox connects a microphone only to a context with the device's own rate. The
 * worklet then resamples.
 * @param {MediaStream} stream
 * @param {Scope} scope
 */
function connectable(stream, scope) {
  const context = new AudioContext({ sampleRate: RATE });
  keepRunning(context, scope);
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    context.close();
    const own = new AudioContext();
    keepRunning(own, scope);
    return { context: own, source: own.createMediaStreamSource(stream) };
  }
}

export async function devices() {
  if (!navigator.mediaDevices?.enumerateDevices) return [];
  const all = await navigator.mediaDevices.enumerateDevices();
  return all.filter((device) => device.kind === "audioinput" && device.deviceId);
}
