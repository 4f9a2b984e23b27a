// Run the talk page: choose a topic, talk, look back.

import "./page.js";
import * as api from "./api.js";
import { announce, showError, toast } from "./announce.js";
import * as cloud from "./cloud-state.js";
import { bindTalkButton } from "./controls.js";
import { Delivery } from "./delivery.js";
import { Dialogue } from "./dialogue.js";
import { byId } from "./dom.js";
import { Exam } from "./exam.js";
import { level as levelOf } from "./format.js";
import { showGoals } from "./goals.js";
import { MicrophonePanel } from "./microphone-panel.js";
import { openOutbox } from "./outbox.js";
import { hidePlacement, showPlacement } from "./placement.js";
import { showOutbox, notifyDropped } from "./outbox-status.js";
import { Feedback } from "./feedback.js";
import { Replayer } from "./replay.js";
import { Scope, within } from "./scope.js";
import { Session } from "./session.js";
import * as settings from "./settings.js";
import { showSetup } from "./setup.js";
import { showSummary } from "./summary.js";
import { TalkView } from "./talk-view.js";
import { showToday } from "./today.js";
import { target, toggleTranslation } from "./translations.js";
import { Unreached } from "./unreached.js";
import { keepAwake } from "./wake-lock.js";
/** @import { StoredFacts } from "./session.js" */
/** @import { Goal, Message, TalkFacts } from "./types.d.ts" */

// Time for deliveries before an earlier talk is shown.
const DELIVERS = 5000; // ms
// Time for the plan of today before the topics are shown without it.
const TODAY = 600; // ms

const main = byId("main");
const typeField = byId("type-text", HTMLInputElement);
const parameters = new URLSearchParams(location.search);
const wanted = parameters.get("conversation") ?? "";
const wantedScenario = parameters.get("scenario");
if (wantedScenario) settings.set("scenario", wantedScenario);

// The scenario whose talk shows the learner's level.
const PLACEMENT = "placement";

const SAID_GOODBYE = "The agent has said goodbye. Go on if you like, or end the talk.";

/** @type {Session | null} */
let session = null;
/** @type {Scope | null} The microphone and the screen are on until it ends */
let talk = null;
let muted = false;
/** @type {Goal[]} */
let goals = [];
// True after the agent has said goodbye. The summary follows when that has been heard.
let finishing = false;
let began = 0;
// Length of the talk when it was last ended.
let talked = 0; // ms
let scenario = "";

const outbox = await openOutbox();
const replayer = new Replayer({
  onChange: (id) => dialogue.setPlaying(id),
  onError: (message) => showError({ message }),
});
const feedback = new Feedback(byId("feedback"));
// Holding the button decides by itself when a turn ends.
const exam = new Exam({ hold: (on) => session?.learner.handsFree && session.think(on) });
const dialogue = new Dialogue({
  list: byId("dialogue"),
  scroller: byId("dialogue-scroll"),
  onReplay: (id, source) => {
    session?.agent.interrupt({ cancel: true });
    replayer.toggle(id, source);
  },
  onReplaceWords: (id, text) => replaceWords(id, text),
  onTranslate: target() ? (turn) => toggleTranslation(turn, session?.conversation ?? wanted) : undefined,
});
const delivery = new Delivery({
  outbox,
  isLive: (conversation) => session?.conversation === conversation && session.online,
  onStatus: (status) => showOutbox(delivery, status),
  onDelivered: (entry, answer) => session?.delivered(entry, answer),
  onDropped: (entry, why) => {
    if (session?.conversation === entry.conversation && why === "silence") dialogue.remove(entry.item);
    notifyDropped(why);
  },
});
const view = new TalkView(main);
const microphone = new MicrophonePanel({
  worklet: String(main.dataset.worklet),
  onFrame: (pcm) => session?.hear(pcm),
  onAnswered: () => session?.goAhead(),
  onLost: () => {
    talkButton.letGo();
    session?.inputEnded();
  },
  onChange: () => {
    if (microphone.hears) withdrawTyping();
    refresh();
  },
  onType: (focus) => (focus ? showTyping(true) : offerTyping()),
  expectsSound: () => session !== null && session.learner.handsFree && !muted && session.state === "ready",
});

// Beginning

function newId() {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(7)), (byte) => (byte % 36).toString(36));
  return `conv-${Date.now()}-${letters.join("")}`;
}

/** @param {TalkFacts & { title: string }} start */
function startNew({ title, ...about }) {
  const id = newId();
  history.pushState(null, "", `/?conversation=${id}`);
  view.title(about.own.topic || title, about.level);
  start({ id, about, messages: [] });
}

/**
 * Start a session. With `hasEnded`, a talk is resumed after its end, and the learner decides when it is over.
 * @param {{ id: string; about: TalkFacts | null; messages: Pick<Message, "id" | "role">[]; hasEnded?: boolean }} talk
 */
