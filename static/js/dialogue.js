// Show a dialogue as a list of turns, on the talk page and in the history.

import { breakdown } from "./breakdown.js";
import { correctionItem, marked } from "./corrections.js";
import { button, clone, find, findAll, make } from "./dom.js";
/** @import { Correction, Measured, Message, Role, AudioSource, Turn } from "./types.d.ts" */

const NOT_MADE_OUT = "not written down";
const NOT_MADE_OUT_BUT_KEPT = `${NOT_MADE_OUT}; the recording is kept`;
export const IN_DOUBT = "Did you say this? I'm not sure that I heard it right, so it is not corrected.";

export class Dialogue {
  /**
   * Create a dialogue in `list`. `onReplay(id, source)` plays a turn. `onReplaceWords(id, text)`, if given, saves a learner's
   * better transcript. `onTranslate(turn)`, if given, shows or hides a translation.
   * @param {{ list: HTMLElement; scroller?: HTMLElement; onReplay: (id: string, source: AudioSource) => void;
   *   onReplaceWords?: (id: string, text: string) => Promise<boolean>; onTranslate?: (turn: Turn) => void }} options
   */
  constructor({ list, scroller, onReplay, onReplaceWords, onTranslate }) {
    this.list = list;
    this.onTranslate = onTranslate;
    this.scroller = scroller;
    this.onReplay = onReplay;
    this.onReplaceWords = onReplaceWords;
    /** @type {Map<string, Turn>} */
    this.turns = new Map();
    this.atEnd = true;
    if (scroller) this.watch(scroller);
  }

  /**
   * Return the turn, or add it at the end.
   * @param {string} id
   * @param {Role} role
   */
  turn(id, role) {
    return this.turns.get(id) || this.add(id, role);
  }

  /** @param {string} id @param {Role} role @returns {Turn} */
  add(id, role) {
    const element = clone("turn-template");
    element.dataset.item = id;
    element.dataset.role = role;
    find(element, ".turn-who").textContent = role === "user" ? "You" : "Agent";
    find(element, "[data-label]").textContent = role === "user" ? "Replay what you said" : "Replay what the agent said";
    const shown = { text: "", corrections: [], unchecked: "", unsure: null, source: null, measured: {}, saved: false };
    /** @type {Turn} */
    const turn = { id, role, element, ...shown };
    find(element, '[data-action="replay"]').addEventListener("click", () => turn.source && this.onReplay(id, turn.source));
    find(element, '[data-action="translate"]').addEventListener("click", () => this.onTranslate?.(turn));
    find(element, '[data-action="timing"]').addEventListener("click", () => this.toggleBreakdown(turn));
    find(element, '[data-action="edit"]').addEventListener("click", () => this.edit(turn));
    this.turns.set(id, turn);
    this.list.append(element);
    this.toEnd();
    return turn;
  }

  /**
   * Move the turn to its place: after `previous` and the notes that follow it. Do nothing if `previous` is unknown.
   * @param {string} id
   * @param {string | null} previous
   */
  place(id, previous) {
    const turn = this.turns.get(id);
    const before = previous === null ? undefined : this.turns.get(previous);
    if (!turn || !before) return;
    let next = before.element.nextElementSibling;
    while (next?.matches(".dialogue-note")) next = next.nextElementSibling;
    if (next === turn.element) return;
    if (next) next.before(turn.element);
    else this.list.append(turn.element);
  }

  /**
   * Add an unobtrusive line about the talk itself. There is at most one line of each named `kind`.
   * @param {string} text
   * @param {string} [kind]
   */
  note(text, kind = "") {
    this.unnote(kind);
    const element = make("li", { className: "dialogue-note", textContent: text });
    element.dataset.kind = kind;
    this.list.append(element);
    this.toEnd();
  }

  /** @param {string} kind */
  unnote(kind) {
    if (kind) for (const note of findAll(this.list, `.dialogue-note[data-kind="${kind}"]`)) note.remove();
  }

