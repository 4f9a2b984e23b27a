// The WebSocket to /v1/realtime, kept up: lost connections are made again, with growing pauses.

import { within } from "./scope.js";

const PAUSES = [500, 1000, 2000, 4000, 8000];
// Opened elsewhere, foreign origin, deleted, idle, full, bad id, no cookie: the learner decides what to do.
const FINAL = new Set([4001, 4003, 4004, 4008, 4029, 4400, 4401]);
const CONGESTED = 1_000_000; // bytes waiting to leave: some 15 s of sound
const BYTES_PER_MS = 64; // of sound in base64
const STALLED = 8000; // … and not growing fewer for so long: the line is dead without saying so
const PREPARES = 15_000; // ms
const OPENS = 60_000; // ms until the server greets: it may have to load its models first

export class Connection {
  /**
   * `prepare()` is awaited before each attempt; `onEvent(event)` gets what the server says;
   * `onState("online"|"lost"|"closed", {code})` tells how the line is. All of it ends with `scope`.
   */
  constructor({ scope, conversation, prepare, onEvent, onState }) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.url = `${scheme}://${location.host}/v1/realtime?conversation=${encodeURIComponent(conversation)}`;
    this.prepare = prepare;
    this.onEvent = onEvent;
    this.onState = onState;
    this.failures = 0;
    this.socket = null;
    this.ready = false;
    this.closed = false;
    this.waiting = 0; // bytes
    this.movedAt = 0;
    scope.on(window, "online", () => this.retryNow());
    scope.on(window, "offline", () => this.socket && this.lost({ code: 1006 }));
    scope.own(this, () => this.stop());
  }

  async open() {
    // What can't be prepared now is not worth doing without a line.
    await within(PREPARES, this.prepare()).catch((error) => console.error(error));
    if (this.closed) return;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.timer = setTimeout(() => this.ready || this.lost({ code: 1006 }), OPENS);
    socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    socket.onclose = (event) => this.lost(event);
  }

  receive(event) {
    if (event.type === "session.created") {
      this.ready = true;
      this.failures = 0;
      clearTimeout(this.timer);
      this.timer = null;
      this.onState("online");
    }
    this.onEvent(event);
  }

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
    this.timer = null;
    this.open();
  }

  /** False when the event could not be sent. */
  send(event) {
    if (!this.ready || this.socket.readyState !== WebSocket.OPEN) return false;
    if (this.stalled(this.socket.bufferedAmount)) {
      this.lost({ code: 1006 }); // closing would wait for an answer from the dead
      return false;
    }
    this.socket.send(JSON.stringify(event));
    return true;
  }

  /** How much sound had not left yet at the last event, in milliseconds. */
  get unsentMs() {
    return this.waiting / BYTES_PER_MS;
  }

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
