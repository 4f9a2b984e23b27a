// Keep up the WebSocket to /v1/realtime. After a loss, reconnect with growing pauses.

import { within } from "./scope.js";
/** @import { Scope } from "./scope.js" */
/** @import { TalkEvent } from "./types.d.ts" */

const PAUSES = [500, 1000, 2000, 4000, 8000];
// Opened elsewhere, foreign origin, deleted, idle, full, invalid id, no cookie. The learner decides what to do, so do not
// reconnect.
const FINAL = new Set([4001, 4003, 4004, 4008, 4029, 4400, 4401]);
// More unsent data than this, about 15 s of audio, is congestion.
const CONGESTED = 1_000_000; // bytes
// Size of a millisecond of audio in base64.
const BYTES_PER_MS = 64; // bytes
// If congestion does not ease for this long, the connection is dead, although no event says so.
const STALLED = 8000; // ms
const PREPARES = 15_000; // ms
// Time until the server's first event. The server may have to load its models first.
const OPENS = 60_000; // ms

/** @typedef {"online" | "lost" | "closed"} ConnectionState */

export class Connection {
  /**
   * Create a connection that closes when `scope` ends. `prepare()` is awaited before each attempt. `onEvent(event)` gets the
   * server's events. `onState(state, {code})` reports the state.
   * @param {{ scope: Scope; conversation: string; prepare: () => Promise<unknown>; onEvent: (event: TalkEvent) => void;
   *   onState: (state: ConnectionState, detail?: { code: number }) => void }} options
   */
  constructor({ scope, conversation, prepare, onEvent, onState }) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.url = `${scheme}://${location.host}/v1/realtime?conversation=${encodeURIComponent(conversation)}`;
    this.prepare = prepare;
    this.onEvent = onEvent;
    this.onState = onState;
    this.failures = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.ready = false;
    this.closed = false;
    this.waiting = 0; // bytes
    this.movedAt = 0;
    scope.on(window, "online", () => this.retryNow());
    scope.on(window, "offline", () => this.socket && this.lost({ code: 1006 }));
    scope.own(this, () => this.stop());
  }

  async open() {
    // Connect even if the preparation fails or takes too long.
    await within(PREPARES, this.prepare()).catch((error) => console.error(error));
    if (this.closed) return;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.timer = setTimeout(() => this.ready || this.lost({ code: 1006 }), OPENS);
    socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    socket.onclose = (event) => this.lost(event);
  }

  /** @param {TalkEvent} event */
  receive(event) {
    if (event.type === "session.created") {
      this.ready = true;
      this.failures = 0;
      clearTimeout(this.timer);
      this.timer = undefined;
      this.onState("online");
    }
    this.onEvent(event);
  }

  /** @param {{ code: number }} event */
  lost({ code }) {
    if (this.socket) this.socket.onclose = this.socket.onmessage = null;
    this.socket?.close();
    this.socket = null;
    this.ready = false;
    if (this.closed) return;
    if (FINAL.has(code)) {
      this.stop();
      this.onState("closed", { code });
      return;
    }
    this.onState("lost", { code });
    const pause = PAUSES[Math.min(this.failures++, PAUSES.length - 1)];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.retryNow(), pause * (0.8 + 0.4 * Math.random()));
  }

  retryNow() {
    if (this.closed || this.socket || !this.timer) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.open();
  }

  /**
   * Send the event. Return false if that is impossible now.
   * @param {TalkEvent} event
   */
  send(event) {
    if (!this.ready || this.socket?.readyState !== WebSocket.OPEN) return false;
    if (this.stalled(this.socket.bufferedAmount)) {
      // Do not wait for the closing handshake, because the server no longer answers.
      this.lost({ code: 1006 });
      return false;
    }
    this.socket.send(JSON.stringify(event));
    return true;
  }

  /** Return how much audio was unsent at the last event, in milliseconds. */
  get unsentMs() {
    return this.waiting / BYTES_PER_MS;
  }

  /** @param {number} waiting */
  stalled(waiting) {
    const fewer = waiting < CONGESTED || waiting < this.waiting;
    this.waiting = waiting;
    if (fewer) this.movedAt = performance.now();
    return performance.now() - this.movedAt > STALLED;
  }

  stop() {
    this.closed = true;
    this.ready = false;
    clearTimeout(this.timer);
    this.socket?.close(1000);
    this.socket = null;
  }
}
