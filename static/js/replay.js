// Plays recordings of turns, one at a time. A source is {blob}, or {key, url?} of a recording on the server.

import { ApiError, audioUrl } from "./api.js";
import { within } from "./scope.js";

const PATIENCE = 8000; // ms: a server that hangs says nothing
const UNPLAYABLE = "This recording can't be played right now.";
const UNREACHED = "This recording can't be reached at the moment. Nothing is lost; try again in a while.";

export class Replayer {
  /** `onChange(id|null)`: which turn is sounding now. */
  constructor({ onChange, onError }) {
    this.onChange = onChange;
    this.onError = onError;
    this.audio = document.getElementById("replay-audio");
    this.current = null;
    this.sounding = false; // it has begun
    this.audio.addEventListener("ended", () => this.finish?.(true));
    this.audio.addEventListener("error", () => this.sounding && this.fail(UNREACHED));
  }

  toggle(id, source) {
    if (this.current === id) return this.stop();
    return this.play(id, source);
  }

  /** Resolves with true when it was heard to its end. */
  async play(id, source) {
    this.stop();
    this.current = id;
    this.onChange(id);
    const ended = new Promise((resolve) => {
      this.finish = resolve;
    });
    try {
      await this.start(id, source);
      this.sounding = this.current === id;
    } catch (error) {
      if (this.current === id) this.fail(why(error, source));
    }
    const whole = await ended;
    if (this.current === id) this.stop();
    return whole;
  }

  async start(id, source) {
    if (source.blob) return this.load(id, URL.createObjectURL(source.blob));
    try {
      source.url ||= await audioUrl(source.key);
      return await this.load(id, source.url);
    } catch (error) {
      if (error.name !== "NotSupportedError" || !source.key || this.current !== id) throw error;
      // Signed addresses live for an hour, a page may stay open for longer; and a recording moves into the bucket.
      source.url = await audioUrl(source.key);
      return this.load(id, source.url);
    }
  }

  load(id, url) {
    if (this.current !== id) return undefined; // stopped, or another one chosen, while the address was asked for
    this.audio.src = url;
    return within(PATIENCE, this.audio.play());
  }

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

  /** Plays `[{id, source}]` one after the other until one is stopped. */
  async sequence(turns) {
    for (const { id, source } of turns) if (!(await this.play(id, source))) return;
  }
}

/** In words for the learner. An address that does not load is a NotSupportedError. */
function why(error, source) {
  if (error instanceof ApiError) return error.message;
  return source.key && ["NotSupportedError", "TimeoutError"].includes(error.name) ? UNREACHED : UNPLAYABLE;
}
