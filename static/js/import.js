// Import earlier conversations from this browser or a file: show them, let the learner choose, send them, and report the result.

import "./page.js";
import { announce } from "./announce.js";
import { byId, clone, find, make } from "./dom.js";
import { day, line, plural } from "./format.js";
import { lines, lists, save, summary } from "./import-report.js";
import { Sender } from "./import-sender.js";
import { inBrowser, inFile } from "./import-sources.js";
import * as settings from "./settings.js";
/** @import { Outcome, Progress } from "./import-sender.js" */
/** @import { Level, Report } from "./import-report.js" */
/** @import { Item, OldSettings, Source } from "./import-sources.js" */
/** @import { Broken } from "./salvage.js" */
/** @typedef {Source & { element: HTMLElement; chosen: Set<Item>; level: string | null }} Shown A source on the page, with the items
 *    and the level that the learner chose */

const main = byId("main");

/** @type {Shown[]} */
const sources = [];
/** @type {Sender | null} */
let sender = null;
/** @type {Map<Item, Outcome>} */
let outcomes = new Map();
/** @type {Level | null} */
let level = null;
/** @type {Report | null} */
let report = null;

// Found conversations

/** @param {Source[]} found @param {{ removable: boolean }} options */
function add(found, { removable }) {
  for (const each of found) {
    const usable = each.items.filter(({ look }) => look.usable);
    for (const item of each.items) item.source = `${each.title}, ${each.origin}`;
    const source = { ...each, chosen: new Set(usable), level: null, element: clone("source-template") };
    fill(source, usable, removable);
    sources.push(source);
    byId("sources").append(source.element);
  }
  showChosen();
}

/** @param {Shown} source @param {Item[]} usable @param {boolean} removable */
function fill(source, usable, removable) {
  const { element } = source;
  find(element, "h2").textContent = source.title;
  find(element, ".source-origin").textContent = source.origin;
  const remove = find(element, '[data-action="remove"]');
  remove.hidden = !removable;
  remove.addEventListener("click", () => leaveOut(source));
  find(element, ".source-facts").replaceChildren(...facts(source, usable));
  if (source.settings) showSettings(source, source.settings);
  if (usable.length) showEntries(source, usable);
  const reasons = unusable(source);
  const details = find(element, ".source-unusable");
  details.hidden = !reasons.length;
  list(details, `${reasons.length} that can't be used`, reasons);
}

/** @param {Shown} source */
function leaveOut(source) {
  sources.splice(sources.indexOf(source), 1);
  source.element.remove();
  showChosen();
  byId("file").focus();
}

/** @param {Source} source @param {Item[]} usable */
function facts({ items, broken, settings }, usable) {
  if (!items.length) return broken.length || settings ? [] : [fact("no conversations in it", "bad")];
  const [messages, recordings, dead, bad] = /** @type {const} */ (["messages", "recordings", "dead", "bad"]).map((name) =>
    usable.reduce((total, { look }) => total + look[name], 0),
  );
  return [
    fact(plural(usable.length, "conversation")),
    fact(plural(messages, "message")),
    fact(recordings ? plural(recordings, "recording") : "no recordings"),
    ...(dead ? [fact(`${plural(dead, "recording")} already gone`, "bad")] : []),
    ...(bad ? [fact(`${plural(bad, "message")} that can't be used`, "bad")] : []),
  ];
}

/** @param {string} text */
const fact = (text, className = "") => make("li", { textContent: text, className });

/** @param {Shown} source @param {OldSettings} settings */
function showSettings(source, { level: found, others }) {
  const label = find(source.element, ".source-settings");
  const left = others.length ? `Not used here: ${others.join(", ")}.` : "";
  if (!found) {
    find(source.element, ".source-facts").append(fact(left || "Nothing in them fits here."));
    return;
  }
  label.hidden = false;
  find(label, ".settings-level").textContent = `Take over the level: ${found}`;
  find(label, "small").textContent = left;
  const box = find(label, "input");
  box.addEventListener("change", () => {
    source.level = box.checked ? found : null;
    showChosen();
  });
}

