// Show a dialogue as a list of turns, on the talk page and in the history.

import { breakdown } from "./breakdown.js";
import { correctionItem, marked } from "./corrections.js";

const template = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

const NOT_MADE_OUT = "not written down; the recording is kept";
export const IN_DOUBT = "I'm not sure that I heard this right, so it is not corrected.";

export class Dialogue {
  /**
   * Create a dialogue in `list`. `onReplay(id, source)` plays a turn. `onReplaceWords(id, text)`, if given, saves a learner's
   * better transcript. `onTranslate(turn)`, if given, shows or hides a translation.
   */
  constructor({ list, scroller, onReplay, onReplaceWords, onTranslate }) {
    this.list = list;
    this.onTranslate = onTranslate;
    this.scroller = scroller;
    this.onReplay = onReplay;
    this.onReplaceWords = onReplaceWords;
    // Turns by id: {id, role, element, text, corrections, unchecked, unsure, source, measured, kept}.
    this.turns = new Map();
    this.atEnd = true;
    if (scroller) this.watch(scroller);
  }

  has(id) {
    return this.turns.has(id);
  }

  /** Return the turn, or add it at the end. */
  turn(id, role) {
    return this.turns.get(id) || this.add(id, role);
  }

  add(id, role) {
    const element = template("turn-template");
    element.dataset.item = id;
    element.dataset.role = role;
    element.querySelector(".turn-who").textContent = role === "user" ? "You" : "Agent";
    element.querySelector("[data-label]").textContent = role === "user" ? "Replay what you said" : "Replay what the agent said";
    const turn = {
      id,
      role,
      element,
      text: "",
      corrections: [],
      unchecked: "",
      unsure: null,
      source: null,
      measured: {},
      kept: false,
    };
    element.querySelector('[data-action="replay"]').addEventListener("click", () => this.onReplay(id, turn.source));
    element.querySelector('[data-action="translate"]').addEventListener("click", () => this.onTranslate(turn));
    element.querySelector('[data-action="timing"]').addEventListener("click", () => this.toggleBreakdown(turn));
    if (this.onReplaceWords && role === "user") this.addEditing(turn);
    this.turns.set(id, turn);
    this.list.append(element);
    this.toEnd();
    return turn;
  }

  /** Move the turn to its place: after `previous` and the notes that follow it. Do nothing if `previous` is unknown. */
  place(id, previous) {
    const turn = this.turns.get(id);
    const before = this.turns.get(previous);
    if (!turn || !before) return;
    let next = before.element.nextElementSibling;
    while (next?.matches(".dialogue-note")) next = next.nextElementSibling;
    if (next === turn.element) return;
    if (next) next.before(turn.element);
    else this.list.append(turn.element);
  }

  /** Add an unobtrusive line about the talk itself. There is at most one line of each named `kind`. */
  note(text, kind = "") {
    this.unnote(kind);
    const element = Object.assign(document.createElement("li"), { className: "dialogue-note", textContent: text });
    element.dataset.kind = kind;
    this.list.append(element);
    this.toEnd();
  }

  unnote(kind) {
    if (kind) for (const note of this.list.querySelectorAll(`.dialogue-note[data-kind="${kind}"]`)) note.remove();
  }

  /** Show a message as the server stored it. */
  show(message) {
    const turn = this.turn(message.id, message.role);
    this.setText(message.id, message.content);
    this.setCorrections(message.id, message.corrections || []);
    if (message.audioS3Key) this.setSource(message.id, { key: message.audioS3Key, url: message.audioUrl });
    if (message.role === "assistant") this.setMeasured(message.id, message.measured || {});
    else this.setDoubt(message.id, message.measured || {});
    this.kept(message.id);
    if (message.role === "user") this.keptByServer(message.id);
    else this.setStatus(message.id, message.interrupted ? "interrupted" : "", message.interrupted ? "interrupted" : "");
    return turn;
  }

  /** Show the messages in their order. Some of them may already be shown. */
  showAll(messages) {
    let previous = null;
    for (const message of messages) {
      this.show(message);
      this.place(message.id, previous);
      previous = message.id;
    }
  }

  /** Show a turn with its better transcript. See api.js for `notCorrected`. */
  wordsReplaced({ message, notCorrected = "" }) {
    if (!this.has(message.id)) return;
    this.show(message);
    this.setUnchecked(message.id, notCorrected);
  }

  /** Mark the turn as saved, so that it can be translated. */
  kept(id) {
    const turn = this.turns.get(id);
    if (!turn) return;
    turn.kept = true;
    this.offer(turn);
  }

  /** Mark a learner's turn as saved, so that it can be edited. */
  keptByServer(id) {
    const turn = this.turns.get(id);
    if (!turn) return;
    this.kept(id);
    if (turn.text) this.setStatus(id, "");
    else this.notMadeOut(id);
    turn.element.querySelector('[data-action="edit"]').hidden = !this.onReplaceWords;
  }