  /**
   * Show a message as the server stored it.
   * @param {Message} message
   */
  show(message) {
    this.turn(message.id, message.role);
    this.setText(message.id, message.content);
    this.setCorrections(message.id, message.corrections || []);
    if (message.audioS3Key) this.setSource(message.id, { key: message.audioS3Key, url: message.audioUrl });
    this.saved(message.id);
    if (message.role === "user") {
      this.setDoubt(message.id, message.measured || {});
    } else {
      this.setMeasured(message.id, message.measured || {});
      const status = message.interrupted ? "interrupted" : "";
      this.setStatus(message.id, status, status);
    }
  }

  /**
   * Show the messages in their order. Some of them may already be shown.
   * @param {Message[]} messages
   */
  showAll(messages) {
    /** @type {string | null} */
    let previous = null;
    for (const message of messages) {
      this.show(message);
      this.place(message.id, previous);
      previous = message.id;
    }
  }

  /**
   * Show a turn with its better transcript. See api.js for `notCorrected`.
   * @param {{ message: Message; notCorrected?: string }} answer
   */
  wordsReplaced({ message, notCorrected = "" }) {
    if (!this.turns.has(message.id)) return;
    this.show(message);
    this.setUnchecked(message.id, notCorrected);
  }

  /**
   * Mark the turn as saved, so that it can be translated, and edited if it is the learner's.
   * @param {string} id
   */
  saved(id) {
    const turn = this.change(id, { saved: true });
    if (turn?.role !== "user") return;
    if (turn.unsure) this.draw(turn);
    if (turn.text) this.setStatus(id, "");
    else this.notMadeOut(id);
    find(turn.element, '[data-action="edit"]').hidden = !this.onReplaceWords;
  }

  /** @param {string} id */
  notMadeOut(id) {
    const { source } = this.turn(id, "user");
    this.setStatus(id, "unheard", source ? NOT_MADE_OUT_BUT_KEPT : NOT_MADE_OUT);
  }

  /**
   * Change the turn, and show its buttons. Return it, or undefined if it is not shown.
   * @param {string} id
   * @param {Partial<Turn>} values
   */
  change(id, values) {
    const turn = this.turns.get(id);
    if (!turn) return undefined;
    this.offer(Object.assign(turn, values));
    return turn;
  }

  /** @param {string} id @param {string} text */
  setText(id, text) {
    const turn = this.turns.get(id);
    if (!turn || turn.text === text) return;
    // The translation belongs to the old text.
    find(turn.element, ".turn-translation").hidden = true;
    this.draw(this.change(id, { text }));
  }

  /** @param {string} id @param {Correction[]} corrections */
  setCorrections(id, corrections) {
    this.draw(this.change(id, { corrections, unchecked: "" }));
  }

  /**
   * Show why the turn could not be checked for mistakes.
   * @param {string} id
   * @param {string} unchecked
   */
  setUnchecked(id, unchecked) {
    this.draw(this.change(id, { unchecked }));
  }

  /**
   * Mark doubtful words. `unsure` holds [start, end] in characters. Without `doubt`, no word is doubtful.
   * @param {string} id
   * @param {Measured} measured
   */
  setDoubt(id, { doubt, unsure }) {
    const spans = doubt && Array.isArray(unsure) ? unsure.map(([start, end]) => ({ start, end })) : null;
    this.draw(this.change(id, { unsure: spans }));
  }

  /**
   * Show the turn's words and corrections.
   * @param {Turn} [turn]
   */
  draw(turn) {
    if (!turn) return;
    const { element, text, corrections, unchecked, unsure } = turn;
    const list = find(element, ".corrections");
    const items = corrections.map(correctionItem);
    if (unchecked) items.push(make("li", { className: "unchecked", textContent: unchecked }));
    if (unsure && text) items.push(this.doubtItem(turn));
    const words = unsure ? marked(text, unsure, { tag: "span", className: "unsure" }) : marked(text, corrections);
    find(element, ".turn-text").replaceChildren(...words);
    list.replaceChildren(...items);
    list.hidden = !items.length;
  }

