// Store what the learner said until the server has saved it. IndexedDB survives a reload or a crash. Without IndexedDB, the
// outbox is in memory: `durable` is false, and the page says so.

import { join } from "./pcm.js";
import { Scope, within } from "./scope.js";

// A browser whose storage hangs must still be able to talk.
const OPENS = 10_000; // ms

/** @type {<T>(asked: IDBRequest<T>) => Promise<T>} */
const request = (asked) =>
  new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });

/** @type {(transaction: IDBTransaction) => Promise<unknown>} */
const completed = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });

/** @type {(conversation: string, item: string) => string} */
export const keyOf = (conversation, item) => `${conversation}/${item}`;

/**
 * A turn that the server may not have saved yet, with the facts of its talk. `refused` is the server's reason. With `wordsOnly`, the
 * turn has a voice that must not be written to this device.
 * @typedef {{ key: string; conversation: string; item: string; tab: string; time: number; text?: string; refused?: string;
 *   wordsOnly?: boolean; finished: boolean; finishedAt?: number; [fact: string]: unknown }} Entry
 */

/** @typedef {Divided} Outbox */
/** @import { Pcm } from "./pcm.js" */

class Database {
  durable = true;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
  }

  /** @param {Entry} entry */
  put(entry) {
    const transaction = this.database.transaction("entries", "readwrite");
    transaction.objectStore("entries").put(entry);
    return completed(transaction);
  }

  /** @param {string} key @param {number} number @param {Pcm} pcm */
  addPiece(key, number, pcm) {
    const transaction = this.database.transaction("pieces", "readwrite");
    transaction.objectStore("pieces").put({ key, number, pcm });
    return completed(transaction);
  }

  /** @returns {Promise<Entry[]>} */
  list() {
    return request(this.database.transaction("entries").objectStore("entries").getAll());
  }

  /** @param {string} key @returns {Promise<Pcm>} */
  async pcm(key) {
    const range = IDBKeyRange.bound([key, 0], [key, Infinity]);
    const pieces = await request(this.database.transaction("pieces").objectStore("pieces").getAll(range));
    return join(pieces.map((piece) => piece.pcm));
  }

  /** @param {string} key */
  remove(key) {
    const transaction = this.database.transaction(["entries", "pieces"], "readwrite");
    transaction.objectStore("entries").delete(key);
    transaction.objectStore("pieces").delete(IDBKeyRange.bound([key, 0], [key, Infinity]));
    return completed(transaction);
  }
}

class Memory {
  durable = false;
  /** @type {Map<string, Entry>} */
  entries = new Map();
  /** @type {Map<string, Pcm[]>} */
  pieces = new Map();

  /** @param {Entry} entry */
  async put(entry) {
    this.entries.set(entry.key, entry);
  }

  /** @param {string} key @param {number} number @param {Pcm} pcm */
  async addPiece(key, number, pcm) {
    const pieces = this.pieces.get(key) || [];
    pieces[number] = pcm;
    this.pieces.set(key, pieces);
  }

  async list() {
    return [...this.entries.values()];
  }

  /** @param {string} key */
  async pcm(key) {
    return join(this.pieces.get(key) || []);
  }

  /** @param {string} key */
  async remove(key) {
    this.entries.delete(key);
    this.pieces.delete(key);
  }
}

/** Keep the turns of learners who refuse recordings in memory, until the server has their words, and all other turns in `store`. */
class Divided {
  memory = new Memory();

  /** @param {Database | Memory} store */
  constructor(store) {
    this.store = store;
    this.durable = store.durable;
  }

  /** @param {Entry} entry */
  put(entry) {
    return (entry.wordsOnly ? this.memory : this.store).put(entry);
  }

  /** @param {string} key @param {number} number @param {Pcm} pcm */
  addPiece(key, number, pcm) {
    return this.of(key).addPiece(key, number, pcm);
  }

  async list() {
    return [...(await this.store.list()), ...(await this.memory.list())];
  }

  /** @param {string} key */
  pcm(key) {
    return this.of(key).pcm(key);
  }

  /** @param {string} key */
  remove(key) {
    return this.of(key).remove(key);
  }

  /** @param {string} key */
  of(key) {
    return this.memory.entries.has(key) ? this.memory : this.store;
  }
}

/** @returns {Promise<Outbox>} */
export async function openOutbox() {
  return new Divided(await openStore());
}

/** @returns {Promise<Database | Memory>} */
async function openStore() {
  const database = new Scope();
  try {
    const opening = indexedDB.open("outbox", 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("entries", { keyPath: "key" });
      opening.result.createObjectStore("pieces", { keyPath: ["key", "number"] });
    };
    return new Database(
      await within(
        OPENS,
        database.acquire(request(opening), (late) => late.close()),
      ),
    );
  } catch {
    database.end();
    return new Memory();
  }
}
