// Play the agent's side of a talk: its audio, its captions, and interruptions.

import { Captions } from "./captions.js";
import { Player } from "./player.js";
import { join, wav } from "./pcm.js";
/** @import { Dialogue } from "./dialogue.js" */
/** @import { Scope } from "./scope.js" */
/** @import { Pcm } from "./pcm.js" */
/** @import { Send, TalkEvent } from "./types.d.ts" */

export class Agent {
  /**
   * Create the agent. `onPeak(level)` gets the current loudness, from 0 to 1. `onChange()` is called when the agent starts or
   * stops thinking, speaking or being audible.
   * @param {{ scope: Scope; dialogue: Dialogue; send: Send; onPeak: (level: number) => void; onChange: () => void }} options
   */
  constructor({ scope, dialogue, send, onPeak, onChange }) {
    this.dialogue = dialogue;
    this.send = send;
    this.onPeak = onPeak;
    this.onChange = onChange;
    this.player = new Player({ scope, onIdle: () => this.silent(), onChange });
    this.captions = new Captions({
      player: this.player,
      onText: (id, text) => this.dialogue.setText(id, text),
      onTick: () => this.onPeak(this.player.peak()),
    });
    scope.own(this.captions, (captions) => captions.stop());
    /** @type {{ id: string; items: string[] } | null} The response in progress */
    this.response = null;
    /** @type {Set<string>} Ids of responses whose remaining events are ignored */
    this.refused = new Set();
    /** @type {Map<string, Pcm[]>} Audio by item, until it can be fetched from the server */
    this.voices = new Map();
    /** @type {Set<string>} Items that have not been heard to the end */
    this.sounding = new Set();
    /** @type {Set<string>} Items that the server has not confirmed as saved */
    this.unsaved = new Set();
  }

  get speaking() {
    return this.player.playing;
  }

  get thinking() {
    return this.response !== null && !this.player.playing;
  }

  /** @param {TalkEvent} event */
  handle(event) {
    const id = event.response_id || event.response?.id;
    if (this.refused.has(id)) {
      if (event.type === "response.done") this.refused.delete(id);
      return;
    }
    switch (event.type) {
      case "response.created":
        this.response = { id, items: [] };
        break;
      case "response.output_item.added":
        this.item(event.item.id);
        break;
      case "response.output_audio_transcript.delta":
        this.item(event.item_id);
        this.captions.add(event.item_id, event.delta);
        break;
      case "response.output_audio.delta":
        this.audio(event);
        break;
      case "response.done":
        this.done(event.response);
        break;
    }
    this.onChange();
  }

  /** @param {string} id */
  item(id) {
    if (this.dialogue.turns.has(id)) return;
    this.dialogue.turn(id, "assistant");
    this.dialogue.setStatus(id, "speaking");
    this.sounding.add(id);
    this.unsaved.add(id);
    this.response?.items.push(id);
  }

  /** @param {TalkEvent} event */
  audio({ item_id: id, delta }) {
    this.item(id);
    const pieces = this.voices.get(id) || [];
    this.voices.set(id, pieces);
    pieces.push(this.player.append(id, delta));
  }

  /** @param {{ id: string }} response */
  done({ id }) {
    const items = this.response?.id === id ? this.response.items : [];
    this.response = null;
    for (const item of items) {
      this.captions.complete(item);
      const voice = this.voices.get(item);
      if (voice) this.dialogue.setSource(item, { blob: wav(join(voice)) });
    }
    if (!this.player.playing) this.silent();
  }

  silent() {
    if (this.response === null) {
      for (const item of this.sounding) {
        this.captions.finish(item);
        this.dialogue.setStatus(item, "");
        this.player.forget(item);
      }
      this.sounding.clear();
    }
    this.onPeak(0);
    this.onChange();
  }

  /**
   * Silence the agent at once, and tell the server how much was heard. Set `cancel` if the server does not know yet that the
   * learner speaks.
   * @param {{ cancel: boolean }} options
   */
  interrupt({ cancel }) {
    const heard = new Map([...this.sounding].map((item) => [item, this.player.heard(item)]));
    this.player.stop();
    if (this.response) {
      this.refused.add(this.response.id);
      if (cancel) this.send({ type: "response.cancel" });
      this.response = null;
    }
    for (const [item, ms] of heard) {
      this.captions.freeze(item);
      this.dialogue.setStatus(item, "interrupted", "interrupted");
      this.send({ type: "conversation.item.truncate", item_id: item, content_index: 0, audio_end_ms: ms });
      this.cut(item, ms);
      this.player.forget(item);
    }
    this.sounding.clear();
    this.silent();
  }

  /** @param {string} item @param {number} ms */
  cut(item, ms) {
    const voice = this.voices.get(item);
    if (!voice) return;
    const pcm = join(voice).subarray(0, ms * 24);
    if (pcm.length) this.dialogue.setSource(item, { blob: wav(pcm) });
    else this.voices.delete(item);
  }

  /** @param {TalkEvent} event */
  truncated({ item_id: id, transcript }) {
    if (transcript) this.dialogue.setText(id, transcript);
    else this.remove(id);
  }

  /**
   * Return the turn that this response speaks, if the response is in progress.
   * @param {string} response
   */
  turnOf(response) {
    return this.response?.id === response ? this.response.items.at(-1) : undefined;
  }

  /**
   * Use the server's recording from now on, because the turn is saved.
   * @param {string} id
   * @param {string} [key]
   */
  saved(id, key) {
    this.voices.delete(id);
    this.unsaved.delete(id);
    if (key) this.dialogue.setSource(id, { key });
    this.dialogue.saved(id);
  }

  /** @param {string} id */
  remove(id) {
    if (this.sounding.has(id)) this.player.stop();
    this.voices.delete(id);
    this.unsaved.delete(id);
    this.captions.freeze(id);
    this.sounding.delete(id);
    this.dialogue.remove(id);
  }

  /**
   * Remove items that the server did not save. After a crash it says something else instead.
   * @param {Set<string>} known
   */
  reconcile(known) {
    for (const item of [...this.unsaved]) {
      if (known.has(item)) this.unsaved.delete(item);
      else this.remove(item);
    }
  }

  /** Handle a lost connection: nothing more of the response will arrive. */
  lost() {
    this.response = null;
    this.refused.clear();
    for (const item of this.sounding) this.captions.complete(item);
    if (!this.player.playing) this.silent();
  }
}