  /**
   * Ask whether the words are right. Once the turn is saved, one tap confirms them, or opens them for correction.
   * @param {Turn} turn
   */
  doubtItem(turn) {
    const item = make("li", { className: "unchecked", textContent: IN_DOUBT });
    if (!(turn.saved && this.onReplaceWords)) return item;
    const yes = button("button quiet small", "Yes, I said this", async () => {
      yes.disabled = true;
      await this.onReplaceWords?.(turn.id, turn.text);
      yes.disabled = false;
    });
    const no = button("button quiet small", "No, correct it", () => this.edit(turn));
    item.append(make("div", { className: "button-row" }, yes, no));
    return item;
  }

  /**
   * Add measured times of the answer. Others may follow.
   * @param {string} id
   * @param {Measured} measured
   */
  setMeasured(id, measured) {
    const turn = this.change(id, { measured: { ...this.turns.get(id)?.measured, ...measured } });
    turn?.element.querySelector(".breakdown")?.replaceWith(breakdown(turn.measured));
  }

  /** @param {Turn} turn */
  toggleBreakdown({ element, measured }) {
    const panel = element.querySelector(".breakdown");
    if (panel) panel.remove();
    else find(element, ".turn-translation").after(breakdown(measured));
    find(element, '[data-action="timing"]').setAttribute("aria-expanded", String(!panel));
  }

  /**
   * Show the buttons for the actions that are possible now.
   * @param {Turn} turn
   */
  offer({ element, text, saved, measured, source }) {
    find(element, '[data-action="replay"]').hidden = !source;
    const translate = find(element, '[data-action="translate"]');
    translate.hidden = !(this.onTranslate && saved && text);
    translate.setAttribute("aria-pressed", String(!find(element, ".turn-translation").hidden));
    find(element, '[data-action="timing"]').hidden = !Number.isFinite(measured.first_audio_ms);
  }

  /** @param {string} id @param {AudioSource} source */
  setSource(id, source) {
    this.change(id, { source });
  }

  /**
   * Set the status: "recording", "writing" (being transcribed), "waiting" (not saved yet), "unheard", "speaking", "interrupted"
   * or "".
   * @param {string} id
   * @param {string} status
   * @param {string} [note]
   */
  setStatus(id, status, note = "") {
    const turn = this.turns.get(id);
    if (!turn) return;
    turn.element.dataset.status = status;
    const element = find(turn.element, ".turn-note");
    element.textContent = note;
    element.hidden = !note;
  }

  /** @param {string | null} id */
  setPlaying(id) {
    for (const turn of this.turns.values()) turn.element.toggleAttribute("data-playing", turn.id === id);
  }

  /** @param {string} id */
  remove(id) {
    this.turns.get(id)?.element.remove();
    this.turns.delete(id);
  }

  clear() {
    this.turns.clear();
    this.list.replaceChildren();
  }

  /**
   * Keep the end in view while the list grows, unless the reader has scrolled away from it.
   * @param {HTMLElement} scroller
   */
  watch(scroller) {
    scroller.addEventListener("scroll", () => {
      this.atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
    });
    const follow = new ResizeObserver(() => this.toEnd());
    follow.observe(scroller);
    follow.observe(this.list);
  }

  toEnd() {
    if (this.scroller && this.atEnd) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** @param {Turn} turn */
  edit(turn) {
    if (turn.element.querySelector("form")) return;
    const form = clone("edit-template");
    const field = find(form, "textarea");
    const text = find(turn.element, ".turn-text");
    field.value = turn.text;
    text.hidden = true;
    text.after(form);
    field.focus();
    const close = () => {
      const hadFocus = form.contains(document.activeElement);
      form.remove();
      text.hidden = false;
      if (hadFocus) find(turn.element, '[data-action="edit"]').focus();
    };
    find(form, '[data-action="cancel"]').addEventListener("click", close);
    form.addEventListener("keydown", (event) => event.key === "Escape" && close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      // Ignore a second click while the text is being saved.
      if (form.getAttribute("aria-busy") === "true") return;
      form.setAttribute("aria-busy", "true");
      if (await this.onReplaceWords?.(turn.id, field.value.trim())) close();
      form.removeAttribute("aria-busy");
    });
  }
}
