// Show the talk page: its current part, the state in words, and the meter.

import { announce, withdraw } from "./announce.js";
import { peak } from "./pcm.js";

const byId = (id) => document.getElementById(id);
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
const SPOKEN = { ready: "Your turn.", recording: "Listening.", asking: ASKING };

export class TalkView {
  constructor(main) {
    this.main = main;
  }

  /** Show the part "setup", "conversation" or "summary". */
  show(view) {
    this.main.dataset.view = view;
    document.body.dataset.view = view;
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

  title(title, level) {
    byId("talk-title").textContent = title;
    byId("talk-level").textContent = level || "";
    byId("talk-level").hidden = !level;
    document.title = `${title}: Talking Agent`;
  }

  /** Show the state and return it. */
  state({ handsFree, muted, thinking, lost, microphone, hears, inaudible, closed, ...now }) {
    const state = now.asking && ["ready", "connecting"].includes(now.state) ? "asking" : now.state;
    const before = this.main.dataset.state;
    if (inaudible && this.main.dataset.inaudible !== "true") announce(NO_SOUND);
    Object.assign(this.main.dataset, { state, handsFree, muted: handsFree && muted, microphone, inaudible });
    const button = byId("talk-button");
    button.disabled = !microphone || closed;
    const pressed = handsFree ? muted : state === "recording";
    button.setAttribute("aria-pressed", pressed);
    byId("talk-button-label").textContent = handsFree ? "Mute" : "Hold to talk";
    for (const id of ["hint-button", "type-button", "hands-free", "think"]) byId(id).disabled = closed;
    byId("think").hidden = !handsFree;
    byId("think").setAttribute("aria-pressed", thinking);
    byId("state-text").textContent = closed
      ? ""
      : inWords({ state, handsFree, muted, thinking, lost, microphone: hears, inaudible, allowed: now.allowed });
    if (state !== before && SPOKEN[state]) announce(state === "asking" && now.allowed ? OPENING : SPOKEN[state]);
    if (state === "recording") this.hint("");
    if (lost) this.notice("Connection lost. Reconnecting…");
    else if (state !== "connecting" && !closed) this.notice("");
    return state;
  }

  /** Show a notice. `actions` is [[label, act]], and `icon` is a name in the sprite. */
  notice(text, actions = [], icon = "wifi-off") {
    const box = byId("connection-notice");
    const words = box.querySelector("[data-text]");
    if (words.textContent === text && box.hidden === !text) return;
    words.textContent = text;
    box.hidden = !text;
    const use = box.querySelector("use");
    const href = `${document.body.dataset.icons}#${icon}`;
    // Setting the address fetches the sprite, and the connection may be down.
    if (use.getAttribute("href") !== href) use.setAttribute("href", href);
    const buttons = actions.map(([label, act]) => {
      const button = Object.assign(document.createElement("button"), {
        type: "button",
        className: "button small",
        textContent: label,
      });
      button.addEventListener("click", act);
      return button;
    });
    box.querySelector("[data-actions]").replaceChildren(...buttons);
    buttons[0]?.focus();
  }

  hint(text) {
    const hint = byId("hint");
    if (hint.textContent === text) return;
    hint.textContent = text;
    hint.hidden = !text;
    if (text) hint.scrollIntoView({ block: "nearest" });
  }

  peak(value, items, dialogue) {
    this.main.style.setProperty("--voice", value.toFixed(3));
    keepLargest(this.main, value);
    for (const item of items) if (dialogue.has(item)) keepLargest(dialogue.turn(item).element, value);
  }

  time(ms) {
    if (ms === null) return;
    const seconds = Math.floor(ms / 1000);
    byId("talk-time").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

function keepLargest(element, value) {
  if (value > Number(element.dataset.peak || 0)) element.dataset.peak = value.toFixed(3);
}

function inWords({ inaudible, ...now }) {
  if (inaudible && now.state === "agent") return NO_SOUND;
  return inaudible && now.state === "ready" ? `${turnInWords(now)} ${UNHEARD}` : turnInWords(now);
}

function turnInWords({ state, handsFree, muted, thinking, lost, microphone, allowed }) {
  if (lost && handsFree && muted) return "You are muted. Press the button to be heard.";
  if (lost) return microphone ? "Go on, it is kept here." : "Go on and type, it is kept here.";
  if (state === "asking") return allowed ? OPENING : ASKING;
  if (state === "connecting") return "Connecting…";
  if (state === "recording") return thinking ? "Take your time…" : "Listening…";
  if (state === "thinking") return "One moment…";
  if (!microphone) return state === "agent" ? "The agent is speaking." : "Your turn. Type your answer.";
  if (handsFree && muted) return "You are muted. Press the button to be heard.";
  if (state === "agent")
    return handsFree ? "The agent is speaking. Just speak to break in." : "The agent is speaking. Hold to break in.";
  return handsFree ? "Your turn. Just speak." : HOLD;
}

export class Meter {
  constructor({ element, dock }) {
    this.element = element;
    this.fill = element.querySelector(".meter-fill");
    this.dock = dock;
    this.lastSignal = performance.now();
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
    this.element.setAttribute("aria-valuenow", Math.round(this.level * 100));
  }
}
