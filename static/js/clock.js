// The time of what is being played. It is the loudspeaker's clock; where that stands still (no loudspeaker, a phone call)
// it is the wall's, so that words go on without sound.

const STILL = 400; // ms without a move: the loudspeaker has stopped

export class Clock {
  /** `read()`: seconds on the loudspeaker's clock. */
  constructor(read) {
    this.read = read;
    this.seen = read();
    this.movedAt = performance.now() - STILL; // it has yet to show that it moves
    this.silent = null; // while it stands still: {from, since}, seconds and a moment of the wall's clock
  }

  /** Seconds. Goes back to where the loudspeaker stopped when that moves again. */
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

  /** Something begins to play at this time, after a pause in which nothing did. */
  begin(at) {
    this.look();
    if (this.silent) this.silent = { from: at, since: performance.now() };
  }
}
