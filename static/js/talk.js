// The talk page: choose a topic, talk, look back.

import "./page.js";
import * as api from "./api.js";
import { announce, toast } from "./announce.js";
import * as cloud from "./cloud-state.js";
import { bindTalkButton } from "./controls.js";
import { Delivery } from "./delivery.js";
import { Dialogue } from "./dialogue.js";
import { showGoals } from "./goals.js";
import { level as levelOf } from "./history-list.js";
import { Microphone } from "./microphone.js";
import { MicrophoneHelp } from "./microphone-help.js";
import { openOutbox } from "./outbox.js";
import { showOutbox } from "./outbox-status.js";
import { Feedback } from "./feedback.js";
import { fillDevices } from "./page.js";
import { Replayer } from "./replay.js";
import { Session } from "./session.js";
import * as settings from "./settings.js";
import { showSetup } from "./setup.js";
import { showSummary } from "./summary.js";
import { Meter, TalkView } from "./talk-view.js";
import { Translations } from "./translations.js";
import { Unreached } from "./unreached.js";

const byId = (id) => document.getElementById(id);
const main = byId("main");
const parameters = new URLSearchParams(location.search);
const wanted = parameters.get("conversation");
if (parameters.get("scenario")) settings.set("scenario", parameters.get("scenario"));

let session = null;
let muted = false;
let goals = [];
let finishing = false; // the agent said goodbye: the summary comes when it has been heard
let began = 0;
let scenario = "";

const outbox = await openOutbox();
const replayer = new Replayer({
  onChange: (id) => dialogue.setPlaying(id),
  onError: (message) => toast(message, { kind: "error" }),
});
const translations = new Translations({ list: byId("dialogue"), conversation: () => session?.conversation || wanted });
const feedback = new Feedback(byId("feedback"));
const dialogue = new Dialogue({
  list: byId("dialogue"),
  scroller: byId("dialogue-scroll"),
  onReplay: (id, source) => {
    session?.agent.interrupt({ cancel: true });
    replayer.toggle(id, source);
  },
  onMend: (id, text) => mend(id, text),
  onTranslate: (turn) => translations.toggle(turn),
});
const delivery = new Delivery({
  outbox,
  isLive: (conversation) => session?.conversation === conversation && session.online,
  onStatus: (status) => showOutbox(byId("outbox-status"), outbox, status, () => delivery.report()),
  onDelivered: (entry, answer) => session?.delivered(entry, answer),
  onDropped: (entry, why) => {
    if (session?.conversation === entry.conversation && why === "silence") dialogue.remove(entry.item);
    toast(why === "silence" ? "Nothing was said in a recording that was waiting, so it was not kept." : "A recording was waiting for a talk that has been deleted; it was deleted too.");
  },
});
const meter = new Meter({ element: byId("meter"), dock: byId("dock") });
const view = new TalkView(main);
const help = new MicrophoneHelp({
  element: byId("microphone-help"),
  onRetry: () => startMicrophone(),
  onType: () => showTyping(true),
});
const microphone = new Microphone({
  worklet: main.dataset.worklet,
  onFrame: (pcm) => {
    meter.hear(pcm);
    if (meter.signal) hearAgain();
    session?.hear(pcm);
    if (session?.learner.handsFree && !muted && session.state === "ready" && meter.quietFor > 10) showSilence();
  },
  onLost: (code) => (code === "silent" ? showSilence() : loseMicrophone(code)),
});

function showSilence() {
  help.show("silent", microphone.label);
}

function hearAgain() {
  if (byId("microphone-help").dataset.code === "silent") help.hide();
}

function loseMicrophone(code) {
  microphone.stop();
  meter.off();
  help.show(code);
  showTyping(true, { focus: false });
  refresh();
}

async function startMicrophone() {
  try {
    await microphone.start(settings.get("device"));
    help.hide();
    fillDevices();
  } catch (error) {
    loseMicrophone(error.code || "busy");
  }
  refresh();
}

// Beginning

function newId() {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(7)), (byte) => (byte % 36).toString(36));
  return `conv-${Date.now()}-${letters.join("")}`;
}

function startNew({ scenario, title, level, ...own }) {
  const id = newId();
  history.pushState(null, "", `/?conversation=${id}`);
  view.title(own.topic || title, level);
  start({ id, talk: { scenario, level, own }, messages: [] });
}

