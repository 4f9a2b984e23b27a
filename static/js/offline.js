// Run the page that replaces every other while the server cannot be reached. It shows what this browser keeps, and leads back.

import { openOutbox } from "./outbox.js";

const EVERY = 5000; // ms
const byId = (id) => document.getElementById(id);

/** Return the contents of the outbox in words. */
function inWords({ durable, entries }) {
  if (!durable)
    return "This browser keeps nothing for this page (a private window?). What was not saved yet is lost when its tab is closed.";
  const waiting = entries.filter((entry) => !entry.refused);
  if (!waiting.length) return "Nothing that you said waits in this browser: there is nothing left to send.";
  const talks = new Set(waiting.map(({ conversation }) => conversation)).size;
  const what = `${waiting.length} ${waiting.length === 1 ? "turn" : "turns"} of ${talks === 1 ? "a talk" : `${talks} talks`}`;
  return `Kept in this browser: ${what} that you said and the server does not have yet. ${waiting.length === 1 ? "It is" : "They are"} sent by ${waiting.length === 1 ? "itself" : "themselves"} when the server can be reached again.`;
}

async function showKept() {
  const outbox = await openOutbox();
  byId("kept").textContent = inWords({ durable: outbox.durable, entries: await outbox.list() });
}

function showWhy() {
  byId("title").textContent = navigator.onLine ? "The server can't be reached" : "You are offline";
}

/** Go to the requested page. The offline page is shown at its address. */
function goOn() {
  if (location.pathname === byId("main").dataset.page) location.replace("/");
  else location.reload();
}

async function look() {
  if (document.hidden || !navigator.onLine) return;
  const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(EVERY) }).catch(() => null);
  if (answer?.ok) goOn();
}

byId("retry").addEventListener("click", goOn);
addEventListener("online", () => {
  showWhy();
  look();
});
addEventListener("offline", showWhy);
setInterval(look, EVERY);
showWhy();
// If this fails, the page's own text stays.
showKept().catch(() => {});
