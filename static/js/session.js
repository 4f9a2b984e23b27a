// Run one talk: the events of its connection, and their effects on the page.

import { conversation as fetchConversation } from "./api.js";
import { Agent } from "./agent.js";
import { announce, toast } from "./announce.js";
import * as cloud from "./cloud-state.js";
import { Connection } from "./connection.js";
import { TAB } from "./delivery.js";
import { HANDLERS } from "./event-handlers.js";
import { Learner } from "./learner.js";
import { Measures } from "./measures.js";
import { keyOf } from "./outbox.js";
import { peak, wav } from "./pcm.js";
import { Reprompt } from "./reprompt.js";
import { Scope } from "./scope.js";
import * as settings from "./settings.js";
/** @import { ConnectionState } from "./connection.js" */
/** @import { Delivery } from "./delivery.js" */
/** @import { Dialogue } from "./dialogue.js" */
/** @import { TurnState } from "./learner.js" */
/** @import { Entry, Outbox } from "./outbox.js" */
/** @import { Pcm } from "./pcm.js" */
/** @import { Recording } from "./recording.js" */
/** @import { Goal, Message, TalkEvent, TalkFacts } from "./types.d.ts" */

const INTERRUPTING = { level: 0.08, frames: 4, forMs: 700 };
const LAST_SAVES = 10_000;
const WAITING = "waiting to be saved";
const WRITING = "writing it down…";
const NOT_HANDS_FREE = "Hands-free does not work with the partner that talks now. Hold the button to talk.";

/**
 * What the session reports to its page.
 * @typedef {{ changed(): void; peak(level: number): void; goals(goals: Goal[]): void; facts(facts: StoredFacts): void;
 *   hint(text: string): void; ended(): void; closed(code: number): void; silent(): void; isAttentive(): boolean }} View
 */
/** @typedef {{ scenario: string; title?: string; level?: string; goals?: Goal[] }} StoredFacts The server's facts about the talk */

export class Session {
  /**
   * Create a session. `talk` has the facts of a new conversation, and is null to resume an old one.
   * @param {{ conversation: string; talk: TalkFacts | null; messages: Pick<Message, "id" | "role">[]; dialogue: Dialogue;
   *   outbox: Outbox; delivery: Delivery; view: View }} options
   */
  constructor({ conversation, talk, messages, dialogue, outbox, delivery, view }) {
    this.conversation = conversation;
    this.talk = talk;
    this.dialogue = dialogue;
    this.outbox = outbox;
    this.delivery = delivery;
    this.view = view;
    /** @type {Pick<Message, "id" | "role">[] | null} Messages as last fetched, or null if unknown */
    this.messages = messages;
    this.knownBefore = messages.length;
    this.fetched = true;
    this.online = false;
    this.lostOnce = false;
    // True while the learner's turn is over and no answer has begun.
    this.awaiting = false;
    this.over = false;
    /** @type {{ code: string; message: string } | null} Why the server has refused the talk */
    this.refusal = null;
    // True when the agent may begin with its question.
    this.mayBegin = false;
    // The learner has asked for time to think.
    this.thinking = false;
    /** @type {TalkEvent[]} Turns that were typed before the connection was up */
    this.unsent = [];
    // True until the first turn of this session is saved, or the learner begins one.
    this.speaksFirst = true;
    this.loud = 0;
    // The turn that was saved last. A typed turn may be saved before it is in the outbox.
    this.savedLast = "";
    // Updates of the settings that the server has not answered.
    this.updates = 0;
    // Lasts until the last turn is saved.
    this.scope = new Scope();
    this.measures = new Measures(dialogue);
    /** @param {TalkEvent} event */
    const send = (event) => this.connection.send(event);
    this.agent = new Agent({
      scope: this.scope,
      dialogue,
      send,
      onPeak: (value) => view.peak(value),
      onChange: () => view.changed(),
    });
    this.learner = new Learner({
      outbox,
      send,
      unsentMs: () => this.connection.unsentMs,
      meta: () => this.meta(),
      onTurn: (item, state, recording) => this.learnerTurn(item, state, recording),
      onSilent: () => view.silent(),
      onTooShort: () => toast("Hold the button while you speak, and let go when you have finished."),
      onTrouble: () => toast("This browser can't keep a copy of the recording. The talk goes on.", { kind: "error" }),
    });
    this.learner.handsFree = settings.get("handsFree");
    this.reprompt = new Reprompt({
      scope: this.scope,
      isSilent: () => this.state === "ready" && this.mayBegin && !this.thinking && view.isAttentive(),
      help: () => send({ type: "talk.reprompt" }),
    });
    this.connection = new Connection({
      scope: this.scope,
      conversation,
      prepare: () => this.prepare(),
      onEvent: (event) => this.handle(event),
      onState: (state, detail) => this.connectionChanged(state, detail),
    });
  }

