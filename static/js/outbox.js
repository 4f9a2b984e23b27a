// Store what the learner said until the server has saved it. IndexedDB survives a reload or a crash. Without IndexedDB, the
// outbox is in memory: `durable` is false, and the page says so.

import { join } from "./pcm.js";
import { Scope, within } from "./scope.js";

// A browser whose storage hangs must still be able to talk.
const OPENS = 10_000; // ms

const request = (asked) =>
  new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });

const completed = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });

export const keyOf = (conversation, item) => `${conversation}/${item}`;

class Database {
  durable = true;

  constructor(database) {
    this.database = database;
  }

  /** Store an entry: {key, conversation, item, scenario?, level?, topic?, …, time, tab, finished, text?}. */
  put(entry) {
    const transaction = this.database.transaction("entries", "readwrite");
    transaction.objectStore("entries").put(entry);
    return completed(transaction);
  }

  addPiece(key, number, pcm) {
    const transaction = this.database.transaction("pieces", "readwrite");
    transaction.objectStore("pieces").put({ key, number, pcm });
    return completed(transaction);
  }

  list() {
    return request(this.database.transaction("entries").objectStore("entries").getAll());
  }

  async pcm(key) {
    const range = IDBKeyRange.bound([key, 0], [key, Infinity]);
    const pieces = await request(this.database.transaction("pieces").objectStore("pieces").getAll(range));
    return join(pieces.map((piece) => piece.pcm));
  }

  remove(key) {
    const transaction = this.database.transaction(["entries", "pieces"], "readwrite");
    transaction.objectStore("entries").delete(key);
    transaction.objectStore("pieces").delete(IDBKeyRange.bound([key, 0], [key, Infinity]));
    return completed(transaction);
  }
}

class Memory {
  durable = false;
  entries = new Map();
  pieces = new Map();

  async put(entry) {
    this.entries.set(entry.key, entry);
  }

  async addPiece(key, number, pcm) {
    const pieces = this.pieces.get(key) || [];
    pieces[number] = pcm;
    this.pieces.set(key, pieces);
  }

  async list() {
    return [...this.entries.values()];
  }

  async pcm(key) {
    return join(this.pieces.get(key) || []);
  }

  async remove(key) {
    this.entries.delete(key);
    this.pieces.delete(key);
  }
}

export async function openOutbox() {
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
