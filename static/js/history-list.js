// Show the list of talks by day, with a search box.

import * as api from "./api.js";
import { byId, clone, find, findAll, make } from "./dom.js";
import { began, counts, day, length, level, line, plural, time } from "./format.js";
/** @import { Conversation } from "./types.d.ts" */

const PAGE = 50;

export class HistoryList {
  /** @param {{ onOpen: (id: string) => void }} options */
  constructor({ onOpen }) {
    this.onOpen = onOpen;
    /** @type {Conversation[]} */
    this.conversations = [];
    this.limit = PAGE;
    this.chosen = "";
    // True while the database is down. Conversations that are stored only there are missing then.
    this.partial = false;
    this.cloudOn = false;
    this.searchField = byId("search", HTMLInputElement);
    this.searchField.addEventListener("input", () => this.draw());
    byId("show-more").addEventListener("click", () => {
      this.limit += PAGE;
      this.load().catch((error) => this.fail(error));
    });
  }

  async load() {
    const { conversations, storage, down = {} } = await api.history(this.limit);
    this.conversations = conversations;
    this.partial = "database" in down;
    this.cloudOn = storage === "cloud" || this.partial;
    this.draw();
  }

  /**
   * Return whether the conversation waits on the server for the cloud.
   * @param {Conversation} conversation
   */
  waits(conversation) {
    return this.cloudOn && conversation.storage === "local";
  }

  get anyWaits() {
    return this.conversations.some((one) => this.waits(one));
  }

  /** @param {Error} error */
  fail(error) {
    byId("list-status").hidden = false;
    byId("list-status").textContent = error.message;
  }

  /** @param {Conversation} conversation */
  update(conversation) {
    this.conversations = this.conversations.map((one) => (one.id === conversation.id ? conversation : one));
    this.draw();
  }

  /** @param {string} id */
  remove(id) {
    this.conversations = this.conversations.filter((one) => one.id !== id);
    this.draw();
  }

  /** @param {string} id */
  mark(id) {
    this.chosen = id;
    for (const entry of findAll(byId("days"), ".entry")) {
      const link = find(entry, "a");
      if (entry.dataset.conversation === id) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  draw() {
    const found = this.found();
    const days = byDay(found);
    byId("days").replaceChildren(...[...days].map(([name, conversations]) => this.section(name, conversations)));
    const none = !this.conversations.length;
    byId("empty").hidden = !none || this.partial;
    byId("search-field").hidden = none;
    byId("clear-all").hidden = none;
    byId("show-more").hidden = this.conversations.length < this.limit;
    byId("list-status").textContent = [none ? "" : this.statusText(found.length), this.missing(none)].filter(Boolean).join(" ");
    byId("main").toggleAttribute("data-empty", none && !this.partial);
    byId("main").toggleAttribute("data-unlisted", none && this.partial);
    this.mark(this.chosen);
  }

  found() {
    const words = this.searchField.value.toLowerCase().split(/\s+/).filter(Boolean);
    return this.conversations.filter((one) => {
      const text = [one.title, one.config?.topic, one.config?.level, ...one.messages.map((message) => message.content)]
        .join(" ")
        .toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  /** @param {number} found */
  statusText(found) {
    if (!this.searchField.value.trim()) return "";
    return found ? `${plural(found, "talk")} found.` : "Nothing found. Try another word.";
  }

  /** @param {boolean} none */
  missing(none) {
    if (!this.partial) return "";
    return none
      ? "Your talks are out of reach for the moment. Nothing is lost: they are shown here again as soon as the cloud answers."
      : "Older talks are out of reach for the moment.";
  }

  /** @param {string} name @param {Conversation[]} conversations */
  section(name, conversations) {
    const entries = conversations.map((conversation) => this.entry(conversation));
    return make("section", { className: "day" }, make("h2", { textContent: name }), make("ul", {}, ...entries));
  }

  /** @param {Conversation} conversation */
  entry(conversation) {
    const element = clone("entry-template");
    element.dataset.conversation = conversation.id;
    const link = find(element, "a");
    link.href = `/history/${encodeURIComponent(conversation.id)}`;
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.onOpen(conversation.id);
    });
    find(element, ".entry-title").textContent = conversation.title;
    find(element, ".entry-waiting").hidden = !this.waits(conversation);
    const facts = [time(began(conversation)), level(conversation), length(conversation), ...counts(conversation)];
    find(element, ".entry-facts").textContent = line(facts);
    return element;
  }
}

/** @param {Conversation[]} conversations */
function byDay(conversations) {
  /** @type {Map<string, Conversation[]>} */
  const days = new Map();
  for (const one of conversations) {
    const name = day(began(one));
    days.set(name, [...(days.get(name) || []), one]);
  }
  return days;
}
