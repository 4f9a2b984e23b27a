// Show how a merge of conversations into the account goes, until it is finished.

import { byId, find } from "./dom.js";

const PAUSE = 1000; // ms

const panel = byId("merge", HTMLElement);
const bar = find(panel, "progress", HTMLProgressElement);
const status = byId("merge-status", HTMLElement);

/** Ask how far the merge is, and show it. Return whether it goes on. */
async function look() {
  const answer = await fetch(panel.dataset.progress ?? "");
  if (!answer.ok) return false;
  const { done, total, finished, problem } = await answer.json();
  bar.max = Math.max(1, total);
  bar.value = finished ? bar.max : done;
  const text = finished ? `Done: ${done} of ${total}.` : `${done} of ${total}. ${problem || "You can leave this page."}`;
  // Equal text would be announced again.
  if (status.textContent !== text) status.textContent = text;
  return !finished;
}

while (await look().catch(() => true)) await new Promise((resolve) => setTimeout(resolve, PAUSE));
