// Show the agent's words while their audio is heard. The server sends the words of a sentence before its audio, so words begin
// where the audio that arrived before them ends.

/** @import { Player } from "./player.js" */

// Used only while the length of a sentence's audio is unknown.
const LETTERS_PER_SECOND = 15;
// Words appear slightly before they are heard, which helps learners.
const AHEAD = 120; // ms
const TICK = 60;

/** @typedef {{ parts: { text: string; from: number }[]; complete: boolean }} Item */

export class Captions {
  /** @param {{ player: Player; onText: (id: string, text: string) => void; onTick: () => void }} options */
  constructor({ player, onText, onTick }) {
    this.player = player;
    this.onText = onText;
    this.onTick = onTick;
    /** @type {Map<string, Item>} */
    this.items = new Map();
    /** @type {number | undefined} */
    this.timer = undefined;
  }

  /** @param {string} id @param {string} text */
  add(id, text) {
    const item = this.items.get(id) || { parts: [], complete: false };
    this.items.set(id, item);
    item.parts.push({ text, from: this.player.arrived(id) });
    this.timer ||= setInterval(() => this.tick(), TICK);
  }

  /**
   * Mark the item as complete: all its audio and words have arrived.
   * @param {string} id
   */
  complete(id) {
    const item = this.items.get(id);
    if (item) item.complete = true;
  }

  tick() {
    for (const [id, item] of this.items) {
      const heard = this.player.heard(id) + AHEAD;
      this.onText(id, shown(item, heard, this.player.arrived(id)));
      if (item.complete && !this.player.playing) this.finish(id);
    }
    this.onTick();
    if (!this.items.size && !this.player.playing) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
  }

  /**
   * Show all words of the item, because they were heard, or because there is no audio to wait for.
   * @param {string} id
   */
  finish(id) {
    const item = this.items.get(id);
    if (!item) return;
    this.items.delete(id);
    this.onText(id, item.parts.map((part) => part.text).join(""));
  }

  stop() {
    clearInterval(this.timer);
    for (const id of [...this.items.keys()]) this.finish(id);
  }

  /**
   * Leave the item as it is, because it was interrupted.
   * @param {string} id
   */
  freeze(id) {
    this.items.delete(id);
  }
}

/** @param {Item} item @param {number} heard @param {number} arrived */
function shown({ parts, complete }, heard, arrived) {
  let text = "";
  for (const [i, part] of parts.entries()) {
    const end = parts[i + 1]?.from ?? (complete ? arrived : part.from + (part.text.length / LETTERS_PER_SECOND) * 1000);
    if (heard >= end) text += part.text;
    else if (heard > part.from) return text + beginning(part.text, (heard - part.from) / (end - part.from));
    else break;
  }
  return text;
}

/** @param {string} text @param {number} share */
function beginning(text, share) {
  const cut = text.indexOf(" ", Math.floor(text.length * share));
  return cut === -1 ? text : text.slice(0, cut);
}
