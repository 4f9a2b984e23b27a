// Measure the playback time. It follows the loudspeaker's clock. While that stands still (no loudspeaker, a phone call), it
// follows the system clock, so captions continue without sound.

// The loudspeaker has stopped if its clock stands still for this long.
const STILL = 400; // ms

export class Clock {
  /**
   * Create the clock. `read()` returns the loudspeaker's time in seconds.
   * @param {() => number} read
   */
  constructor(read) {
    this.read = read;
    this.seen = read();
    // The loudspeaker counts as stopped until its clock moves.
    this.movedAt = performance.now() - STILL;
    /**
     * Set while the loudspeaker's clock stands still. `from` is the playback time in seconds, `since` the system time in ms.
     * @type {{ from: number; since: number } | null}
     */
    this.silent = null;
  }

  /** Return the time in seconds. It jumps back to where the loudspeaker stopped when that resumes. */
  get now() {
    this.look();
    return this.silent ? this.silent.from + (performance.now() - this.silent.since) / 1000 : this.seen;
  }

  get isSilent() {
    this.look();
    return this.silent !== null;
  }

  look() {
    const time = this.read();
    const wall = performance.now();
    if (time !== this.seen) {
      this.seen = time;
      this.movedAt = wall;
      this.silent = null;
    } else if (!this.silent && wall - this.movedAt >= STILL) {
      this.silent = { from: time, since: this.movedAt };
    }
  }

  /**
   * Start at this time, because something begins to play after a pause.
   * @param {number} at
   */
  begin(at) {
    this.look();
    if (this.silent) this.silent = { from: at, since: performance.now() };
  }
}
