// Show links by which talks are shared, and revoke them.

import { showError, toast } from "./announce.js";
import { call } from "./api.js";
import { clone, find } from "./dom.js";
/** @import { ShareLink } from "./types.d.ts" */

const MOMENT = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", hour: "numeric", minute: "2-digit" });

/**
 * Return the learner's links, of one conversation or of all.
 * @param {string} [conversation]
 * @returns {Promise<{ links: ShareLink[]; canShare: boolean }>}
 */
export const links = (conversation) =>
  call("GET", `/api/me/links${conversation ? `?conversation=${encodeURIComponent(conversation)}` : ""}`);

/**
 * Return an item of a list for this link. `onRevoked` is called when it was revoked.
 * @param {ShareLink} link
 * @param {() => unknown} onRevoked
 */
export function linkItem(link, onRevoked) {
  const item = clone("link-template");
  const title = link.title || "A talk that can't be read now";
  find(item, ".share-link-title").textContent = title;
  const what = link.wordsOnly ? "words only" : "words and recordings";
  find(item, ".share-link-facts").textContent = `${what} · until ${MOMENT.format(link.expiresAt)}`;
  find(item, ".visually-hidden").textContent = ` the link to ${title}`;
  find(item, "button").addEventListener("click", async () => {
    try {
      toast((await call("DELETE", `/api/me/links/${link.id}`)).message);
      await onRevoked();
    } catch (error) {
      showError(error);
    }
  });
  return item;
}