  notMadeOut(id) {
    this.turn(id, "user");
    this.setStatus(id, "unheard", NOT_MADE_OUT);
  }

  setText(id, text) {
    const turn = this.turns.get(id);
    if (!turn || turn.text === text) return;
    turn.text = text;
    // The translation belongs to the old text.
    turn.element.querySelector(".turn-translation").hidden = true;
    this.offer(turn);
    this.draw(turn);
  }

  setCorrections(id, corrections) {
    const turn = this.turns.get(id);
    if (!turn) return;
    turn.corrections = corrections;
    turn.unchecked = "";
    this.draw(turn);
  }

  /** Show why the turn could not be checked for mistakes. */
  setUnchecked(id, why) {
    const turn = this.turns.get(id);
    if (!turn) return;
    turn.unchecked = why;
    this.draw(turn);
  }

  /** Mark doubtful words. `unsure` holds [start, end] in characters. Without `doubt`, no word is doubtful. */
  setDoubt(id, { doubt, unsure }) {
    const turn = this.turns.get(id);
    if (!turn) return;
    turn.unsure = doubt && Array.isArray(unsure) ? unsure.map(([start, end]) => ({ start, end })) : null;
    this.draw(turn);
  }

  draw({ element, text, corrections, unchecked, unsure }) {
    const list = element.querySelector(".corrections");
    const items = corrections.map(correctionItem);
    for (const note of [unchecked, unsure && text && IN_DOUBT].filter(Boolean)) {
      items.push(Object.assign(document.createElement("li"), { className: "unchecked", textContent: note }));
    }
    const words = unsure ? marked(text, unsure, { tag: "span", className: "unsure" }) : marked(text, corrections);
    element.querySelector(".turn-text").replaceChildren(...words);
    list.replaceChildren(...items);
    list.hidden = !items.length;
  }

  /** Add measured times of the answer, of {heard_ms, thought_ms, first_audio_ms, saved_ms}. The others may follow. */
  setMeasured(id, measured) {
    const turn = this.turns.get(id);
    if (!turn) return;
    Object.assign(turn.measured, measured);
    this.offer(turn);
    const panel = turn.element.querySelector(".breakdown");
    if (panel) panel.replaceWith(breakdown(turn.measured));
  }

  toggleBreakdown({ element, measured }) {
    const panel = element.querySelector(".breakdown");
    if (panel) panel.remove();
    else element.querySelector(".turn-translation").after(breakdown(measured));
    element.querySelector('[data-action="timing"]').setAttribute("aria-expanded", !panel);
  }

  /** Show the buttons for the actions that are possible now. */
  offer({ element, text, kept, measured }) {
    const translate = element.querySelector('[data-action="translate"]');
    translate.hidden = !(this.onTranslate && kept && text);
    translate.setAttribute("aria-pressed", !element.querySelector(".turn-translation").hidden);
    element.querySelector('[data-action="timing"]').hidden = !Number.isFinite(measured.first_audio_ms);
  }

  setSource(id, source) {
    const turn = this.turns.get(id);
    if (!turn) return;
    turn.source = source;
    turn.element.querySelector('[data-action="replay"]').hidden = !source;
  }

  /**
   * Set the status: "recording", "writing" (being transcribed), "waiting" (not saved yet), "unheard", "speaking", "interrupted"
   * or "".
   */
  setStatus(id, status, note = "") {
    const turn = this.turns.get(id);
    if (!turn) return;
    turn.element.dataset.status = status;
    const element = turn.element.querySelector(".turn-note");
    element.textContent = note;
    element.hidden = !note;
  }

  setPlaying(id) {
    for (const turn of this.turns.values()) turn.element.toggleAttribute("data-playing", turn.id === id);
  }

  remove(id) {
    this.turns.get(id)?.element.remove();
    this.turns.delete(id);
  }

  clear() {
    this.turns.clear();
    this.list.replaceChildren();
  }

  // Keep the end in view while the list grows, unless the reader has scrolled away from it.
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

  addEditing(turn) {
    const button = turn.element.querySelector('[data-action="edit"]');
    button.addEventListener("click", () => this.edit(turn, button));
  }

  edit(turn, button) {
    if (turn.element.querySelector("form")) return;
    const form = template("edit-template");
    const field = form.querySelector("textarea");
    const text = turn.element.querySelector(".turn-text");
    field.value = turn.text;
    text.hidden = true;
    text.after(form);
    field.focus();
    const close = () => {
      const hadFocus = form.contains(document.activeElement);
      form.remove();
      text.hidden = false;
      if (hadFocus) button.focus();
    };
    form.querySelector('[data-action="cancel"]').addEventListener("click", close);
    form.addEventListener("keydown", (event) => event.key === "Escape" && close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      // Ignore a second click while the text is being saved.
      if (form.getAttribute("aria-busy") === "true") return;
      form.setAttribute("aria-busy", "true");
      if (await this.onReplaceWords(turn.id, field.value.trim())) close();
      form.removeAttribute("aria-busy");
    });
  }
}
