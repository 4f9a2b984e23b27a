// Show the talk page: its current part, the state in words, and the meter.

import { announce, withdraw } from "./announce.js";
import { byId, button, find } from "./dom.js";
import { peak } from "./pcm.js";
/** @import { Dialogue } from "./dialogue.js" */
/** @import { Pcm } from "./pcm.js" */

// Below this level, not even a quiet room is heard.
const SIGNAL = 0.004;
const HOLD = matchMedia("(hover: hover)").matches
  ? "Your turn. Hold the button or the space bar and speak."
  : "Your turn. Hold the button and speak.";
const NO_SOUND = "No sound comes out. Read along, or tap anywhere to hear me.";
const UNHEARD = "No sound came out: tap anywhere to hear it.";
const ASKING = "Press Allow in your browser, so that I can hear you.";
const OPENING = "Your microphone takes long to open. Until then you can type.";
// For screen readers. When the agent speaks, it is heard, so that state needs no announcement.
/** @type {Record<string, string>} */
const SPOKEN = { ready: "Your turn.", recording: "Listening.", asking: ASKING };

/**
 * What the page shows about the talk. `state` is that of the session. `microphone` says whether the microphone is open, `hears`
 * whether frames arrive, `asking` whether the browser asks for it, and `allowed` whether the learner has agreed.
 * @typedef {{ state: string; handsFree: boolean; muted: boolean; thinking: boolean; lost: boolean; microphone: boolean;
 *   hears: boolean; asking: boolean; allowed: boolean; inaudible: boolean; closed: boolean }} Now
 */

export class TalkView {
  /** @param {HTMLElement} main */
  constructor(main) {
    this.main = main;
  }