  get state() {
    if (this.learner.speaking) return "recording";
    if (!this.online || (this.speaksFirst && !this.mayBegin)) return "connecting";
    if (this.agent.speaking) return "agent";
    return this.awaiting || this.agent.thinking ? "thinking" : "ready";
  }

  /** Return whether the talk goes on, perhaps after the connection is restored. */
  get active() {
    return !this.over && !this.connection.closed;
  }

  /** Open the connection. Call this from a click, so that the browser allows the agent's sound. */
  start() {
    this.agent.player.wake();
    return this.connection.open();
  }

  /** Allow the agent to speak, because the browser no longer asks the learner anything. */
  goAhead() {
    if (this.mayBegin) return;
    this.mayBegin = true;
    if (this.online && this.speaksFirst && !this.learner.recording) this.respond();
  }

  respond() {
    this.awaiting = true;
    this.connection.send({ type: "response.create" });
    this.view.changed();
  }

  // The connection

  // Before each new connection, deliver what was said without one, and show what the server has stored.
  async prepare() {
    if (this.fetched) {
      this.fetched = false;
      return;
    }
    this.learner.connecting = true;
    await this.learner.written();
    await this.delivery.run(this.conversation);
    try {
      const { messages, goals } = await fetchConversation(this.conversation);
      this.messages = messages;
      if (messages.length > this.knownBefore) this.speaksFirst = false;
      this.dialogue.showAll(messages);
      this.view.goals(goals || []);
    } catch (error) {
      this.messages = error.status === 404 ? [] : null;
    }
    if (this.messages) this.agent.reconcile(new Set(this.messages.map((message) => message.id)));
  }

  /** Return the facts that the outbox stores with each turn. If that turn is the first to arrive, the talk begins with them. */
  meta() {
    const { own, ...facts } = this.talk ?? {};
    return { conversation: this.conversation, ...facts, ...own, wordsOnly: !settings.get("keepsAudio") };
  }

  /** @param {ConnectionState} state @param {{ code: number }} [detail] */
  connectionChanged(state, detail) {
    this.online = state === "online";
    if (this.online) this.begin();
    else this.lost();
    if (state === "lost") {
      this.lostOnce = true;
      cloud.forget();
    }
    if (state === "closed" && detail) this.view.closed(detail.code);
    this.view.changed();
    this.delivery.report();
  }

  lost() {
    this.learner.lost();
    this.agent.lost();
    for (const { id, role, element } of this.dialogue.turns.values()) {
      const unsaved = role === "user" && ["writing", "waiting"].includes(element.dataset.status ?? "");
      if (unsaved) this.dialogue.setStatus(id, "waiting", WAITING);
    }
  }

  begin() {
    this.learner.restart();
    this.updates = 0;
    this.update();
    const resent = this.learner.resend() || this.sendTyped();
    if ((resent || this.answerIsDue()) && !this.learner.recording) this.respond();
    if (this.lostOnce) announce("Connected again.");
  }

