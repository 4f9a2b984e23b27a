// Run the talk page: choose a topic, talk, look back.

import "./page.js";
import * as api from "./api.js";
import { announce, toast } from "./announce.js";
import * as cloud from "./cloud-state.js";
import { bindTalkButton } from "./controls.js";
import { Delivery } from "./delivery.js";
import { Dialogue } from "./dialogue.js";
import { showGoals } from "./goals.js";
import { level as levelOf } from "./history-list.js";
import { MicrophonePanel } from "./microphone-panel.js";
import { openOutbox } from "./outbox.js";
import { showOutbox } from "./outbox-status.js";
import { Feedback } from "./feedback.js";
import { Replayer } from "./replay.js";
import { Scope, within } from "./scope.js";
import { Session } from "./session.js";
import * as settings from "./settings.js";
import { showSetup } from "./setup.js";
import { showSummary } from "./summary.js";
import { TalkView } from "./talk-view.js";
import { target, Translations } from "./translations.js";
import { Unreached } from "./unreached.js";
import { keepAwake } from "./wake-lock.js";

// Time for deliveries before an earlier talk is shown.
const DELIVERS = 5000; // ms

const byId = (id) => document.getElementById(id);
const main = byId("main");
const parameters = new URLSearchParams(location.search);
const wanted = parameters.get("conversation");
if (parameters.get("scenario")) settings.set("scenario", parameters.get("scenario"));

const SAID_GOODBYE = "The agent has said goodbye. Go on if you like, or end the talk.";

// The talk that the page was opened with, as it was then.
let earlier = null;
let session = null;
// A Scope. The microphone and the screen are on until it ends.
let talk = null;
let muted = false;
let goals = [];
// True after the agent has said goodbye. The summary follows when that has been heard.
let finishing = false;
let began = 0;
// Length of the talk when it was ended.
let talked = 0; // ms
let scenario = "";

const outbox = await openOutbox();
const replayer = new Replayer({
  onChange: (id) => dialogue.setPlaying(id),
  onError: (message) => toast(message, { kind: "error" }),
});
const translations = new Translations({ conversation: () => session?.conversation || wanted });
const feedback = new Feedback(byId("feedback"));
const dialogue = new Dialogue({
  list: byId("dialogue"),
  scroller: byId("dialogue-scroll"),
  onReplay: (id, source) => {
    session?.agent.interrupt({ cancel: true });
    replayer.toggle(id, source);
  },
  onReplaceWords: (id, text) => replaceWords(id, text),
  onTranslate: target() && ((turn) => translations.toggle(turn)),
});
const delivery = new Delivery({
  outbox,
  isLive: (conversation) => session?.conversation === conversation && session.online,
  onStatus: (status) => showOutbox(byId("outbox-status"), outbox, status, () => delivery.report()),
  onDelivered: (entry, answer) => session?.delivered(entry, answer),
  onDropped: (entry, why) => {
    if (session?.conversation === entry.conversation && why === "silence") dialogue.remove(entry.item);
    toast(
      why === "silence"
        ? "Nothing was said in a recording that was waiting, so it was not kept."
        : "A recording was waiting for a talk that has been deleted; it was deleted too.",
    );
  },
});
const view = new TalkView(main);
const microphone = new MicrophonePanel({
  worklet: main.dataset.worklet,
  onFrame: (pcm) => session.hear(pcm),
  onAnswered: () => session.goAhead(),
  onLost: () => {
    talkButton.letGo();
    session.inputEnded();
  },
  onChange: () => {
    if (microphone.hears) withdrawTyping();
    refresh();
  },
  onType: (focus) => (focus ? showTyping(true) : offerTyping()),
  expectsSound: () => session.learner.handsFree && !muted && session.state === "ready",
});

// Beginning

function newId() {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(7)), (byte) => (byte % 36).toString(36));
  return `conv-${Date.now()}-${letters.join("")}`;
}

function startNew({ scenario, title, level, ...own }) {
  const id = newId();
  history.pushState(null, "", `/?conversation=${id}`);
  view.title(own.topic || title, level);
  start({ id, about: { scenario, level, own }, messages: [] });
}

/** Start a session. With `hasEnded`, a talk is resumed after its end, and the learner decides when it is over. */
function start({ id, about, messages, hasEnded = false }) {
  if (session && !session.over) return;
  finishing = false;
  began ||= Date.now();
  byId("resume").hidden = true;
  session = new Session({
    conversation: id,
    talk: about,
    messages,
    dialogue,
    outbox,
    delivery,
    view: {
      changed: refresh,
      peak: (value) => view.peak(value, session.agent.sounding, dialogue),
      goals: setGoals,
      facts: showFacts,
      hint: (text) => view.hint(text),
      ended: () => {
        if (hasEnded) {
          dialogue.note(SAID_GOODBYE, "goodbye");
          announce(SAID_GOODBYE);
          return;
        }
        finishing = true;
        refresh();
      },
      closed,
      silent: () => microphone.showSilence(),
      isAttentive,
    },
  });
  view.show("conversation");
  refresh();
  session.start();
  talk = new Scope();
  keepAwake(talk);
  microphone.begin(talk);
  if (!outbox.durable)
    toast(
      "This browser keeps nothing for this page (a private window?). Recordings that are not saved yet are lost when you close it.",
    );
}