function start({ id, talk, messages }) {
  finishing = false;
  began ||= Date.now();
  byId("resume").hidden = true;
  session = new Session({
    conversation: id,
    talk,
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
        finishing = true;
        refresh();
      },
      closed,
      silent: showSilence,
    },
  });
  view.show("conversation");
  refresh();
  startMicrophone();
  session.start();
  if (!outbox.durable) toast("This browser keeps nothing for this page (a private window?). Recordings that are not saved yet are lost when you close it.");
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

// While it lasts

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
    closed: session.over || session.connection.closed,
  });
  if (state === "recording" || !session.online) replayer.stop();
  if (finishing && state === "ready") endTalk();
}

async function endTalk() {
  const ended = session;
  if (!ended || ended.over) return;
  finishing = false;
  microphone.stop();
  meter.off();
  replayer.stop();
  const seconds = (Date.now() - began) / 1000;
  const saving = ended.end();
  summarize(ended.conversation, seconds);
  view.show("summary");
  byId("summary-saving").hidden = false;
  byId("summary-saving").textContent = "Saving the last of it…";
  await saving;
  summarize(ended.conversation, seconds); // the last corrections and goals came meanwhile
  const said = [...dialogue.turns.values()].filter((turn) => turn.role === "user" && turn.text);
  if (said.length) feedback.ask(ended.conversation, said.flatMap((turn) => turn.corrections));
  byId("summary-saving").textContent = (await ended.unsaved()) ? "A recording is still waiting to be saved. It is sent again by itself." : "Everything is saved.";
}

function summarize(conversation, seconds) {
  const title = byId("talk-title").textContent;
  showSummary({ conversation, title, seconds, turns: [...dialogue.turns.values()], goals, scenario });
}

function closed(code) {
  microphone.stop();
  meter.off();
  session.learner.stop();
  const { conversation } = session;
  const again = () => location.assign(`/?conversation=${conversation}`);
  showTyping(false);
  if (code === 4001) return view.notice("This talk was opened in another window and goes on there.", [["Use it here", again]], "monitor");
  if (code === 4401) return view.notice("The server does not know this browser any more. Reload the page to go on.", [["Reload", () => location.reload()]], "circle-alert");
  if (code !== 4004) return view.notice("The server refused this talk.", [["Start a new talk", () => location.assign("/")]], "circle-alert");
  const deleted = [
    ["Bring it back", () => api.restore(conversation).then(again, (error) => toast(error.message, { kind: "error" }))],
    ["Start a new talk", () => delivery.discardConversation(conversation).then(() => location.assign("/"))],
  ];
  return view.notice("This talk has been deleted.", deleted, "trash-2");
}

/** Saves what the learner really said; true when it is saved. */
async function mend(id, text) {
  try {
    dialogue.mended(await api.mend(session?.conversation || wanted, id, text));
    toast("Mended.");
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
  active: () => session !== null && main.dataset.view === "conversation" && microphone.open && !session.over && !session.connection.closed,
});
byId("hint-button").addEventListener("click", () => session?.connection.send({ type: "talk.hint" }));
byId("think").addEventListener("click", () => session.think(!session.thinking));
// After a click, the space bar should be the talk button's again; who came by keyboard stays where they are.
main.addEventListener("click", ({ target, detail }) => {
  if (detail > 0 && target.closest("#hint-button, #think, #hands-free, .turn [data-action]:not([data-action='edit'])")) byId("talk-button").focus({ focusVisible: false });
});
byId("type-button").addEventListener("click", () => showTyping(byId("type-form").hidden));
byId("end-talk").addEventListener("click", () => (session ? endTalk() : location.assign("/")));
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
settings.onChange("device", () => microphone.open && startMicrophone());
setInterval(() => view.time(session && !session.over ? Date.now() - began : null), 1000);
addEventListener("pagehide", () => session?.learner.stop());
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
addEventListener("popstate", () => location.reload());

// The page's first sight

const roomBeside = matchMedia("(width >= 1040px)"); // of the dialogue
const openGoals = () => (byId("goals").open = roomBeside.matches);
roomBeside.addEventListener("change", openGoals);
openGoals();

async function showEarlier(id) {
  await delivery.run(id);
  const earlier = await api.conversation(id);
  dialogue.showAll(earlier.messages);
  view.title(earlier.title, levelOf(earlier));
  setGoals(earlier.goals || []);
  view.show("conversation");
  // Browsers let a page hear and speak only after a click.
  byId("resume").hidden = false;
  byId("resume-talk").addEventListener("click", () => start({ id, talk: null, messages: earlier.messages }), { once: true });
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
