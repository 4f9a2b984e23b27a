// Own what must be released: a talk's microphone, its AudioContexts, listeners, timers, the screen's wake lock. What the browser
// delivers after the end is released on arrival.

export class Scope {
  #controller = new AbortController();
  /** @type {Promise<never>} */
  #ended;

  /**
   * Create a scope. It ends at the latest with its `parent`.
   * @param {Scope} [parent]
   */
  constructor(parent) {
    this.#ended = new Promise((_, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true });
    });
    // Usually nothing awaits this promise.
    this.#ended.catch(() => {});
    if (parent?.over) this.end();
    else parent?.signal.addEventListener("abort", () => this.end(), { once: true, signal: this.signal });
  }

  get signal() {
    return this.#controller.signal;
  }

  get over() {
    return this.signal.aborted;
  }

  /**
   * Call `release(thing)` at the end of the scope, or at once if it has ended. Return the thing.
   * @template T
   * @param {T} thing
   * @param {(thing: T) => unknown} release
   */
  own(thing, release) {
    if (this.over) release(thing);
    else this.signal.addEventListener("abort", () => release(thing), { once: true });
    return thing;
  }

  /**
   * Wait for a thing, and own it. Reject with an AbortError when the scope ends, however long the thing takes.
   * @template T
   * @param {Promise<T>} promise
   * @param {(thing: T) => unknown} [release]
   */
  async acquire(promise, release = () => {}) {
    promise.then(
      (thing) => this.own(thing, release),
      // `Promise.race` below reports the error.
      () => {},
    );
    const thing = await Promise.race([promise, this.#ended]);
    this.signal.throwIfAborted();
    return thing;
  }

  /** @type {(target: EventTarget, type: string, listener: () => unknown, options?: AddEventListenerOptions) => void} */
  on(target, type, listener, options = {}) {
    target.addEventListener(type, listener, { ...options, signal: this.signal });
  }

  /** @param {number} ms @param {() => unknown} act */
  every(ms, act) {
    this.own(setInterval(act, ms), clearInterval);
  }

  /** @param {number} ms @param {() => unknown} act */
  after(ms, act) {
    if (!this.over) this.own(setTimeout(act, ms), clearTimeout);
  }

  end() {
    this.#controller.abort();
  }
}

/**
 * Return the promise, limited in time: it rejects with a TimeoutError after `ms` milliseconds.
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 */
export function within(ms, promise) {
  /** @type {number | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("It took too long.", "TimeoutError")), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