  /**
   * Send what was typed before the first connection. Return whether there was anything. Before later connections the outbox
   * delivers it: see `prepare`.
   */
  sendTyped() {
    const typed = this.lostOnce ? [] : this.unsent;
    this.unsent = [];
    for (const event of typed) this.connection.send(event);
    return typed.length > 0;
  }

  answerIsDue() {
    if (this.speaksFirst) return this.mayBegin;
    if (!this.messages) return this.awaiting;
    return !this.messages.length || this.messages.at(-1)?.role === "user";
  }

  /** Send the current settings to the server. */
  update() {
    const pause = settings.get("pauseMs");
    // The page measures silence itself, because it knows whether the learner types or looks elsewhere: see reprompt.js.
    const detection = { type: "server_vad", idle_timeout_ms: null, ...(pause ? { silence_duration_ms: pause } : {}) };
    const { own, ...facts } = this.talk ?? {};
    const sent = this.connection.send({
      type: "session.update",
      session: {
        type: "realtime",
        audio: {
          input: { turn_detection: this.learner.handsFree ? detection : null },
          output: { speed: settings.get("speed") },
        },
        talk: { ...facts, ...own, language: settings.get("language"), keeps_audio: settings.get("keepsAudio") },
      },
    });
    if (sent) this.updates += 1;
  }

  /**
   * Handle the server's settings. They are an answer, or another engine has taken over, which may be unable to detect the end of
   * a turn.
   * @param {any} audio
   */
  updated(audio) {
    const isAnswer = this.updates > 0;
    this.updates = Math.max(0, this.updates - 1);
    if (isAnswer || !this.learner.handsFree || audio?.input?.turn_detection) return;
    toast(NOT_HANDS_FREE);
    this.withoutHandsFree();
  }

  withoutHandsFree() {
    this.updates = 0;
    settings.set("handsFree", false);
  }

  /** @param {boolean} on */
  setHandsFree(on) {
    this.learner.setHandsFree(on);
    this.think(false);
    this.update();
    this.view.changed();
  }

  // The learner

  /** @param {Pcm} pcm */
  hear(pcm) {
    this.learner.frame(pcm);
    if (this.learner.handsFree && this.agent.speaking) this.listenForInterruption(peak(pcm));
  }

  /**
   * Lower the agent's volume if the learner seems to interrupt, so that they can tell that it noticed. The server decides whether
   * it is an interruption.
   * @param {number} level
   */
  listenForInterruption(level) {
    this.loud = level > INTERRUPTING.level ? this.loud + 1 : 0;
    if (this.loud !== INTERRUPTING.frames) return;
    this.agent.player.duck(true);
    this.scope.after(INTERRUPTING.forMs, () => this.agent.player.duck(false));
  }

  press() {
    this.agent.player.wake();
    this.agent.interrupt({ cancel: true });
    this.learner.press();
    this.view.changed();
  }

  /** @param {string} item @param {TurnState} state @param {Recording} [recording] */
  learnerTurn(item, state, recording) {
    if (state === "dropped") {
      this.dialogue.remove(item);
    } else if (state === "recording") {
      this.dialogue.turn(item, "user");
      this.dialogue.setStatus(item, "recording", "listening…");
      this.awaiting = false;
      this.tookTurn();
    } else if (state === "kept") {
      this.delivery.report();
    } else if (recording) {
      if (settings.get("keepsAudio")) this.dialogue.setSource(item, { blob: wav(recording.pcm()) });
      this.dialogue.setStatus(item, this.online ? "writing" : "waiting", this.online ? WRITING : WAITING);
      this.awaiting = true;
    }
    this.view.changed();
  }

  /** @param {string} text */
  async type(text) {
    const item = `user-${Date.now()}`;
    this.agent.player.wake();
    this.agent.interrupt({ cancel: true });
    this.dialogue.turn(item, "user");
    this.dialogue.setText(item, text);
    this.dialogue.setStatus(item, "waiting", this.online ? "" : WAITING);
    this.awaiting = true;
    this.tookTurn();
    this.view.changed();
    const content = [{ type: "input_text", text }];
    const created = { type: "conversation.item.create", item: { id: item, type: "message", role: "user", content } };
    if (this.connection.send(created)) this.connection.send({ type: "response.create" });
    else this.unsent.push(created);
    const entry = { ...this.meta(), key: keyOf(this.conversation, item), item, tab: TAB, text, wordsOnly: false };
    await this.outbox.put({ ...entry, time: Date.now(), finished: true, finishedAt: Date.now() });
    if (this.savedLast === item) await this.outbox.remove(entry.key);
    await this.delivery.report();
  }

