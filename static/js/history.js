// Run the history page: past talks to read, hear and resume.

import "./page.js";
import * as api from "./api.js";
import { showError, toast } from "./announce.js";
import * as cloud from "./cloud-state.js";
import { onSettled, settle } from "./cloud-watch.js";
import { Delivery } from "./delivery.js";
import { byId, findAll } from "./dom.js";
import { Detail } from "./history-detail.js";
import { HistoryList } from "./history-list.js";
import { openOutbox } from "./outbox.js";
import { showOutbox, notifyDropped } from "./outbox-status.js";
import { Unreached } from "./unreached.js";
/** @import { Conversation } from "./types.d.ts" */

const main = byId("main");
const UNDO_SECONDS = 10;

const outbox = await openOutbox();
const delivery = new Delivery({
  outbox,
  onStatus: (status) => showOutbox(delivery, status),
  onDelivered: () => list.load().catch(showError),
  onDropped: (_, why) => notifyDropped(why),
});
const list = new HistoryList({ onOpen: (id) => go(`/history/${encodeURIComponent(id)}`) });
const detail = new Detail({
  onChanged: (conversation) => list.update(conversation),
  onDelete: (conversation) => remove(conversation),
  onError: showError,
});

const unreached = new Unreached({ place: byId("detail-unreached"), onRetry: () => showLocation() });

// Each talk has its own address, and the browser's back button works

/** @param {string} path */
function go(path) {
  history.pushState(null, "", path);
  return showLocation();
}

/**
 * Decode a part of the address. If its percent-encoding is invalid, return it as it is: no conversation has that id.
 * @param {string} part
 */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @param {{ focus?: boolean }} [options] */
async function showLocation({ focus = true } = {}) {
  const path = location.pathname;
  const id = decoded(path.split("/")[2] || "");
  main.dataset.view = id ? "detail" : "list";
  list.mark(id);
  byId("detail-placeholder").hidden = Boolean(id);
  if (!id) {
    unreached.hide();
    detail.close();
    document.title = "History: Talking Agent";
    if (focus) byId("history-title").focus();
    return;
  }
  try {
    if (await detail.open(id, { focus })) unreached.hide();
  } catch (error) {
    // The learner has opened something else.
    if (location.pathname !== path) return;
    if (error.retryable) {
      detail.close();
      return unreached.show(error, { focus });
    }
    showError(error.status === 404 ? new Error("That talk is not here any more.") : error);
    if (error.status === 404) await go("/history");
  }
}

// When the cloud recovers, what could not be reached is shown

cloud.onChange(({ returned }) => {
  if (!returned.includes("database")) return;
  reload();
  if (unreached.shown) showLocation({ focus: unreached.element.contains(document.activeElement) });
});
onSettled(reload);

/** Reload the list in the background. If that fails, the list stays as it is. */
function reload() {
  list.load().catch(() => {});
}

// Deletion is immediate, and can be undone for ten seconds

/** @param {Conversation} conversation */
async function remove({ id, title }) {
  // Turns that still wait for this talk must not bring it back, and must not be lost if the deletion is undone.
  delivery.held.add(id);
  try {
    await api.remove(id);
  } catch (error) {
    delivery.held.delete(id);
    showError(error);
    return;
  }
  list.remove(id);
  await go("/history");
  toast(`“${title}” was deleted.`, {
    seconds: UNDO_SECONDS,
    action: { label: "Undo", act: () => bringBack(id).catch(showError) },
    onGone: (acted) => acted || delivery.discard(id),
  });
}

/** @param {string} id */
async function bringBack(id) {
  await api.restore(id);
  delivery.held.delete(id);
  await list.load();
  await go(`/history/${encodeURIComponent(id)}`);
}

async function removeAll() {
  await api.removeAll();
  await delivery.discard();
  await list.load();
  await go("/history");
  toast("All your talks were deleted.");
}

for (const link of findAll(document, ".back-link")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    go("/history");
  });
}
const clearDialog = byId("clear-dialog", HTMLDialogElement);
byId("clear-all").addEventListener("click", () => clearDialog.showModal());
clearDialog.addEventListener("close", () => clearDialog.returnValue === "delete" && removeAll().catch(showError));
addEventListener("popstate", () => showLocation());

await Promise.all([list.load().catch((error) => list.fail(error)), showLocation({ focus: false })]);
if (list.anyWaits && !cloud.anyDown()) settle();
await delivery.run();
