// Play recordings of turns, one at a time. See AudioSource in types.d.ts.

import { ApiError, audioUrl } from "./api.js";
import { byId } from "./dom.js";
import { within } from "./scope.js";
/** @import { AudioSource } from "./types.d.ts" */

// A server that hangs sends no error.
const PATIENCE = 8000; // ms
const UNPLAYABLE = "This recording can't be played right now.";
const UNREACHED = "This recording can't be reached at the moment. Nothing is lost; try again in a while.";

export class Replayer {
  /**
   * Create a replayer. `onChange(id|null)` gets the turn that is playing now.
   * @param {{ onChange: (id: string | null) => void; onError: (message: string) => void }} options
   */
  constructor({ onChange, onError }) {
    this.onChange = onChange;
    this.onError = onError;
    this.audio = byId("replay-audio", HTMLAudioElement);
    /** @type {string | null} Id of the turn that is playing */
    this.current = null;
    /** @type {((toTheEnd: boolean) => void) | null} */
    this.finish = null;
    // True once playback has begun.
    this.sounding = false;
    this.audio.addEventListener("ended", () => this.finish?.(true));
    this.audio.addEventListener("error", () => this.sounding && this.fail(UNREACHED));
  }

  /** @param {string} id @param {AudioSource} source */
  toggle(id, source) {
    if (this.current === id) return this.stop();
    return this.play(id, source);
  }

  /**
   * Play a turn. Resolve with true if it was heard to the end.
   * @param {string} id
   * @param {AudioSource} source
   * @returns {Promise<boolean>}
   */
  async play(id, source) {
    this.stop();
    this.current = id;
    this.onChange(id);
    /** @type {Promise<boolean>} */
    const ended = new Promise((resolve) => {
      this.finish = resolve;
    });
    try {
      await this.start(id, source);
      this.sounding = this.current === id;
    } catch (error) {
      if (this.current === id) this.fail(why(error, source));
    }
    const toTheEnd = await ended;
    if (this.current === id) this.stop();
    return toTheEnd;
  }

  /** @param {string} id @param {AudioSource} source @returns {Promise<void>} */
  async start(id, source) {
    if (source.blob) return this.load(id, URL.createObjectURL(source.blob));
    const { key } = source;
    try {
      source.url ||= await audioUrl(String(key));
      await this.load(id, source.url);
    } catch (error) {
      if (error.name !== "NotSupportedError" || !key || this.current !== id) throw error;
      // A page may stay open for longer than the hour that a signed address lasts, and a recording may move into the bucket. So
      // request a new address.
      source.url = await audioUrl(key);
      await this.load(id, source.url);
    }
  }

  /** @param {string} id @param {string} url */
  async load(id, url) {
    // Playback was stopped, or another turn was chosen, while the address was requested.
    if (this.current !== id) return;
    this.audio.src = url;
    await within(PATIENCE, this.audio.play());
  }

  /** @param {string} message */
  fail(message) {
    this.onError(message);
    this.stop();
  }

  stop() {
    if (this.current === null) return;
    this.current = null;
    this.sounding = false;
    this.audio.pause();
    if (this.audio.src.startsWith("blob:")) URL.revokeObjectURL(this.audio.src);
    this.finish?.(false);
    this.finish = null;
    this.onChange(null);
  }

  /**
   * Play the recordings of these turns one after the other, until one is stopped.
   * @param {{ id: string; source: AudioSource | null }[]} turns
   */
  async sequence(turns) {
    for (const { id, source } of turns) if (source && !(await this.play(id, source))) return;
  }
}

/**
 * Return the reason in words for the learner. An address that does not load raises a NotSupportedError.
 * @param {Error} error
 * @param {AudioSource} source
 */
function why(error, source) {
  if (error instanceof ApiError) return error.message;
  return source.key && ["NotSupportedError", "TimeoutError"].includes(error.name) ? UNREACHED : UNPLAYABLE;
}
