// Send the outbox to the server, one recording at a time, and never from two tabs at once.

import { conversation as fetchConversation, sendTurn } from "./api.js";
import { wav } from "./pcm.js";
import * as settings from "./settings.js";
/** @import { ApiError } from "./api.js" */
/** @import { Entry, Outbox } from "./outbox.js" */
/** @import { Goal, Message } from "./types.d.ts" */

const EVERY = 5000;
// A turn that was sent over the live connection is sent again if it is not saved after this time.
const LIVE = 30_000; // ms
const ABOUT_THE_TALK = ["scenario", "level", "topic", "goal", "rules", "expectations"];
// A turn that is saved sooner than this is not reported as waiting.
const SLOW = 3000; // ms

// Name this tab's turns. A lock with this name tells other tabs that this one is open. (crypto.randomUUID and locks exist only in
// secure contexts, as the microphone does.)
export const TAB = `tab-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
navigator.locks?.request(TAB, () => new Promise(() => {}));

async function livingTabs() {
  const locks = await navigator.locks?.query();
  return new Set(locks?.held?.map((lock) => lock.name));
}

export class Delivery {
  /**
   * Create the delivery. `isLive(conversation)` returns whether this page's connection to the conversation is up.
   * `onStatus({waiting, refused})` gets the entries to tell the learner about. `onDelivered(entry, answer)` and `onDropped(entry,
   * why)` report the end of an entry.
   * @param {{ outbox: Outbox; isLive?: (conversation: string) => boolean;
   *   onStatus: (status: { waiting: Entry[]; refused: Entry[] }) => void;
   *   onDelivered?: (entry: Entry, answer: { message: Message; goals?: Goal[] }) => void;
   *   onDropped: (entry: Entry, why: "silence" | "deleted") => void }} options
   */
  constructor({ outbox, isLive = () => false, onStatus, onDelivered = () => {}, onDropped }) {
    this.outbox = outbox;
    this.isLive = isLive;
    this.onStatus = onStatus;
    this.onDelivered = onDelivered;
    this.onDropped = onDropped;
    /** @type {Set<string>} Conversations whose deletion can still be undone */
    this.held = new Set();
    this.timer = setInterval(() => this.run(), EVERY);
    addEventListener("online", () => this.run());
  }

  /**
   * Deliver all entries once, or only those of `conversation`. Resolve when nothing more can be sent now.
   * @param {string} [conversation]
   */
  async run(conversation) {
    const round = () => this.round(conversation).catch((error) => console.error(error));
    await (navigator.locks ? navigator.locks.request("outbox-delivery", round) : round());
    await this.report();
  }

  /** @param {string} [conversation] */
  async round(conversation) {
    const living = await livingTabs();
    const entries = await this.outbox.list();
    for (const entry of entries.sort((a, b) => a.time - b.time)) {
      if (conversation && entry.conversation !== conversation) continue;
      if (this.isOurs(entry, living) && !(await this.deliver(entry))) return;
    }
  }

  /** @param {Entry} entry @param {Set<string | undefined>} living */
  isOurs(entry, living) {
    return !entry.refused && !this.held.has(entry.conversation) && this.isDue(entry, living, LIVE);
  }

  /**
   * Deliver one entry. Return false if the server cannot accept anything now.
   * @param {Entry} entry
   */
  async deliver(entry) {
    const form = new FormData();
    form.set("messageId", entry.item);
    form.set("reply", "false");
    for (const name of ABOUT_THE_TALK) if (entry[name]) form.set(name, String(entry[name]));
    if (entry.wordsOnly || !settings.get("keepsAudio")) form.set("keepsAudio", "false");
    if (entry.text) form.set("text", entry.text);
    else form.set("audio", wav(await this.outbox.pcm(entry.key)), `${entry.item}.wav`);
    try {
      const answer = await sendTurn(entry.conversation, form);
      await this.outbox.remove(entry.key);
      this.onDelivered(entry, answer);
    } catch (error) {
      if (error.retryable === undefined) throw error;
      if (error.retryable) return false;
      // The server is saving this entry right now.
      if (error.status === 409 && !(await this.find(entry))) return false;
      await this.refused(entry, error);
    }
    return true;
  }

  /** @param {Entry} entry @param {ApiError} error */
  async refused(entry, error) {
    if (error.status === 422) return this.drop(entry, "silence");
    if (error.status === 404 || error.status === 410) return this.drop(entry, "deleted");
    const kept = await this.find(entry);
    if (!kept) return this.outbox.put({ ...entry, finished: true, refused: error.message });
    await this.outbox.remove(entry.key);
    return this.onDelivered(entry, { message: kept });
  }

  /**
   * Return the server's message for this entry, or undefined. It may have arrived in another way.
   * @param {Entry} entry
   */
  async find({ conversation, item }) {
    try {
      return (await fetchConversation(conversation)).messages.find((message) => message.id === item);
    } catch {
      return undefined;
    }
  }

  /** @param {Entry} entry @param {"silence" | "deleted"} why */
  async drop(entry, why) {
    await this.outbox.remove(entry.key);
    this.onDropped(entry, why);
  }

  /**
   * Remove all entries, or only those of `conversation`.
   * @param {string} [conversation]
   */
  async discard(conversation) {
    for (const entry of await this.outbox.list()) {
      if (!conversation || entry.conversation === conversation) await this.outbox.remove(entry.key);
    }
    if (conversation) this.held.delete(conversation);
    await this.report();
  }

  /**
   * Return whether a turn of this conversation still waits to be saved.
   * @param {string} conversation
   */
  async unsaved(conversation) {
    return (await this.outbox.list()).some((entry) => entry.conversation === conversation && !entry.refused);
  }

  async report() {
    const living = await livingTabs();
    const entries = await this.outbox.list();
    this.onStatus({
      waiting: entries.filter((entry) => !entry.refused && this.isDue(entry, living, SLOW)),
      refused: entries.filter((entry) => entry.refused),
    });
  }

  /**
   * Return whether the turn should be saved by now. The live connection has `patience` ms to save it.
   * @param {Entry} entry
   * @param {Set<string | undefined>} living
   * @param {number} patience
   */
  isDue({ tab, conversation, finished, finishedAt = NaN }, living, patience) {
    if (tab !== TAB) return !living.has(tab);
    return finished && (!this.isLive(conversation) || Date.now() - finishedAt > patience);
  }
}