function showFacts(talk) {
  scenario = talk.scenario;
  if (talk.title) view.title(talk.title, talk.level);
  setGoals(talk.goals || []);
}

function setGoals(list) {
  goals = list;
  const reached = showGoals({ box: byId("goals"), list: byId("goal-list"), count: byId("goals-count") }, list);
  for (const { text } of reached) announce(`Goal reached: ${text}`);
}

// During the talk

function refresh() {
  if (!session || main.dataset.view !== "conversation") return;
  const handsFree = session.learner.handsFree;
  const state = view.state({
    state: session.state,
    handsFree,
    muted,
    thinking: Boolean(session.thinking),
    lost: session.lostOnce && !session.online && !session.connection.closed,
    microphone: microphone.open,
    hears: microphone.hears,
    asking: microphone.asking,
    allowed: microphone.allowed,
    inaudible: session.agent.player.inaudible,
    closed: session.over || session.connection.closed,
  });
  if (state === "recording" || !session.online) replayer.stop();
  if (finishing && state === "ready") endTalk();
}

async function endTalk() {
  // A talk whose connection the server closed can be ended, too. The summary shows what was said.
  if (session.over && !session.connection.closed) return;
  finishing = false;
  talk.end();
  talked = Date.now() - began;
  await lookBack(session.conversation, session.end());
}

/** End a talk that is shown after a reload and was not resumed: there is no connection. */
async function endEarlier({ id, duration }) {
  try {
    await api.endTalk(id);
  } catch (error) {
    toast(error.message, { kind: "error" });
    return;
  }
  talked = (duration || 0) * 60_000;
  await lookBack(id, delivery.run(id));
}

/** Show the summary of a talk, and again when `saving` is done. Then ask for the feedback. */
async function lookBack(conversation, saving) {
  replayer.stop();
  // Disable it until everything is saved, because the connection is still in use.
  byId("go-on").disabled = true;
  summarize(conversation);
  view.show("summary");
  byId("summary-saving").hidden = false;
  byId("summary-saving").textContent = "Saving the last of it…";
  await saving;
  byId("go-on").disabled = false;
  // The last corrections and goals have arrived meanwhile.
  summarize(conversation);
  const said = [...dialogue.turns.values()].filter((turn) => turn.role === "user" && turn.text);
  if (said.length)
    feedback.ask(
      conversation,
      said.flatMap((turn) => turn.corrections),
    );
  byId("summary-saving").textContent = (await delivery.unsaved(conversation))
    ? "A recording is still waiting to be saved. It is sent again by itself."
    : "Everything is saved.";
}

function goOn() {
  feedback.hide();
  began = Date.now() - talked;
  const messages = [...dialogue.turns.values()].map(({ id, role }) => ({ id, role }));
  start({ id: session?.conversation ?? wanted, about: null, messages, hasEnded: true });
}

function summarize(conversation) {
  const title = byId("talk-title").textContent;
  showSummary({ conversation, title, seconds: talked / 1000, turns: [...dialogue.turns.values()], goals, scenario });
}

function closed(code) {
  talked = Date.now() - began;
  talk.end();
  session.close();
  const { conversation } = session;
  const again = () => location.assign(`/?conversation=${conversation}`);
  showTyping(false);
  if (code === 4029)
    return view.notice(
      "Many learners are talking at the moment, and all places are taken. Please try again in a minute.",
      [["Try again", tryAgain]],
      "users",
    );
  if (code === 4008)
    return view.notice("The talk is paused, because nothing was said for a while.", [["Go on", tryAgain]], "pause");
  if (code === 4001)
    return view.notice("This talk was opened in another window and goes on there.", [["Use it here", again]], "monitor");
  if (code === 4401)
    return view.notice(
      "The server does not know this browser any more. Reload the page to go on.",
      [["Reload", () => location.reload()]],
      "circle-alert",
    );
  if (code !== 4004)
    return view.notice("The server refused this talk.", [["Start a new talk", () => location.assign("/")]], "circle-alert");
  const deleted = [
    ["Bring it back", () => api.restore(conversation).then(again, (error) => toast(error.message, { kind: "error" }))],
    ["Start a new talk", () => delivery.discardConversation(conversation).then(() => location.assign("/"))],
  ];
  return view.notice("This talk has been deleted.", deleted, "trash-2");
}

/** Connect again after the server closed the connection. */
function tryAgain() {
  const { conversation, talk: about } = session;
  view.notice("");
  began = Date.now() - talked;
  delivery.run(conversation);
  const messages = [...dialogue.turns.values()].map(({ id, role }) => ({ id, role }));
  start({ id: conversation, about, messages });
}

