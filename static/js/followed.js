// What a talk does on each event of the server; the agent's answers (`response.*`) are the agent's own.

import { announce, toast } from "./announce.js";

// Errors that only say that two things crossed on the line.
const HARMLESS = new Set(["response_cancel_not_active", "conversation_already_has_active_response", "item_not_found", "item_exists"]);

export const FOLLOWED = {
  "session.updated": (session, { session: { talk } }) => {
    session.learner.resume();
    session.view.facts(talk);
  },
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
  "talk.correction": (session, { item_id: item, corrections }) => {
    session.dialogue.setCorrections(item, corrections);
    for (const { better } of corrections) announce(`Better: ${better}`);
  },
  "talk.saved": (session, event) => session.saved(event),
  "talk.goals": (session, { goals }) => session.view.goals(goals),
  "talk.hint": (session, { text }) => session.view.hint(text),
  "talk.ended": (session) => session.view.ended(),
  "talk.notice": (session, { code, message }) => {
    // What still waits for a deleted talk must not be lost as long as the talk can be brought back.
    if (code === "deleted") session.delivery.held.add(session.conversation);
    if (code !== "taken_over" && code !== "deleted") toast(message, { kind: code === "stopping" ? "plain" : "error" });
  },
  error: (session, { error }) => {
    if (HARMLESS.has(error.code)) return;
    session.awaiting = false;
    toast(error.message, { kind: "error" });
  },
};
