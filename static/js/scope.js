// Owns what has to be released: a talk's microphone, its AudioContexts, listeners, timers, the screen's wake lock.
// A thing that arrives after the end, because the browser took its time, is released on arrival.

export class Scope {
  #controller = new AbortController();
  #ended;

  /** A scope with a `parent` ends with it, at the latest. */
  constructor(parent) {
    this.#ended = new Promise((_, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true });
    });
    this.#ended.catch(() => {}); // few wait for it
    if (parent?.over) this.end();
    else parent?.signal.addEventListener("abort", () => this.end(), { once: true, signal: this.signal });
  }

  get signal() {
    return this.#controller.signal;
  }

  get over() {
    return this.signal.aborted;
  }

  /** Have `release(thing)` called at the end; at once, if that has come. Returns the thing. */
  own(thing, release) {
    if (this.over) release(thing);
    else this.signal.addEventListener("abort", () => release(thing), { once: true });
    return thing;
  }

  /** Wait for a thing, and own it. Rejects with an AbortError at the end of the scope, however long the thing takes. */
  async acquire(promise, release = () => {}) {
    promise.then(
      (thing) => this.own(thing, release),
      () => {}, // the caller is told below
    );
    const thing = await Promise.race([promise, this.#ended]);
    this.signal.throwIfAborted();
    return thing;
  }

  on(target, type, listener, options = {}) {
    target.addEventListener(type, listener, { ...options, signal: this.signal });
  }

  every(ms, act) {
    this.own(setInterval(act, ms), clearInterval);
  }

  after(ms, act) {
    if (!this.over) this.own(setTimeout(act, ms), clearTimeout);
  }

  end() {
    this.#controller.abort();
  }
}

/** The promise, or a rejection with a TimeoutError after so many milliseconds. */
export function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("It took too long.", "TimeoutError")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
