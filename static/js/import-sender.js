// Sends chosen conversations in portions. Whatever is sent twice is kept once, so it may be stopped and gone on with anywhere.

import * as api from "./api.js";
import { sounds } from "./import-look.js";

const PORTION = 4_000_000; // characters of JSON in a request
const TOGETHER = 20; // conversations in a request
const MAX_RECORDING = 34_000_000; // 25 MB in base64: the server takes no larger one
const MAX_REQUEST = 60_000_000;
const LATER = "later"; // stands for a recording that comes with another portion
const RANK = ["unusable", "unchanged", "deleted", "updated", "imported"];

export class Sender {
  /** `items`: [{raw, look, source}]. `onProgress({share, done, all})` after each request, `share` from 0 to 1. */
  constructor(items, { bringBack = false, onProgress }) {
    this.items = items;
    this.bringBack = bringBack;
    this.onProgress = onProgress;
    this.outcomes = new Map(); // by item, from its first answer on
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

  /** Returns true when all is sent, false when stopped. Raises a retryable ApiError: call it again to go on. */
  async run() {
    this.stopping = false;
    while (this.fill()) {
      if (this.stopping) return false;
      await this.send(this.batch());
      this.onProgress({ share: Math.min(1, this.sent / this.total), done: this.done, all: this.items.length });
    }
    return true;
  }

  /** Cuts up the next conversations, not all at once: that would hold every recording twice. */
  fill() {
    while (this.waiting.length && this.jobs.length < TOGETHER) {
      const item = this.waiting.shift();
      this.jobs.push(...this.portions(item));
    }
    return this.jobs.length > 0;
  }

  batch() {
    const first = this.jobs[0];
    let size = 0;
    const fits = (job, index) => index < TOGETHER && (index === 0 || (!first.alone && !job.alone && size + job.size <= PORTION));
    const end = this.jobs.findIndex((job, index) => {
      if (!fits(job, index)) return true;
      size += job.size;
      return false;
    });
    return this.jobs.slice(0, end === -1 ? this.jobs.length : end);
  }

  async send(batch) {
    let results;
    try {
      results = await api.bringIn(
        batch.map((job) => job.raw),
        { bringBack: this.bringBack },
      );
    } catch (error) {
      if (error.retryable) throw error;
      this.refused(batch, error);
      return;
    }
    results.forEach((result, index) => this.heed(batch[index], result));
  }

  /** One spoilt conversation costs its neighbours nothing: they are sent one by one. */
  refused(batch, error) {
    if (batch.length > 1) {
      for (const job of batch) job.alone = true;
      return;
    }
    this.finish(batch[0]);
    this.note(batch[0].item, { state: "unusable", error: error.message });
  }

  heed(job, result) {
    this.note(job.item, result);
    const waits = result.waiting?.length || 0;
    if (waits && !(waits >= job.waited))
      job.waited = waits; // sent again: the server had no time for all of it
    else {
      const why = "The server had no time for its recording.";
      this.note(job.item, {
        ...result,
        lost: (result.waiting || []).map((message) => ({ message, text: "", field: null, why })),
      });
      this.finish(job);
    }
  }

  finish(job) {
    this.jobs = this.jobs.filter((other) => other !== job);
    this.sent += job.share;
  }

  /** What has become of an item, over all its portions. */
  note(item, { state, error, id, messages = 0, recordings = 0, lost = [] }) {
    const before = this.outcomes.get(item) ?? { item, state, messages: 0, recordings: 0, lost: [] };
    const isBetter = RANK.indexOf(state) > RANK.indexOf(before.state);
    const told = new Set(before.lost.map((each) => JSON.stringify(each)));
    this.outcomes.set(item, {
      ...before,
      id: id ?? before.id,
      state: isBetter ? state : before.state,
      error: error ?? before.error,
      messages: Math.max(messages, before.messages),
      recordings: Math.max(recordings, before.recordings),
      lost: [...before.lost, ...lost.filter((each) => !told.has(JSON.stringify(each)))],
    });
  }

  portions(item) {
    const size = this.sizes.get(item);
    if (size <= PORTION) return [{ item, raw: item.raw, size, share: size }];
    const groups = this.groups(item);
    const jobs = groups.map((chosen) => ({ item, raw: withSounds(item.raw, chosen), share: size / groups.length }));
    for (const job of jobs) job.size = JSON.stringify(job.raw).length;
    if (jobs[0].size <= MAX_REQUEST) return jobs;
    this.note(item, { state: "unusable", error: "It is larger than the server takes." });
    this.sent += size;
    return [];
  }

  /** Indices of messages whose recordings go together. */
  groups(item) {
    const groups = [new Set()];
    let room = PORTION;
    item.raw.messages.forEach((message, index) => {
      const length = sounds(message).reduce((sum, name) => sum + message[name].length, 0);
      if (!length) return;
      if (length > MAX_RECORDING) {
        const why = "The recording is larger than 25 MB.";
        this.note(item, {
          state: "unusable",
          lost: [
            {
              message: String(message.id ?? index + 1),
              text: String(message.content ?? message.text ?? "").slice(0, 60),
              field: null,
              why,
            },
          ],
        });
        return;
      }
      if (length > room && groups.at(-1).size) {
        groups.push(new Set());
        room = PORTION;
      }
      groups.at(-1).add(index);
      room -= length;
    });
    return groups;
  }
}

function withSounds(raw, chosen) {
  const messages = raw.messages.map((message, index) => {
    const names = chosen.has(index) ? [] : sounds(message);
    if (!names.length) return message;
    return { ...message, ...Object.fromEntries(names.map((name) => [name, undefined])), audioData: LATER };
  });
  return { ...raw, messages };
}
