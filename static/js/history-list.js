// Show the list of talks by day, with a search box.

import * as api from "./api.js";

const byId = (id) => document.getElementById(id);
const PAGE = 50;
const DAY = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
const DAY_AND_YEAR = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en", { hour: "numeric", minute: "2-digit" });

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
export const began = (conversation) => new Date(conversation.startTime || conversation.timestamp);

export function length(conversation) {
  // A talk may be resumed on another day, so prefer `duration`, which counts only the time of talking.
  const { duration, startTime, endTime } = conversation;
  const minutes = Math.round(duration ?? (startTime && endTime ? (endTime - startTime) / 60_000 : 0));
  return !(minutes >= 1) ? "under a minute" : `${minutes} min`;
}

export function counts({ messages }) {
  const learners = messages.filter((message) => message.role === "user");
  const corrections = learners.reduce((total, message) => total + (message.corrections?.length || 0), 0);
  return [plural(learners.length, "turn"), corrections ? plural(corrections, "correction") : "no corrections"];
}

export function day(date) {
  const today = new Date().setHours(0, 0, 0, 0);
  const days = Math.round((today - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return days < 300 ? DAY.format(date) : DAY_AND_YEAR.format(date);
}

/** Return the level, unless an older client stored something else there. */
export const level = ({ config }) => (typeof config?.level === "string" ? config.level : "");

/** Join the facts into one line that breaks only between them. */
export const line = (facts) =>
  facts
    .filter(Boolean)
    .map((fact) => fact.replaceAll(" ", "\u00a0"))
    .join(" · ");

export const time = (date) => TIME.format(date);

export class HistoryList {
  constructor({ onOpen }) {
    this.onOpen = onOpen;
    this.conversations = [];
    this.limit = PAGE;
    this.chosen = "";
    // True while the database is down. Conversations that are stored only there are missing then.
    this.partial = false;
    this.cloudOn = false;
    byId("search").addEventListener("input", () => this.draw());
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

  /** Return whether the conversation waits on the server for the cloud. */
  waits(conversation) {
    return this.cloudOn && conversation.storage === "local";
  }

  get anyWaits() {
    return this.conversations.some((one) => this.waits(one));
  }

  fail(error) {
    byId("list-status").hidden = false;
    byId("list-status").textContent = error.message;
  }

  update(conversation) {
    this.conversations = this.conversations.map((one) => (one.id === conversation.id ? conversation : one));
    this.draw();
  }

  remove(id) {
    this.conversations = this.conversations.filter((one) => one.id !== id);
    this.draw();
  }

  mark(id) {
    this.chosen = id;
    for (const link of byId("days").querySelectorAll("a")) {
      if (link.closest(".entry").dataset.conversation === id) link.setAttribute("aria-current", "page");
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
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    return this.conversations.filter((one) => {
      const text = [one.title, one.config?.topic, one.config?.level, ...one.messages.map((message) => message.content)]
        .join(" ")
        .toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  statusText(found) {
    if (!byId("search").value.trim()) return "";
    return found ? `${plural(found, "talk")} found.` : "Nothing found. Try another word.";
  }

  missing(none) {
    if (!this.partial) return "";
    return none
      ? "Your talks are out of reach for the moment. Nothing is lost: they are shown here again as soon as the cloud answers."
      : "Older talks are out of reach for the moment.";
  }

  section(name, conversations) {
    const section = document.createElement("section");
    section.className = "day";
    const heading = Object.assign(document.createElement("h2"), { textContent: name });
    const entries = document.createElement("ul");
    entries.append(...conversations.map((conversation) => this.entry(conversation)));
    section.append(heading, entries);
    return section;
  }

  entry(conversation) {
    const element = byId("entry-template").content.firstElementChild.cloneNode(true);
    element.dataset.conversation = conversation.id;
    const link = element.querySelector("a");
    link.href = `/history/${encodeURIComponent(conversation.id)}`;
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.onOpen(conversation.id);
    });
    element.querySelector(".entry-title").textContent = conversation.title;
    element.querySelector(".entry-waiting").hidden = !this.waits(conversation);
    const facts = [time(began(conversation)), level(conversation), length(conversation), ...counts(conversation)];
    element.querySelector(".entry-facts").textContent = line(facts);
    return element;
  }
}

function byDay(conversations) {
  const days = new Map();
  for (const one of conversations) {
    const name = day(began(one));
    days.set(name, [...(days.get(name) || []), one]);
  }
  return days;
}
