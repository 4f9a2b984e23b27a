// Show one talk of the history: both voices, the corrections, and what can be changed.

import * as api from "./api.js";
import { toast } from "./announce.js";
import { Dialogue } from "./dialogue.js";
import { byId, find } from "./dom.js";
import { Feedback } from "./feedback.js";
import { began, counts, day, length, level, line, time } from "./format.js";
import { showGoals } from "./goals.js";
import { Replayer } from "./replay.js";
import { TakeAlong } from "./take-along.js";
import { target, toggleTranslation } from "./translations.js";
/** @import { Conversation, Message } from "./types.d.ts" */

const DATE = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });

export class Detail {
  /**
   * @param {{ onChanged: (conversation: Conversation) => void; onDelete: (conversation: Conversation) => void;
   *   onError: (error: Error) => void }} options
   */
  constructor({ onChanged, onDelete, onError }) {
    this.onChanged = onChanged;
    this.onError = onError;
    /** @type {Conversation | null} */
    this.conversation = null;
    /** @type {string | null} Id of the conversation that was requested last */
    this.wanted = null;
    // True while all turns are played.
    this.all = false;
    this.replayer = new Replayer({
      onChange: (id) => this.playing(id),
      onError: (message) => onError(new Error(message)),
    });
    this.feedback = new Feedback(byId("feedback"));
    this.takeAlong = new TakeAlong();
    this.dialogue = new Dialogue({
      list: byId("dialogue"),
      onReplay: (id, source) => this.replayer.toggle(id, source),
      onReplaceWords: (id, text) => this.replaceWords(id, text),
      onTranslate: target() ? (turn) => toggleTranslation(turn, this.conversation?.id ?? "") : undefined,
    });
    this.titleField = byId("rename-title", HTMLInputElement);
    byId("delete").addEventListener("click", () => this.conversation && onDelete(this.conversation));
    const form = byId("rename-form");
    byId("play-all").addEventListener("click", () => this.playAll());
    byId("rename").addEventListener("click", () => this.renaming(true));
    find(form, '[data-action="cancel"]').addEventListener("click", () => this.renaming(false));
    form.addEventListener("keydown", (event) => event.key === "Escape" && this.renaming(false));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.rename(this.titleField.value.trim());
    });
  }

  /**
   * Open a conversation. Return false if another one, or none, was requested meanwhile.
   * @param {string} id
   * @param {{ focus?: boolean }} [options]
   */
  async open(id, { focus = true } = {}) {
    this.wanted = id;
    const conversation = await api.conversation(id);
    if (this.wanted !== id) return false;
    this.close();
    this.show(conversation);
    byId("detail").hidden = false;
    this.dialogue.showAll(conversation.messages);
    if (focus) byId("detail-title").focus();
    return true;
  }

  /** @param {Conversation} conversation */
  show(conversation) {
    this.conversation = conversation;
    document.title = `${conversation.title}: Talking Agent`;
    byId("detail-title").textContent = conversation.title;
    const when = `${day(began(conversation))}, ${time(began(conversation))}`;
    const until = conversation.keptUntil ? `kept until ${DATE.format(new Date(conversation.keptUntil))}` : "";
    const facts = [when, level(conversation), length(conversation), ...counts(conversation), until];
    byId("detail-facts").textContent = line(facts);
    byId("go-on", HTMLAnchorElement).href = `/?conversation=${encodeURIComponent(conversation.id)}`;
    byId("play-all").hidden = !conversation.messages.some((message) => message.audioS3Key);
    this.feedback.corrections = conversation.messages.flatMap((message) => message.corrections || []);
    this.feedback.show(conversation.analysis);
    showGoals(conversation.goals || []);
    this.takeAlong.show(conversation);
  }

  close() {
    this.replayer.stop();
    this.renaming(false, { focus: false });
    this.dialogue.clear();
    byId("detail").hidden = true;
    this.conversation = this.wanted = null;
  }

  /** @param {string | null} id */
  playing(id) {
    this.dialogue.setPlaying(id);
    const turn = id === null ? undefined : this.dialogue.turns.get(id);
    if (turn && this.all) turn.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  async playAll() {
    const button = byId("play-all");
    if (this.all) return this.replayer.stop();
    const turns = [...this.dialogue.turns.values()];
    /** @param {boolean} on */
    const show = (on) => {
      this.all = on;
      button.setAttribute("aria-pressed", String(on));
      find(button, "span").textContent = on ? "Stop" : "Play all";
    };
    show(true);
    await this.replayer.sequence(turns);
    return show(false);
  }

  /** @param {boolean} on @param {{ focus?: boolean }} options */
  renaming(on, { focus = true } = {}) {
    byId("rename-form").hidden = !on;
    byId("rename").hidden = on;
    byId("detail-title").classList.toggle("visually-hidden", on);
    if (on) {
      this.titleField.value = this.conversation?.title ?? "";
      this.titleField.select();
    } else if (focus) byId("rename").focus();
  }

  /** @param {string} title */
  async rename(title) {
    if (!title || !this.conversation) return;
    const { id } = this.conversation;
    try {
      const conversation = await api.rename(id, title);
      this.onChanged(conversation);
      // The conversation is no longer shown.
      if (this.conversation?.id !== id) return;
      this.show(conversation);
      this.renaming(false);
    } catch (error) {
      this.onError(error);
    }
  }

  /**
   * Save a better transcript. Return whether it was saved.
   * @param {string} id
   * @param {string} text
   */
  async replaceWords(id, text) {
    const before = this.conversation;
    if (!before) return false;
    try {
      const answer = await api.replaceWords(before.id, id, text);
      const isShown = this.conversation?.id === before.id;
      const replaced = withMessage((isShown && this.conversation) || before, answer.message);
      this.onChanged(replaced);
      if (isShown) {
        this.dialogue.wordsReplaced(answer);
        this.show(replaced);
      }
      toast("Corrected.");
      return true;
    } catch (error) {
      this.onError(error);
      return false;
    }
  }
}

/**
 * Return the conversation with this message, which lacks the corrections of the old text.
 * @param {Conversation} conversation
 * @param {Message} message
 */
function withMessage(conversation, message) {
  return { ...conversation, messages: conversation.messages.map((one) => (one.id === message.id ? message : one)) };
}
