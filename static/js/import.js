// Import earlier conversations from this browser or a file: show them, let the learner choose, send them, and report the result.

import "./page.js";
import { announce } from "./announce.js";
import { day, line, plural } from "./history-list.js";
import { lines, lists, save, summary } from "./import-report.js";
import { Sender } from "./import-sender.js";
import { inBrowser, inFile } from "./import-sources.js";
import * as settings from "./settings.js";

const byId = (id) => document.getElementById(id);
const main = byId("main");
const clone = (id) => byId(id).content.firstElementChild.cloneNode(true);

// Each source has its `chosen` items, and `level` if the learner wants to adopt it.
const sources = [];
let sender = null;
let outcomes = new Map();
let level = null;
let report = null;

// Found conversations

function add(found, { removable }) {
  for (const source of found) {
    const usable = source.items.filter(({ look }) => look.usable);
    for (const item of source.items) item.source = `${source.title}, ${source.origin}`;
    source.chosen = new Set(usable);
    source.level = null;
    source.element = card(source, usable, removable);
    sources.push(source);
    byId("sources").append(source.element);
  }
  showChosen();
}

function card(source, usable, removable) {
  const element = clone("source-template");
  element.querySelector("h2").textContent = source.title;
  element.querySelector(".source-origin").textContent = source.origin;
  const remove = element.querySelector('[data-action="remove"]');
  remove.hidden = !removable;
  remove.addEventListener("click", () => leaveOut(source));
  element.querySelector(".source-facts").replaceChildren(...facts(source, usable).map(fact));
  if (source.settings) showSettings(element, source);
  if (usable.length) showEntries(element, source, usable);
  showUnusable(element, unusable(source));
  return element;
}

function leaveOut(source) {
  sources.splice(sources.indexOf(source), 1);
  source.element.remove();
  showChosen();
  byId("file").focus();
}

const sum = (items, name) => items.reduce((total, { look }) => total + look[name], 0);

function facts({ items, broken, settings }, usable) {
  if (!items.length) return broken.length || settings ? [] : [["no conversations in it", "bad"]];
  return [
    [plural(usable.length, "conversation")],
    [plural(sum(usable, "messages"), "message")],
    [sum(usable, "recordings") ? plural(sum(usable, "recordings"), "recording") : "no recordings"],
    sum(usable, "dead") && [`${plural(sum(usable, "dead"), "recording")} already gone`, "bad"],
    sum(usable, "bad") && [`${plural(sum(usable, "bad"), "message")} that can't be used`, "bad"],
  ].filter(Boolean);
}

function fact([text, kind = ""]) {
  return Object.assign(document.createElement("li"), { textContent: text, className: kind });
}

function showSettings(element, source) {
  const { level: found, others } = source.settings;
  const label = element.querySelector(".source-settings");
  const left = others.length ? `Not used here: ${others.join(", ")}.` : "";
  if (!found) {
    element.querySelector(".source-facts").append(fact([left || "Nothing in them fits here."]));
    return;
  }
  label.hidden = false;
  label.querySelector(".settings-level").textContent = `Take over the level: ${found}`;
  label.querySelector("small").textContent = left;
  label.querySelector("input").addEventListener("change", (event) => {
    source.level = event.target.checked ? found : null;
    showChosen();
  });
}

function showEntries(element, source, usable) {
  element.querySelector(".source-entries").hidden = false;
  const all = element.querySelector(".all input");
  const rows = usable.map((item) => choice(item, source));
  element.querySelector(".source-entries ul").append(...rows);
  const boxes = rows.map((row) => row.querySelector("input"));
  const showAll = () => {
    all.checked = source.chosen.size === usable.length;
    all.indeterminate = source.chosen.size > 0 && !all.checked;
    showChosen();
  };
  all.addEventListener("change", () => {
    source.chosen = new Set(all.checked ? usable : []);
    for (const box of boxes) box.checked = all.checked;
    showAll();
  });
  boxes.forEach((box, index) => {
    box.addEventListener("change", () => {
      if (box.checked) source.chosen.add(usable[index]);
      else source.chosen.delete(usable[index]);
      showAll();
    });
  });
}

function choice({ look }) {
  const row = clone("choice-template");
  row.querySelector("strong").textContent = look.title;
  const sound = look.recordings ? plural(look.recordings, "recording") : "no recordings";
  row.querySelector("small").textContent = line([
    look.date ? `${day(look.date)}` : "no date",
    plural(look.messages, "message"),
    sound,
    look.dead ? `${look.dead} gone` : "",
  ]);
  return row;
}

const unusable = ({ items, broken }) => [
  ...items.filter(({ look }) => !look.usable).map(({ look }) => ({ what: look.title, why: look.why })),
  ...broken,
];

function showUnusable(element, reasons) {
  const details = element.querySelector(".source-unusable");
  details.hidden = !reasons.length;
  details.querySelector("summary").textContent = `${reasons.length} that can't be used`;
  details.querySelector("ul").append(...reasons.map(reason));
}

function reason({ what, why }) {
  const row = document.createElement("li");
  if (what) row.append(Object.assign(document.createElement("strong"), { textContent: what }), " ");
  row.append(why);
  return row;
}

const chosen = () => sources.flatMap((source) => [...source.chosen]);
const wantedLevel = () => sources.findLast((source) => source.level)?.level ?? null;

function showChosen() {
  const count = chosen().length;
  const isAnything = sources.length > 0;
  byId("found-status").textContent = isAnything ? "" : `Nothing of the earlier app is in this browser, at ${location.origin}.`;
  byId("actions").hidden = !isAnything;
  byId("import").textContent = count
    ? `Import ${plural(count, "conversation")}`
    : wantedLevel()
      ? "Take over the level"
      : "Import";
  byId("import").disabled = !count && !wantedLevel();
}

