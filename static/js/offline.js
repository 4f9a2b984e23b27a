// Run the page that replaces every other while the server cannot be reached. It shows what this browser keeps, and leads back.

import { byId } from "./dom.js";
import { openOutbox } from "./outbox.js";
/** @import { Outbox } from "./outbox.js" */

const EVERY = 5000; // ms

/**
 * Return the contents of the outbox in words.
 * @param {Outbox} outbox
 */
async function inWords(outbox) {
  if (!outbox.durable)
    return "This browser keeps nothing for this page (a private window?). What was not saved yet is lost when its tab is closed.";
  const waiting = (await outbox.list()).filter((entry) => !entry.refused);
  if (!waiting.length) return "Nothing that you said waits in this browser: there is nothing left to send.";
  const talks = new Set(waiting.map(({ conversation }) => conversation)).size;
  const one = waiting.length === 1;
  const what = `${waiting.length} ${one ? "turn" : "turns"} of ${talks === 1 ? "a talk" : `${talks} talks`}`;
  const sent = one ? "It is sent by itself" : "They are sent by themselves";
  return `Kept in this browser: ${what} that you said and the server does not have yet. ${sent} when the server can be reached again.`;
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
openOutbox()
  .then(inWords)
  .then((text) => (byId("kept").textContent = text))
  .catch(() => {});
