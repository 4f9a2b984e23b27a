// Show one talk of the history: both voices, the corrections, and what can be changed.

import * as api from "./api.js";
import { toast } from "./announce.js";
import { Dialogue } from "./dialogue.js";
import { Feedback } from "./feedback.js";
import { showGoals } from "./goals.js";
import { began, counts, day, length, level, line, time } from "./history-list.js";
import { Replayer } from "./replay.js";
import { target, Translations } from "./translations.js";

const byId = (id) => document.getElementById(id);

export class Detail {
  constructor({ onChanged, onDelete, onError }) {
    Object.assign(this, { onChanged, onDelete, onError });
    this.conversation = null;
    // Id of the conversation that was requested last.
    this.wanted = null;
    this.replayer = new Replayer({
      onChange: (id) => this.playing(id),
      onError: (message) => onError(new Error(message)),
    });
    this.feedback = new Feedback(byId("feedback"));
    const translations = new Translations({ conversation: () => this.conversation.id });
    this.dialogue = new Dialogue({
      list: byId("dialogue"),
      onReplay: (id, source) => this.replayer.toggle(id, source),
      onReplaceWords: (id, text) => this.replaceWords(id, text),
      onTranslate: target() && ((turn) => translations.toggle(turn)),
    });
    this.bind();
  }

  bind() {
    const form = byId("rename-form");
    byId("delete").addEventListener("click", () => this.onDelete(this.conversation));
    byId("play-all").addEventListener("click", () => this.playAll());
    byId("rename").addEventListener("click", () => this.renaming(true));
    form.querySelector('[data-action="cancel"]').addEventListener("click", () => this.renaming(false));
    form.addEventListener("keydown", (event) => event.key === "Escape" && this.renaming(false));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.rename(byId("rename-title").value.trim());
    });
  }

  /** Open a conversation. Return false if another one, or none, was requested meanwhile. */
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

  show(conversation) {
    this.conversation = conversation;
    document.title = `${conversation.title}: Talking Agent`;
    byId("detail-title").textContent = conversation.title;
    const when = `${day(began(conversation))}, ${time(began(conversation))}`;
    const facts = [when, level(conversation), length(conversation), ...counts(conversation)];
    byId("detail-facts").textContent = line(facts);
    byId("go-on").href = `/?conversation=${encodeURIComponent(conversation.id)}`;
    byId("play-all").hidden = !conversation.messages.some((message) => message.audioS3Key);
    this.feedback.corrections = conversation.messages.flatMap((message) => message.corrections || []);
    this.feedback.show(conversation.analysis);
    showGoals({ box: byId("goals"), list: byId("goal-list"), count: byId("goals-count") }, conversation.goals || []);
  }

  close() {
    this.replayer.stop();
    this.renaming(false, { focus: false });
    this.dialogue.clear();
    byId("detail").hidden = true;
    this.conversation = this.wanted = null;
  }

  playing(id) {
    this.dialogue.setPlaying(id);
    const turn = id && this.dialogue.turns.get(id).element;
    if (turn && this.all) turn.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  async playAll() {
    const button = byId("play-all");
    if (this.all) return this.replayer.stop();
    const turns = [...this.dialogue.turns.values()].filter((turn) => turn.source);
    const show = (on) => {
      this.all = on;
      button.setAttribute("aria-pressed", on);
      button.querySelector("span").textContent = on ? "Stop" : "Play all";
    };
    show(true);
    await this.replayer.sequence(turns);
    return show(false);
  }

  renaming(on, { focus = true } = {}) {
    byId("rename-form").hidden = !on;
    byId("rename").hidden = on;
    byId("detail-title").classList.toggle("visually-hidden", on);
    if (on) {
      byId("rename-title").value = this.conversation.title;
      byId("rename-title").select();
    } else if (focus) byId("rename").focus();
  }

  async rename(title) {
    if (!title) return;
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

  /** Save a better transcript. Return whether it was saved. */
  async replaceWords(id, text) {
    const before = this.conversation;
    try {
      const answer = await api.replaceWords(before.id, id, text);
      const isShown = this.conversation?.id === before.id;
      const replaced = withMessage(isShown ? this.conversation : before, answer.message);
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

// Return the conversation with this message, which lacks the corrections of the old text.
function withMessage(conversation, message) {
  return { ...conversation, messages: conversation.messages.map((one) => (one.id === message.id ? message : one)) };
}
