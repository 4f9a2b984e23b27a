// Handle each event of the server. The agent handles its own answers (`response.*`).

import { announce, showError, toast } from "./announce.js";
import { IN_DOUBT } from "./dialogue.js";
import * as settings from "./settings.js";
import { showSupport } from "./support.js";
/** @import { Session } from "./session.js" */
/** @import { TalkEvent } from "./types.d.ts" */

// Ignore errors about events that crossed on the way.
const HARMLESS = new Set([
  "response_cancel_not_active",
  "conversation_already_has_active_response",
  "item_not_found",
  "item_exists",
  "input_audio_buffer_commit_empty",
  "nothing_to_repeat",
]);
// After these the connection closes, and the page says why in the server's words.
const REFUSALS = new Set(["full", "spoken_enough"]);

/** @typedef {(session: Session, event: TalkEvent) => unknown} Handler */

/** @type {Handler} */
const note = (session, { code, message }) => {
  session.dialogue.note(message, code);
  announce(message);
};
/** @type {Record<string, Handler>} */
const NOTICES = {
  // After `taken_over` and `idle` the connection closes, and the page says why.
  taken_over: () => {},
  idle: () => {},
  // Keep what still waits for a deleted talk as long as the deletion can be undone.
  deleted: (session) => session.delivery.held.add(session.conversation),
  // With `engine`, the talk goes on with that engine. Without it, no engine is left.
  engine: (session, event) => (event.engine ? note(session, { ...event, code: "" }) : toast(event.message, { kind: "error" })),
  slow: note,
  echo: note,
  long_turn: note,
  other_voice: note,
  hard_to_hear: note,
  not_corrected: (session, { item_id: item, message }) => session.dialogue.setUnchecked(item, message),
};

/** @type {Record<string, Handler>} */
export const HANDLERS = {
  "session.created": (session, { session: { talk } }) => {
    // The learner has refused recordings on another device.
    if (!talk.keeps_audio) settings.set("keepsAudio", false);
  },
  "session.updated": (session, { session: { talk, audio } }) => {
    session.learner.resume();
    session.view.facts(talk);
    session.updated(audio);
  },
  "conversation.item.added": (session, event) => session.added(event),
  "input_audio_buffer.speech_started": (session, event) => {
    session.agent.interrupt({ cancel: false });
    session.learner.speechStarted(event.item_id, event.audio_start_ms);
  },
  "input_audio_buffer.committed": (session, event) => session.learner.committed(event.item_id),
  "conversation.item.input_audio_transcription.completed": (session, { item_id: item, transcript }) => {
    session.dialogue.turn(item, "user");
    session.dialogue.setText(item, transcript);
    session.dialogue.setStatus(item, "waiting");
    announce(`You said: ${transcript}`);
  },
  "conversation.item.input_audio_transcription.failed": (session, event) => session.notHeard(event),
  "conversation.item.truncated": (session, event) => session.agent.truncated(event),
  "talk.doubt": (session, { item_id: item, doubt, unsure }) => {
    session.dialogue.setDoubt(item, { doubt, unsure });
    announce(IN_DOUBT);
  },
  "talk.correction": (session, { item_id: item, corrections }) => {
    session.dialogue.setCorrections(item, corrections);
    for (const { better } of corrections) announce(`Better: ${better}`);
  },
  // Mistakes of earlier talks that the learner gets right now.
  "talk.uptake": (session, { uptake }) => {
    for (const { said, better } of uptake) {
      const text = `“${better}”, not “${said}”: this time you said it right.`;
      session.dialogue.note(text);
      announce(text);
    }
  },
  "talk.timing": (session, event) => session.measures.timed(event, session.agent.turnOf(event.response_id)),
  "talk.saved": (session, event) => session.saved(event),
  "talk.goals": (session, { goals }) => session.view.goals(goals),
  "talk.hint": (session, { text }) => session.view.hint(text),
  "talk.support": (_session, event) => showSupport(event),
  "talk.ended": (session) => session.view.ended(),
  "talk.notice": (session, event) => {
    const handle = NOTICES[event.code];
    if (handle) handle(session, event);
    else toast(event.message, { kind: event.code === "stopping" ? "plain" : "error" });
  },
  error: (session, { error }) => {
    if (HARMLESS.has(error.code)) return;
    if (REFUSALS.has(error.code)) {
      session.refusal = error;
      return;
    }
    // Until this page has requested `talk.*` events, notices arrive as errors.
    if (NOTICES[error.code]) return NOTICES[error.code](session, error);
    if (error.code === "hands_free_not_available") session.withoutHandsFree();
    session.awaiting = false;
    showError(error);
  },
};