/** Save a better transcript. Return whether it was saved. */
async function replaceWords(id, text) {
  try {
    dialogue.wordsReplaced(await api.replaceWords(session?.conversation || wanted, id, text));
    toast("Corrected.");
    return true;
  } catch (error) {
    toast(error.message, { kind: "error" });
    return false;
  }
}

function showTyping(on, { focus = true } = {}) {
  byId("type-form").hidden = !on;
  byId("type-button").setAttribute("aria-expanded", on);
  if (on && focus) byId("type-text").focus();
}

// True if the page itself showed the field, because there is no microphone.
let typingOffered = false;

function offerTyping() {
  if (!byId("type-form").hidden) return;
  typingOffered = true;
  showTyping(true, { focus: false });
}

function withdrawTyping() {
  const field = byId("type-text");
  if (typingOffered && !field.value && document.activeElement !== field) showTyping(false);
  typingOffered = false;
}

/** Return whether the learner seems to be present, with nothing to do but answer. */
function isAttentive() {
  if (document.hidden || microphone.asking || finishing || replayer.current !== null) return false;
  if (session.learner.handsFree && muted) return false;
  const isWriting = byId("type-text").value !== "" || document.querySelector(".turn-edit");
  return !isWriting && !document.querySelector("dialog[open]");
}

const talkButton = bindTalkButton(byId("talk-button"), {
  press: () => session.press(),
  release: () => session.learner.release(),
  cancel: () => {
    session.learner.cancel();
    announce("Thrown away.");
  },
  toggle: () => {
    muted = !muted;
    session.learner.muted = muted;
    announce(muted ? "Muted." : "The microphone is on.");
    refresh();
  },
  handsFree: () => session.learner.handsFree,
  active: () =>
    session !== null && main.dataset.view === "conversation" && microphone.open && !session.over && !session.connection.closed,
});
byId("hint-button").addEventListener("click", () => session?.connection.send({ type: "talk.hint" }));
byId("think").addEventListener("click", () => session.think(!session.thinking));
// After a click, give the space bar back to the talk button. The focus of keyboard users stays where it is.
main.addEventListener("click", ({ target, detail }) => {
  if (detail > 0 && target.closest("#hint-button, #think, #hands-free, .turn [data-action]:not([data-action='edit'])"))
    byId("talk-button").focus({ focusVisible: false });
});
byId("type-button").addEventListener("click", () => showTyping(byId("type-form").hidden));
byId("end-talk").addEventListener("click", () => (session ? endTalk() : endEarlier(earlier)));
byId("go-on").addEventListener("click", goOn);
byId("type-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("type-text");
  const text = field.value.trim();
  if (!text || !session || session.over || session.connection.closed) return;
  field.value = "";
  session.type(text);
});
settings.onChange("handsFree", (on) => {
  talkButton.letGo();
  session?.setHandsFree(on);
});
for (const name of ["speed", "pauseMs", "language"]) settings.onChange(name, () => session?.update());
setInterval(() => view.time(session && !session.over ? Date.now() - began : null), 1000);
addEventListener("pagehide", () => {
  talk?.end();
  session?.learner.stop();
});
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
addEventListener("popstate", () => location.reload());

// The first view of the page

// Matches if there is room beside the dialogue.
const roomBeside = matchMedia("(min-width: 1040px)");
const openGoals = () => (byId("goals").open = roomBeside.matches);
roomBeside.addEventListener("change", openGoals);
openGoals();

async function showEarlier(id) {
  // A slow delivery continues in the background.
  await within(DELIVERS, delivery.run(id)).catch(() => {});
  earlier = await api.conversation(id);
  dialogue.showAll(earlier.messages);
  view.title(earlier.title, levelOf(earlier));
  setGoals(earlier.goals || []);
  view.show("conversation");
  // Browsers allow a page to record and play sound only after a click.
  byId("resume").hidden = false;
  const goOnFromHere = () => start({ id, about: null, messages: earlier.messages, hasEnded: earlier.callEnded });
  byId("resume-talk").addEventListener("click", goOnFromHere, { once: true });
  byId("resume-talk").focus();
}

async function begin() {
  try {
    if (wanted) return await showEarlier(wanted);
  } catch (error) {
    if (error.status !== 404) throw error;
    toast("That talk is not here any more. Start a new one.");
    history.replaceState(null, "", "/");
  }
  await showSetup({ onStart: startNew });
  view.show("setup");
  return delivery.run();
}

const unreached = new Unreached({ place: main, onRetry: attempt });

function attempt() {
  return begin().then(() => unreached.hide(), fail);
}

function fail(error) {
  byId("loading").hidden = true;
  unreached.show(error);
}

cloud.onChange(({ returned }) => unreached.shown && returned.includes("database") && attempt());
attempt();