/** @param {Shown} source @param {Item[]} usable */
function showEntries(source, usable) {
  const entries = find(source.element, ".source-entries");
  entries.hidden = false;
  const all = find(entries, ".all input", HTMLInputElement);
  const rows = usable.map(choice);
  find(entries, "ul").append(...rows);
  const boxes = rows.map((row) => find(row, "input"));
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

/** @param {Item} item */
function choice({ look }) {
  const row = clone("choice-template");
  find(row, "strong").textContent = look.title;
  find(row, "small").textContent = line([
    look.date ? day(look.date) : "no date",
    plural(look.messages, "message"),
    look.recordings ? plural(look.recordings, "recording") : "no recordings",
    look.dead ? `${look.dead} gone` : "",
  ]);
  return row;
}

/** @type {(source: Source) => Broken[]} */
const unusable = ({ items, broken }) => [
  ...items.filter(({ look }) => !look.usable).map(({ look }) => ({ what: look.title, why: look.why })),
  ...broken,
];

/**
 * List reasons in a <details> element. Return it.
 * @param {HTMLElement} details
 * @param {string} heading
 * @param {Broken[]} reasons
 */
function list(details, heading, reasons) {
  const rows = reasons.map(({ what, why }) => make("li", {}, ...(what ? [make("strong", { textContent: what }), " "] : []), why));
  find(details, "summary").textContent = heading;
  find(details, "ul").append(...rows);
  return details;
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
  byId("import", HTMLButtonElement).disabled = !count && !wantedLevel();
}

// Sending

async function begin() {
  level = null;
  outcomes = new Map();
  const wanted = wantedLevel();
  if (wanted) {
    const isNew = settings.get("level") !== wanted;
    settings.set("level", wanted);
    level = { value: wanted, kept: !isNew || settings.isStored("level") };
  }
  await send(new Sender(chosen(), { onProgress: showProgress }));
}

/** @param {Sender} current */
async function send(current) {
  sender = current;
  byId("unsent").hidden = true;
  show("sending");
  byId("sending-error").hidden = true;
  byId("sending-title").textContent = "Importing…";
  byId("sending-title").focus();
  const { total, sent, done, items } = current;
  showProgress({ share: total ? sent / total : 1, done, all: items.length });
  let why = "";
  try {
    if (!(await current.run())) why = "Stopped. What was sent is kept; you can go on at any time.";
  } catch (error) {
    if (!error.retryable) throw error;
    why = error.message;
  } finally {
    outcomes = new Map([...outcomes, ...current.outcomes]);
  }
  if (why) pause(why);
  else finish(items);
}

/** @param {Progress} progress */
function showProgress({ share, done, all }) {
  const percent = Math.round(share * 100);
  const progress = byId("progress");
  const text = `${done} of ${plural(all, "conversation")}`;
  progress.setAttribute("aria-valuenow", String(percent));
  progress.setAttribute("aria-valuetext", text);
  find(progress, ".progress-bar").style.width = `${percent}%`;
  byId("progress-text").textContent = text;
}

/** @param {string} why */
function pause(why) {
  byId("sending-title").textContent = "Import stopped";
  byId("sending-error").textContent = why;
  byId("sending-error").hidden = false;
  show("paused");
  byId("resume").focus();
}

/** @param {Item[]} items */
function finish(items) {
  show("done");
  showReport(items);
  byId("report-title").focus();
}

// Result

/** @param {Item[]} items */
function showReport(items) {
  const broken = sources.flatMap((source) =>
    unusable(source).map((each) => ({ ...each, source: `${source.title}, ${source.origin}` })),
  );
  const settled = [...outcomes.values()];
  const left = items.filter((item) => !outcomes.has(item));
  report = summary({ outcomes: settled, broken, left, level });
  byId("report-title").textContent = reportTitle(report);
  byId("report-counts").replaceChildren(...lines(report).map((text) => fact(text)));
  byId("report-lists").replaceChildren(
    ...lists(report).map(({ heading, entries }) => list(clone("reasons-template"), heading, entries)),
  );
  byId("bring-back").hidden = !report.deleted.length;
  byId("bring-back").textContent =
    report.deleted.length === 1 ? "Bring the deleted one back" : `Bring the ${report.deleted.length} deleted ones back`;
  announce(lines(report).join(". "));
}

/** @param {Report} report */
function reportTitle({ imported, updated, level: taken }) {
  if (imported.length + updated.length) return "Your conversations are here";
  return taken ? "The level is taken over" : "Nothing new was brought in";
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

/** @param {keyof typeof SHOWN} state */
function show(state) {
  main.dataset.state = state;
  document.documentElement.toggleAttribute("data-bar", state === "choosing");
  for (const id of new Set(Object.values(SHOWN).flat())) byId(id).hidden = !SHOWN[state].includes(id);
  byId("bring-back").hidden = true;
  byId("cancel", HTMLButtonElement).disabled = false;
}

byId("import").addEventListener("click", begin);
byId("resume").addEventListener("click", () => sender && send(sender));
byId("cancel").addEventListener("click", () => {
  sender?.stop();
  byId("cancel", HTMLButtonElement).disabled = true;
  byId("sending-title").textContent = "Stopping…";
});
byId("again").addEventListener("click", () => {
  show("choosing");
  showChosen();
  main.focus();
});
byId("bring-back").addEventListener("click", bringBack);
byId("download").addEventListener("click", () => report && save(report));

// Files, chosen or dropped anywhere on the page

/** @param {File[]} files */
async function take(files) {
  for (const file of files) add(await inFile(file), { removable: true });
  if (files.length) announce(`${plural(chosen().length, "conversation")} chosen.`);
}

const fileField = byId("file", HTMLInputElement);
fileField.addEventListener("change", async () => {
  await take([...(fileField.files ?? [])]);
  // Allow the same file to be chosen again.
  fileField.value = "";
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
  take([...(event.dataTransfer?.files ?? [])]);
});

byId("copy-code").hidden = !navigator.clipboard;
byId("copy-code").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("export-code").textContent);
  byId("copy-code").textContent = "Copied";
  announce("Copied.");
});

add(inBrowser(), { removable: false });
