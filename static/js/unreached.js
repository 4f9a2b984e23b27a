// Show that something cannot be reached at the moment, with a button to try again.

import { announce } from "./announce.js";
import { clone, find } from "./dom.js";

export class Unreached {
  /**
   * Add the hidden element at the end of `place`. `onRetry()` tries again, and calls `show` or `hide`.
   * @param {{ place: HTMLElement; onRetry: () => Promise<unknown> }} options
   */
  constructor({ place, onRetry }) {
    this.element = clone("unreached-template");
    this.place = place;
    this.button = find(this.element, "button");
    this.onRetry = onRetry;
    this.trying = false;
    this.button.addEventListener("click", () => this.retry());
    place.append(this.element);
  }

  get shown() {
    return !this.element.hidden;
  }

  /**
   * Show the error's message as it is.
   * @param {Error & { retryable?: boolean }} error
   * @param {{ focus?: boolean }} [options]
   */
  show(error, { focus = true } = {}) {
    find(this.element, "p").textContent = error.message;
    this.button.hidden = error.retryable === false;
    this.element.hidden = false;
    this.place.dataset.unreached = "";
    if (this.trying) announce(`Still out of reach. ${error.message}`);
    else if (focus) find(this.element, "h2").focus();
  }

  hide() {
    this.element.hidden = true;
    delete this.place.dataset.unreached;
  }

  async retry() {
    if (this.trying) return;
    this.trying = true;
    await this.onRetry();
    this.trying = false;
  }
}