  /**
   * Show the part "setup", "conversation" or "summary".
   * @param {"setup" | "conversation" | "summary"} view
   */
  show(view) {
    this.main.dataset.view = document.body.dataset.view = view;
    document.documentElement.toggleAttribute("data-bar", view === "setup");
    byId("loading").hidden = true;
    for (const id of ["setup", "conversation", "summary"]) byId(id).hidden = id !== view;
    if (view !== "conversation") {
      this.main.dataset.state = "idle";
      // "Your turn." is no longer true.
      withdraw();
    }
    if (view === "summary") byId("summary-title").focus();
    if (view === "conversation") byId("talk-title").focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  /** @param {string} title @param {string} level */
  title(title, level) {
    byId("talk-title").textContent = title;
    byId("talk-level").textContent = level;
    byId("talk-level").hidden = !level;
    document.title = `${title}: Talking Agent`;
  }

  /**
   * Show the state and return it.
   * @param {Now} now
   */
  state(now) {
    const { handsFree, muted, thinking, lost, microphone, inaudible, closed } = now;
    const state = now.asking && ["ready", "connecting"].includes(now.state) ? "asking" : now.state;
    const before = this.main.dataset.state;
    if (inaudible && this.main.dataset.inaudible !== "true") announce(NO_SOUND);
    Object.assign(this.main.dataset, { state, handsFree, muted: handsFree && muted, microphone, inaudible });
    const talkButton = byId("talk-button", HTMLButtonElement);
    talkButton.disabled = !microphone || closed;
    const pressed = handsFree ? muted : state === "recording";
    talkButton.setAttribute("aria-pressed", String(pressed));
    byId("talk-button-label").textContent = handsFree ? "Mute" : "Hold to talk";
    for (const id of ["hint-button", "type-button", "think"]) byId(id, HTMLButtonElement).disabled = closed;
    byId("hands-free", HTMLInputElement).disabled = closed;
    byId("think").hidden = !handsFree;
    byId("think").setAttribute("aria-pressed", String(thinking));
    byId("state-text").textContent = closed ? "" : inWords({ ...now, state });
    if (state !== before && SPOKEN[state]) announce(state === "asking" && now.allowed ? OPENING : SPOKEN[state]);
    if (state === "recording") this.hint("");
    if (lost) this.notice("Connection lost. Reconnecting…");
    else if (state !== "connecting" && !closed) this.notice("");
    return state;
  }

  /**
   * Show a notice. `actions` is [[label, act]], and `icon` is a name in the sprite.
   * @param {string} text
   * @param {[string, () => unknown][]} [actions]
   * @param {string} [icon]
   */
  notice(text, actions = [], icon = "wifi-off") {
    const box = byId("connection-notice");
    const words = find(box, "[data-text]");
    if (words.textContent === text && box.hidden === !text) return;
    words.textContent = text;
    box.hidden = !text;
    const use = find(box, "use", SVGUseElement);
    const href = `${document.body.dataset.icons}#${icon}`;
    // Setting the address fetches the sprite, and the connection may be down.
    if (use.getAttribute("href") !== href) use.setAttribute("href", href);
    const buttons = actions.map(([label, act]) => button("button small", label, act));
    find(box, "[data-actions]").replaceChildren(...buttons);
    buttons[0]?.focus();
  }

  /** @param {string} text */
  hint(text) {
    const hint = byId("hint");
    if (hint.textContent === text) return;
    hint.textContent = text;
    hint.hidden = !text;
    if (text) hint.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} value @param {Set<string>} items @param {Dialogue} dialogue */
  peak(value, items, dialogue) {
    this.main.style.setProperty("--voice", value.toFixed(3));
    keepLargest(this.main, value);
    for (const item of items) {
      const turn = dialogue.turns.get(item);
      if (turn) keepLargest(turn.element, value);
    }
  }

  /** @param {number | null} ms */
  time(ms) {
    if (ms === null) return;
    const seconds = Math.floor(ms / 1000);
    byId("talk-time").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

/** @param {HTMLElement} element @param {number} value */
function keepLargest(element, value) {
  if (value > Number(element.dataset.peak || 0)) element.dataset.peak = value.toFixed(3);
}

/** @param {Now} now */
function inWords(now) {
  const { inaudible } = now;
  if (inaudible && now.state === "agent") return NO_SOUND;
  return inaudible && now.state === "ready" ? `${turnInWords(now)} ${UNHEARD}` : turnInWords(now);
}

/** @param {Now} now */
function turnInWords({ state, handsFree, muted, thinking, lost, hears, allowed }) {
  if (lost && handsFree && muted) return "You are muted. Press the button to be heard.";
  if (lost) return hears ? "Go on, it is kept here." : "Go on and type, it is kept here.";
  if (state === "asking") return allowed ? OPENING : ASKING;
  if (state === "connecting") return "Connecting…";
  if (state === "recording") return thinking ? "Take your time…" : "Listening…";
  if (state === "thinking") return "One moment…";
  if (!hears) return state === "agent" ? "The agent is speaking." : "Your turn. Type your answer.";
  if (handsFree && muted) return "You are muted. Press the button to be heard.";
  if (state === "agent")
    return handsFree ? "The agent is speaking. Just speak to break in." : "The agent is speaking. Hold to break in.";
  return handsFree ? "Your turn. Just speak." : HOLD;
}

export class Meter {
  /** @param {{ element: HTMLElement; dock: HTMLElement }} elements */
  constructor({ element, dock }) {
    this.element = element;
    this.dock = dock;
    this.lastSignal = performance.now();
    this.lastPeak = 0;
    this.level = 0;
    this.drawn = 0;
  }

  /** Return whether the last frame held any sound. */
  get signal() {
    return this.lastPeak > SIGNAL;
  }

  /** Return the seconds since the last sound. */
  get quietFor() {
    return (performance.now() - this.lastSignal) / 1000;
  }

  /** Restart the measurement of silence for a new microphone. */
  begin() {
    this.lastSignal = performance.now();
  }

  /** @param {Pcm} pcm */
  hear(pcm) {
    const now = performance.now();
    this.lastPeak = peak(pcm);
    if (this.signal) this.lastSignal = now;
    // The meter falls more slowly than it rises, which is easier on the eye.
    this.level = Math.max(Math.sqrt(this.lastPeak), this.level * 0.85);
    if (now - this.drawn < 50) return;
    this.drawn = now;
    this.draw();
  }

  off() {
    this.level = 0;
    this.draw();
  }

  draw() {
    this.dock.style.setProperty("--level", this.level.toFixed(2));
    this.element.setAttribute("aria-valuenow", String(Math.round(this.level * 100)));
  }
}
