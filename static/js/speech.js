// Play one sound at a time: a recording by its link, or a sentence in the agent's voice.

import { ApiError } from "./api.js";

export class Speech {
  constructor() {
    this.audio = new Audio();
    /** @type {HTMLButtonElement | null} */
    this.button = null;
    /** @type {AbortController | null} */
    this.loading = null;
    /** The link to the sound that was made for this page, "" if there is none. */
    this.made = "";
    for (const type of ["ended", "error"]) this.audio.addEventListener(type, () => this.mark(null));
  }

  /**
   * Play the sound at this link, or stop if the button's sound plays already. Reject with an ApiError.
   * @param {HTMLButtonElement} button
   * @param {string} url
   */
  async play(button, url) {
    if (this.stopped(button)) return;
    await this.start(url);
  }

  /**
   * Say a text in the agent's voice, or stop if the button's sound plays already. Reject with an ApiError.
   * @param {HTMLButtonElement} button
   * @param {string} text
   */
  async say(button, text) {
    if (this.stopped(button)) return;
    const loading = (this.loading = new AbortController());
    try {
      const answer = await fetch("/api/text-to-speech", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ text }),
        credentials: "same-origin",
        signal: loading.signal,
      });
      if (!answer.ok) {
        const { error = "This can't be spoken right now." } = await answer.json().catch(() => ({}));
        throw new ApiError(error, answer.status);
      }
      const sound = await answer.blob();
      if (loading.signal.aborted) return;
      // The former sound is no longer played. The new one must not be revoked by an event about the former one.
      URL.revokeObjectURL(this.made);
      this.made = URL.createObjectURL(sound);
      await this.start(this.made);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.mark(null);
      throw error instanceof ApiError ? error : new ApiError("The server can't be reached. Try again.", 0);
    }
  }

  stop() {
    this.loading?.abort();
    this.audio.pause();
    this.mark(null);
  }

  /** @param {HTMLButtonElement} button */
  stopped(button) {
    const was = this.button;
    this.stop();
    if (was === button) return true;
    this.mark(button);
    return false;
  }

  /** @param {string} url */
  async start(url) {
    this.audio.src = url;
    try {
      await this.audio.play();
    } catch (error) {
      this.mark(null);
      // Another sound was begun meanwhile.
      if (error.name !== "AbortError") throw new ApiError("This sound can't be played.", 0);
    }
  }

  /** @param {HTMLButtonElement | null} button */
  mark(button) {
    this.button?.setAttribute("aria-pressed", "false");
    button?.setAttribute("aria-pressed", "true");
    this.button = button;
  }
}