// Sending

async function begin() {
  level = null;
  outcomes = new Map();
  if (wantedLevel()) takeLevel(wantedLevel());
  await send(new Sender(chosen(), { onProgress: showProgress }));
}

function takeLevel(value) {
  const isNew = settings.get("level") !== value;
  settings.set("level", value);
  level = { value, kept: !isNew || isStored(value) };
}

/** Return whether the level was stored. If the storage is full, the level lasts only as long as the page. */
function isStored(value) {
  try {
    return JSON.parse(localStorage.getItem("settings")).level === value;
  } catch {
    return false;
  }
}

async function send(next) {
  sender = next;
  byId("unsent").hidden = true;
  show("sending");
  byId("sending-error").hidden = true;
  byId("sending-title").textContent = "Importing…";
  byId("sending-title").focus();
  showProgress({ share: sender.total ? sender.sent / sender.total : 1, done: sender.done, all: sender.items.length });
  try {
    const isDone = await sender.run();
    outcomes = new Map([...outcomes, ...sender.outcomes]);
    if (isDone) finish();
    else pause("Stopped. What was sent is kept; you can go on at any time.");
  } catch (error) {
    outcomes = new Map([...outcomes, ...sender.outcomes]);
    if (!error.retryable) throw error;
    pause(error.message);
  }
}

function showProgress({ share, done, all }) {
  const percent = Math.round(share * 100);
  byId("progress").setAttribute("aria-valuenow", percent);
  byId("progress").setAttribute("aria-valuetext", `${done} of ${plural(all, "conversation")}`);
  byId("progress").firstElementChild.style.width = `${percent}%`;
  byId("progress-text").textContent = `${done} of ${plural(all, "conversation")}`;
}

function pause(why) {
  byId("sending-title").textContent = "Import stopped";
  byId("sending-error").textContent = why;
  byId("sending-error").hidden = false;
  show("paused");
  byId("resume").focus();
}

function finish() {
  show("done");
  showReport();
  byId("report-title").focus();
}

// Result

function showReport() {
  const broken = sources.flatMap((source) =>
    unusable(source).map((each) => ({ ...each, source: `${source.title}, ${source.origin}` })),
  );
  const settled = [...outcomes.values()];
  const left = sender.items.filter((item) => !outcomes.has(item));
  report = summary({ outcomes: settled, broken, left, level });
  byId("report-title").textContent = reportTitle(report);
  byId("report-counts").replaceChildren(...lines(report).map((text) => fact([text])));
  byId("report-lists").replaceChildren(...lists(report).map(reportList));
  byId("bring-back").hidden = !report.deleted.length;
  byId("bring-back").textContent =
    report.deleted.length === 1 ? "Bring the deleted one back" : `Bring the ${report.deleted.length} deleted ones back`;
  announce(lines(report).join(". "));
}

function reportTitle({ imported, updated, level: taken }) {
  if (imported.length + updated.length) return "Your conversations are here";
  return taken ? "The level is taken over" : "Nothing new was brought in";
}

function reportList({ heading, entries }) {
  const details = clone("reasons-template");
  details.querySelector("summary").textContent = heading;
  details.querySelector("ul").append(...entries.map(reason));
  return details;
}

function bringBack() {
  const items = [...outcomes.values()].filter(({ state }) => state === "deleted").map(({ item }) => item);
  return send(new Sender(items, { bringBack: true, onProgress: showProgress }));
}

// The ids of the sections and buttons that each state shows

const SHOWN = {
  choosing: ["choosing", "import"],
  sending: ["sending", "cancel"],
  paused: ["sending", "resume", "again"],
  done: ["report", "download", "again", "to-history"],
};

function show(state) {
  main.dataset.state = state;
  document.documentElement.toggleAttribute("data-bar", state === "choosing");
  for (const id of new Set(Object.values(SHOWN).flat())) byId(id).hidden = !SHOWN[state].includes(id);
  byId("bring-back").hidden = true;
  byId("cancel").disabled = false;
}

byId("import").addEventListener("click", begin);
byId("resume").addEventListener("click", () => send(sender));
byId("cancel").addEventListener("click", () => {
  sender.stop();
  byId("cancel").disabled = true;
  byId("sending-title").textContent = "Stopping…";
});
byId("again").addEventListener("click", () => {
  show("choosing");
  showChosen();
  main.focus();
});
byId("bring-back").addEventListener("click", bringBack);
byId("download").addEventListener("click", () => save(report));

// Files, chosen or dropped anywhere on the page

async function take(files) {
  for (const file of files) add(await inFile(file), { removable: true });
  if (files.length) announce(`${plural(chosen().length, "conversation")} chosen.`);
}

byId("file").addEventListener("change", async (event) => {
  await take([...event.target.files]);
  // Allow the same file to be chosen again.
  event.target.value = "";
});
addEventListener("dragover", (event) => {
  if (main.dataset.state !== "choosing") return;
  event.preventDefault();
  byId("drop-zone").classList.add("over");
});
addEventListener("dragleave", (event) => event.relatedTarget || byId("drop-zone").classList.remove("over"));
addEventListener("drop", (event) => {
  if (main.dataset.state !== "choosing") return;
  event.preventDefault();
  byId("drop-zone").classList.remove("over");
  take([...event.dataTransfer.files]);
});

byId("copy-code").hidden = !navigator.clipboard;
byId("copy-code").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("export-code").textContent);
  byId("copy-code").textContent = "Copied";
  announce("Copied.");
});

add(inBrowser(), { removable: false });