  /** Handle a microphone that is lost, at least for now. */
  inputEnded() {
    this.learner.inputEnded();
    this.view.changed();
  }

  tookTurn() {
    this.speaksFirst = false;
    this.reprompt.restart();
  }

  /** @param {boolean} on */
  think(on) {
    this.thinking = on;
    this.connection.send({ type: "talk.think", on });
    this.view.changed();
  }

  // Events of the server

  /** @param {TalkEvent} event */
  handle(event) {
    cloud.observe(event.session?.talk || event);
    if (event.type.startsWith("response.")) return this.answer(event);
    const handle = HANDLERS[event.type];
    if (handle) handle(this, event);
    this.view.changed();
  }

  /** @param {TalkEvent} event */
  answer(event) {
    if (this.over) return;
    if (event.type === "response.created") {
      this.awaiting = false;
      this.dialogue.unnote("slow");
    }
    this.agent.handle(event);
    const speaking = this.learner.recording && !this.learner.handsFree;
    if (event.type === "response.created" && speaking) this.agent.interrupt({ cancel: true });
  }

  /**
   * Put a turn in its place, whether or not its words are known yet.
   * @param {TalkEvent} event
   */
  added({ item, previous_item_id: previous }) {
    if (item.role === "user" && !this.dialogue.turns.has(item.id)) {
      this.dialogue.turn(item.id, "user");
      this.dialogue.setStatus(item.id, "writing", WRITING);
    }
    this.dialogue.place(item.id, previous);
  }

  /** @param {TalkEvent} event */
  async saved({ item_id: item, role, audioS3Key: key, save_ms: took }) {
    this.speaksFirst = false;
    if (role !== "user") return this.agent.saved(item, key);
    this.measures.saved(item, took);
    if (key) this.dialogue.setSource(item, { key });
    this.dialogue.saved(item);
    this.savedLast = item;
    await this.learner.saved(item);
    await this.outbox.remove(keyOf(this.conversation, item));
    return this.delivery.report();
  }

  /** @param {TalkEvent} event */
  notHeard({ item_id: item, error }) {
    // A turn that was not made out may still be answered.
    if (error.code !== "not_made_out") this.awaiting = false;
    // The agent goes on by itself.
    if (error.code === "backchannel") return this.learner.drop(item);
    // A `talk.notice` gives the reason.
    if (error.code !== "nothing_heard") return this.dialogue.notMadeOut(item);
    this.learner.drop(item);
    return toast(error.message);
  }

  /** @param {Entry} entry @param {{ message: Message; goals?: Goal[] }} answer */
  delivered(entry, { message, goals }) {
    if (entry.conversation !== this.conversation) return;
    this.learner.saved(entry.item);
    this.dialogue.show(message);
    if (goals) this.view.goals(goals);
  }

  // The end

  /** Stop listening and speaking at once. Keep the connection until everything said is saved, or some seconds have passed. */
  async end() {
    if (this.over) return;
    this.learner.stop();
    this.agent.interrupt({ cancel: true });
    this.over = true;
    this.awaiting = false;
    const late = Date.now() + LAST_SAVES;
    try {
      while (this.online && Date.now() < late && (await this.delivery.unsaved(this.conversation)))
        await new Promise((resolve) => setTimeout(resolve, 200));
      this.connection.send({ type: "talk.end" });
    } finally {
      this.close();
    }
    await this.delivery.run();
  }

  close() {
    this.learner.stop();
    this.over = true;
    this.online = false;
    this.scope.end();
  }
}
