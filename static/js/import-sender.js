// Send chosen conversations in portions. The server stores duplicates only once, so an import can stop and resume anywhere.

import * as api from "./api.js";
import { recordingFields } from "./import-look.js";
/** @import { Item } from "./import-sources.js" */
/** @import { ImportResult, Lost } from "./types.d.ts" */

/** @typedef {{ share: number; done: number; all: number }} Progress `share` is from 0 to 1. The others count conversations */
/**
 * @typedef {{ item: Item; id?: string; state: string; error?: string; messages: number; recordings: number;
 *   lost: Lost[] }} Outcome
 */
/**
 * A portion of a conversation. `size` is that of its JSON, and `share` its part of the whole import, in characters. `alone` is
 * set if it must be the only one of its request. `waited` counts recordings that the server had no time for.
 * @typedef {{ item: Item; raw: any; size: number; share: number; alone?: boolean; waited?: number }} Job
 */

// JSON in one request.
const PORTION = 4_000_000; // characters
// Conversations in one request.
const TOGETHER = 20;
// 25 MB in base64. The server accepts no larger recording.
const MAX_RECORDING = 34_000_000; // characters
const MAX_REQUEST = 60_000_000;
// Stands for a recording that another portion contains.
const LATER = "later";
const RANK = ["unusable", "unchanged", "deleted", "updated", "imported"];

export class Sender {
  /**
   * Create a sender. `onProgress(progress)` is called after each request.
   * @param {Item[]} items
   * @param {{ bringBack?: boolean; onProgress: (progress: Progress) => void }} options
   */
  constructor(items, { bringBack = false, onProgress }) {
    this.items = items;
    this.bringBack = bringBack;
    this.onProgress = onProgress;
    /** @type {Map<Item, Outcome>} An item has an outcome from its first answer on */
    this.outcomes = new Map();
    /** @type {Job[]} */
    this.jobs = [];
    this.waiting = [...items];
    this.sizes = new Map(items.map((item) => [item, JSON.stringify(item.raw).length]));
    this.total = [...this.sizes.values()].reduce((sum, size) => sum + size, 0);
    this.sent = 0;
    this.stopping = false;
  }

  get done() {
    return this.items.length - this.waiting.length - new Set(this.jobs.map((job) => job.item)).size;
  }

  stop() {
    this.stopping = true;
  }

  /**
   * Send everything. Return true when all is sent, and false when stopped. After a retryable ApiError, call this again to resume.
   */
  async run() {
    this.stopping = false;
    while (this.fill()) {
      if (this.stopping) return false;
      await this.send(this.batch());
      this.onProgress({ share: Math.min(1, this.sent / this.total), done: this.done, all: this.items.length });
    }
    return true;
  }

  /** Split the next conversations into portions, a few at a time. All at once would hold every recording twice. */
  fill() {
    while (this.waiting.length && this.jobs.length < TOGETHER) {
      const [item] = this.waiting.splice(0, 1);
      this.jobs.push(...this.portions(item));
    }
    return this.jobs.length > 0;
  }

  batch() {
    const [first, ...others] = this.jobs;
    const batch = [first];
    let { size } = first;
    for (const job of others) {
      size += job.size;
      if (first.alone || job.alone || size > PORTION || batch.length === TOGETHER) break;
      batch.push(job);
    }
    return batch;
  }

  /** @param {Job[]} batch */
  async send(batch) {
    let results;
    try {
      results = await api.importEntries(
        batch.map((job) => job.raw),
        { bringBack: this.bringBack },
      );
    } catch (error) {
      if (error.retryable) throw error;
      this.refused(batch, error);
      return;
    }
    results.forEach((result, index) => this.handle(batch[index], result));
  }

  /**
   * Send the conversations of a refused batch one by one, so that an invalid one does not affect the others.
   * @param {Job[]} batch
   * @param {Error} error
   */
  refused(batch, error) {
    if (batch.length > 1) {
      for (const job of batch) job.alone = true;
      return;
    }
    this.finish(batch[0]);
    this.note(batch[0].item, { state: "unusable", error: error.message });
  }

  /** @param {Job} job @param {ImportResult} result */
  handle(job, result) {
    this.note(job.item, result);
    const waiting = result.waiting ?? [];
    // If the server had no time for all recordings, send the portion again, unless the last attempt saved none.
    if (waiting.length && waiting.length < (job.waited ?? Infinity)) {
      job.waited = waiting.length;
      return;
    }
    const why = "The server had no time for its recording.";
    this.note(job.item, { ...result, lost: waiting.map((message) => ({ message, text: "", field: null, why })) });
    this.finish(job);
  }

  /** @param {Job} job */
  finish(job) {
    this.jobs = this.jobs.filter((other) => other !== job);
    this.sent += job.share;
  }

  /**
   * Record the outcome of an item, over all its portions.
   * @param {Item} item
   * @param {ImportResult} result
   */
  note(item, { state, error, id, messages = 0, recordings = 0, lost = [] }) {
    /** @type {Outcome} */
    const before = this.outcomes.get(item) ?? { item, state, messages: 0, recordings: 0, lost: [] };
    const isBetter = RANK.indexOf(state) > RANK.indexOf(before.state);
    const known = new Set(before.lost.map((each) => JSON.stringify(each)));
    this.outcomes.set(item, {
      ...before,
      id: id ?? before.id,
      state: isBetter ? state : before.state,
      error: error ?? before.error,
      messages: Math.max(messages, before.messages),
      recordings: Math.max(recordings, before.recordings),
      lost: [...before.lost, ...lost.filter((each) => !known.has(JSON.stringify(each)))],
    });
  }

  /** @param {Item} item @returns {Job[]} */
  portions(item) {
    const size = this.sizes.get(item) ?? 0;
    if (size <= PORTION) return [{ item, raw: item.raw, size, share: size }];
    const groups = this.groups(item);
    const jobs = groups.map((chosen) => {
      const raw = withRecordings(item.raw, chosen);
      return { item, raw, size: JSON.stringify(raw).length, share: size / groups.length };
    });
    if (jobs[0].size <= MAX_REQUEST) return jobs;
    this.note(item, { state: "unusable", error: "It is larger than the server takes." });
    this.sent += size;
    return [];
  }

  /**
   * Return sets of indices. Each set holds the messages whose recordings are sent together.
   * @param {Item} item
   */
  groups(item) {
    let group = new Set();
    const groups = [group];
    let room = PORTION;
    for (const [index, message] of item.raw.messages.entries()) {
      const length = recordingFields(message).reduce((sum, name) => sum + message[name].length, 0);
      if (!length) continue;
      if (length > MAX_RECORDING) {
        const id = String(message.id ?? index + 1);
        const text = String(message.content ?? message.text ?? "").slice(0, 60);
        const lost = { message: id, text, field: null, why: "The recording is larger than 25 MB." };
        this.note(item, { state: "unusable", lost: [lost] });
        continue;
      }
      if (length > room && group.size) {
        groups.push((group = new Set()));
        room = PORTION;
      }
      group.add(index);
      room -= length;
    }
    return groups;
  }
}

/** @param {any} raw @param {Set<number>} chosen */
function withRecordings(raw, chosen) {
  const messages = raw.messages.map((/** @type {any} */ message, /** @type {number} */ index) => {
    const names = chosen.has(index) ? [] : recordingFields(message);
    if (!names.length) return message;
    return { ...message, ...Object.fromEntries(names.map((name) => [name, undefined])), audioData: LATER };
  });
  return { ...raw, messages };
}