function start({ id, about, messages, hasEnded = false }) {
  if (session && !session.over) return;
  finishing = false;
  began ||= Date.now();
  byId("resume").hidden = true;
  const started = new Session({
    conversation: id,
    talk: about,
    messages,
    dialogue,
    outbox,
    delivery,
    view: {
      changed: refresh,
      peak: (value) => view.peak(value, started.agent.sounding, dialogue),
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
  session = started;
  view.show("conversation");
  refresh();
  started.start();
  talk = new Scope();
  keepAwake(talk);
  microphone.begin(talk);
  if (!outbox.durable)
    toast(
      "This browser keeps nothing for this page (a private window?). Recordings that are not saved yet are lost when you close it.",
    );
}

/** @param {StoredFacts} facts */
function showFacts(facts) {
  scenario = facts.scenario;
  exam.load(scenario).then(refresh, () => {});
  if (facts.title) view.title(facts.title, facts.level ?? "");
  setGoals(facts.goals || []);
}

/** @param {Goal[]} list */
function setGoals(list) {
  goals = list;
  for (const { text } of showGoals(list)) announce(`Goal reached: ${text}`);
}

// During the talk

function refresh() {
  if (!session || main.dataset.view !== "conversation") return;
  exam.follow(dialogue.turns.values());
  const handsFree = session.learner.handsFree;
  const state = view.state({
    state: session.state,
    handsFree,
    muted,
    thinking: session.thinking,
    lost: session.lostOnce && !session.online && !session.connection.closed,
    microphone: microphone.open,
    hears: microphone.hears,
    asking: microphone.asking,
    allowed: microphone.allowed,
    inaudible: session.agent.player.inaudible,
    closed: !session.active,
  });
  if (state === "recording" || !session.online) replayer.stop();
  if (finishing && state === "ready") endTalk();
}

async function endTalk() {
  // A talk whose connection the server closed can be ended, too. The summary shows what was said.
  if (!session || (session.over && !session.connection.closed)) return;
  finishing = false;
  talk?.end();
  talked = Date.now() - began;
  await lookBack(session.conversation, session.end());
}

/** End the talk that is shown after a reload and was not resumed: there is no connection. */
async function endEarlier() {
  try {
    await api.endTalk(wanted);
  } catch (error) {
    showError(error);
    return;
  }
  await lookBack(wanted, delivery.run(wanted));
}

/**
 * Show the summary of a talk, and again when `saving` is done. Then ask for the feedback.
 * @param {string} conversation
 * @param {Promise<unknown>} saving
 */
async function lookBack(conversation, saving) {
  replayer.stop();
  // Disable it until everything is saved, because the connection is still in use.
  const goOnButton = byId("go-on", HTMLButtonElement);
  goOnButton.disabled = true;
  summarize(conversation);
  view.show("summary");
  const status = byId("summary-saving");
  status.hidden = false;
  status.textContent = "Saving the last of it…";
  await saving;
  goOnButton.disabled = false;
  // The last corrections and goals have arrived meanwhile.
  summarize(conversation);
  const said = [...dialogue.turns.values()].filter((turn) => turn.role === "user" && turn.text);
  const corrections = said.flatMap((turn) => turn.corrections);
  if (said.length) feedback.ask(conversation, corrections);
  if (scenario === PLACEMENT) showPlacement(conversation);
  status.textContent = (await delivery.unsaved(conversation))
    ? "A recording is still waiting to be saved. It is sent again by itself."
    : "Everything is saved.";
}

function goOn() {
  feedback.hide();
  hidePlacement();
  began = Date.now() - talked;
  start({ id: session?.conversation ?? wanted, about: null, messages: [...dialogue.turns.values()], hasEnded: true });
}

/** @param {string} conversation */
function summarize(conversation) {
  const title = byId("talk-title").textContent;
  showSummary({ conversation, title, seconds: talked / 1000, turns: [...dialogue.turns.values()], goals, scenario });
}

const FULL = "Many learners are talking at the moment, and all places are taken. Please try again in a minute.";

/** @param {number} code */
function closed(code) {
  if (!session) return;
  talked = Date.now() - began;
  talk?.end();
  session.close();
  const { conversation, talk: about, refusal } = session;
  const reconnect = () => {
    view.notice("");
    began = Date.now() - talked;
    delivery.run(conversation);
    start({ id: conversation, about, messages: [...dialogue.turns.values()] });
  };
  const again = () => location.assign(`/?conversation=${conversation}`);
  showTyping(false);
  const startNext = () => location.assign("/");
  /** @type {Record<number, Parameters<TalkView["notice"]>>} */
  const notices = {
    4001: ["This talk was opened in another window and goes on there.", [["Use it here", again]], "monitor"],
    4004: [
      "This talk has been deleted.",
      [
        ["Bring it back", () => api.restore(conversation).then(again, showError)],
        ["Start a new talk", () => delivery.discard(conversation).then(startNext)],
      ],
      "trash-2",
    ],
    4008: ["The talk is paused, because nothing was said for a while.", [["Go on", reconnect]], "pause"],
    4029:
      refusal?.code === "spoken_enough"
        ? [refusal.message, [["See your talks", () => location.assign("/history")]], "clock"]
        : [refusal?.message ?? FULL, [["Try again", reconnect]], "users"],
    4401: [
      "The server does not know this browser any more. Reload the page to go on.",
      [["Reload", () => location.reload()]],
      "circle-alert",
    ],
  };
  view.notice(...(notices[code] ?? ["The server refused this talk.", [["Start a new talk", startNext]], "circle-alert"]));
}

/**
 * Save a better transcript. Return whether it was saved.
 * @param {string} id
 * @param {string} text
 */
async function replaceWords(id, text) {
  try {
    dialogue.wordsReplaced(await api.replaceWords(session?.conversation || wanted, id, text));
    toast("Corrected.");
    return true;
  } catch (error) {
    showError(error);
    return false;
  }
}

/** @param {boolean} on @param {{ focus?: boolean }} [options] */
function showTyping(on, { focus = true } = {}) {
  byId("type-form").hidden = !on;
  byId("type-button").setAttribute("aria-expanded", String(on));
  if (on && focus) typeField.focus();
}

// True if the page itself showed the field, because there is no microphone.
let typingOffered = false;

function offerTyping() {
  if (!byId("type-form").hidden) return;
  typingOffered = true;
  showTyping(true, { focus: false });
}

function withdrawTyping() {
  if (typingOffered && !typeField.value && document.activeElement !== typeField) showTyping(false);
  typingOffered = false;
}

/** Return whether the learner seems to be present, with nothing to do but answer. */
function isAttentive() {
  if (document.hidden || microphone.asking || finishing || exam.preparing || replayer.current !== null) return false;
  if (session?.learner.handsFree && muted) return false;
  const isWriting = typeField.value !== "" || document.querySelector(".turn-edit");
  return !isWriting && !document.querySelector("dialog[open]");
}

const talkButton = bindTalkButton(byId("talk-button", HTMLButtonElement), {
  press: () => session?.press(),
  release: () => session?.learner.release(),
  cancel: () => {
    session?.learner.cancel();
    announce("Thrown away.");
  },
  toggle: () => {
    muted = !muted;
    if (session) session.learner.muted = muted;
    announce(muted ? "Muted." : "The microphone is on.");
    refresh();
  },
  handsFree: () => session !== null && session.learner.handsFree,
  active: () => session !== null && session.active && main.dataset.view === "conversation" && microphone.open,
});
byId("hint-button").addEventListener("click", () => session?.connection.send({ type: "talk.hint" }));
byId("think").addEventListener("click", () => session?.think(!session.thinking));
// After a click, give the space bar back to the talk button. The focus of keyboard users stays where it is.
main.addEventListener("click", ({ target, detail }) => {
  if (
    detail > 0 &&
    target instanceof Element &&
    target.closest("#hint-button, #think, #hands-free, .turn [data-action]:not([data-action='edit'])")
  )
    byId("talk-button").focus({ focusVisible: false });
});
byId("type-button").addEventListener("click", () => showTyping(Boolean(byId("type-form").hidden)));
byId("end-talk").addEventListener("click", () => (session ? endTalk() : endEarlier()));
byId("go-on").addEventListener("click", goOn);
byId("type-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = typeField.value.trim();
  if (!text || !session?.active) return;
  typeField.value = "";
  session.type(text);
});
settings.onChange("handsFree", (on) => {
  talkButton.letGo();
  session?.setHandsFree(on);
});
for (const name of /** @type {const} */ (["speed", "pauseMs", "language", "keepsAudio"]))
  settings.onChange(name, () => session?.update());
setInterval(() => {
  const talking = session !== null && !session.over;
  view.time(talking ? Date.now() - began : null);
  if (talking) exam.tick();
}, 1000);
addEventListener("pagehide", () => {
  talk?.end();
  session?.learner.stop();
});
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
addEventListener("popstate", () => location.reload());

// The first view of the page

// Matches if there is room beside the dialogue.
const roomBeside = matchMedia("(min-width: 1040px)");
const openGoals = () => (byId("goals", HTMLDetailsElement).open = roomBeside.matches);
roomBeside.addEventListener("change", openGoals);
openGoals();

/** @param {string} id */
async function showEarlier(id) {
  // A slow delivery continues in the background.
  await within(DELIVERS, delivery.run(id)).catch(() => {});
  const earlier = await api.conversation(id);
  dialogue.showAll(earlier.messages);
  view.title(earlier.title, levelOf(earlier));
  setGoals(earlier.goals || []);
  talked = (earlier.duration || 0) * 60_000;
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
  /** @type {(scenario: string) => void} */
  let startTalk = () => {};
  const today = showToday({ onTalk: (scenario) => startTalk(scenario) });
  startTalk = await showSetup({ onStart: startNew });
  // The card is above the topics. If it comes later than this, it may push them down.
  await within(TODAY, today).catch(() => {});
  view.show("setup");
  return delivery.run();
}

const unreached = new Unreached({ place: main, onRetry: attempt });

async function attempt() {
  try {
    await begin();
    unreached.hide();
  } catch (error) {
    byId("loading").hidden = true;
    unreached.show(error);
  }
}

cloud.onChange(({ returned }) => unreached.shown && returned.includes("database") && attempt());
attempt();
