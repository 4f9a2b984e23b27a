// Show how many turns are not saved yet, and offer refused ones for download.

import { toast } from "./announce.js";
import { byId, button, download, make } from "./dom.js";
import { plural } from "./format.js";
import { wav } from "./pcm.js";
/** @import { Delivery } from "./delivery.js" */
/** @import { Entry } from "./outbox.js" */

/**
 * Show the entries that the delivery reports.
 * @param {Delivery} delivery
 * @param {{ waiting: Entry[]; refused: Entry[] }} status
 */
export function showOutbox(delivery, { waiting, refused }) {
  const element = byId("outbox-status");
  const parts = refused.map((entry) => refusedLine(entry, delivery));
  if (waiting.length) {
    const what = plural(waiting.length, "turn");
    parts.unshift(make("span", { className: "waiting", textContent: `${what} waiting to be saved` }));
  }
  const signature = parts.map((part) => part.textContent).join("|");
  // Screen readers read out everything that is put into a status region.
  if (element.dataset.signature === signature) return;
  Object.assign(element.dataset, { signature, waiting: waiting.length, refused: refused.length });
  element.hidden = !parts.length;
  element.replaceChildren(...parts);
}

/** @param {Entry} entry @param {Delivery} delivery */
function refusedLine(entry, delivery) {
  const { outbox } = delivery;
  const save = async () => download(`${entry.item}.wav`, wav(await outbox.pcm(entry.key)));
  return make(
    "span",
    { className: "refused" },
    `A recording can't be saved: ${entry.refused} `,
    ...(entry.text ? [] : [button("link-button", "Download it", save), " "]),
    button("link-button", "Discard it", () => outbox.remove(entry.key).then(() => delivery.report())),
  );
}

/**
 * Show a notice about an entry that was dropped.
 * @param {"silence" | "deleted"} why
 */
export function notifyDropped(why) {
  toast(
    why === "silence"
      ? "Nothing was said in a recording that was waiting, so it was not kept."
      : "A recording was waiting for a talk that has been deleted; it was deleted too.",
  );
}
