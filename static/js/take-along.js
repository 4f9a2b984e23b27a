// Take one talk along: as a file, as an Anki deck, or as a link for others.

import { announce, toast } from "./announce.js";
import { call } from "./api.js";
import { byId, find, findAll } from "./dom.js";
import { linkItem, links } from "./share-links.js";
/** @import { Conversation, ExportState } from "./types.d.ts" */

const POLL = 1000; // ms

export class TakeAlong {
  /** @param {{ onError: (error: Error) => void }} options */
  constructor({ onError }) {
    this.onError = onError;
    /** @type {Conversation | null} */
    this.conversation = null;
    this.dialog = byId("share-dialog", HTMLDialogElement);
    this.button = byId("anki", HTMLButtonElement);
    this.button.addEventListener("click", () => this.makeDeck());
    byId("share").addEventListener("click", () => this.openDialog());
    byId("share-close").addEventListener("click", () => this.dialog.close());
    byId("share-copy").addEventListener("click", () => this.copy());
    byId("share-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.share();
    });
  }

  /** @param {Conversation} conversation */
  show(conversation) {
    const isAnother = this.conversation?.id !== conversation.id;
    this.conversation = conversation;
    for (const link of findAll(byId("take-along"), "[data-file]", HTMLAnchorElement)) {
      link.href = `/api/conversations/${encodeURIComponent(conversation.id)}/file?type=${link.dataset.file}`;
    }
    this.button.hidden = !conversation.messages.some((message) => message.corrections?.length);
    if (isAnother) byId("anki-status").textContent = "";
  }

  /** Let the server make the deck of this talk, show how far it is, and download it. */
  async makeDeck() {
    const id = this.conversation?.id;
    const status = byId("anki-status");
    this.button.disabled = true;
    try {
      let state = /** @type {ExportState} */ ((await call("POST", "/api/me/anki", { conversation: id })).export);
      while (state.state === "waiting" || state.state === "running") {
        if (this.conversation?.id === id) status.textContent = `Making the cards: ${state.percent} %`;
        await new Promise((resolve) => setTimeout(resolve, POLL));
        state = (await call("GET", "/api/me/anki")).export;
      }
      if (state.state === "failed") throw new Error(`There are no cards. ${state.error}`);
      // Another window has ordered the cards of another talk.
      if ((state.conversation ?? "") !== id) throw new Error("The cards of another talk were made. Try again.");
      location.assign("/api/me/anki/file");
      if (this.conversation?.id === id) status.textContent = "The cards are downloaded. Open the file with Anki.";
    } catch (error) {
      status.textContent = "";
      this.onError(error);
    } finally {
      this.button.disabled = false;
    }
  }

  openDialog() {
    byId("share-made").hidden = byId("share-error").hidden = byId("share-links").hidden = true;
    this.dialog.showModal();
    this.listLinks().catch((error) => this.fail(error));
  }

  async listLinks() {
    const found = await links(this.conversation?.id);
    byId("share-links").hidden = !found.links.length;
    const items = found.links.map((link) => linkItem(link, () => this.revoked()));
    find(byId("share-links"), "ul").replaceChildren(...items);
    if (!found.canShare) this.fail(new Error("Sharing is switched off on this site."));
  }

  async revoked() {
    byId("share-made").hidden = true;
    await this.listLinks();
    byId("share-close").focus();
  }

  async share() {
    const id = this.conversation?.id ?? "";
    const wordsOnly = find(this.dialog, '[name="what"]:checked', HTMLInputElement).value === "words";
    const days = Number(byId("share-days", HTMLSelectElement).value);
    byId("share-error").hidden = true;
    try {
      const { url } = await call("POST", `/api/conversations/${encodeURIComponent(id)}/links`, { days, wordsOnly });
      byId("share-url", HTMLInputElement).value = url;
      byId("share-made").hidden = false;
      byId("share-made-title").focus();
      await this.listLinks();
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {Error} error */
  fail(error) {
    byId("share-error").hidden = false;
    byId("share-error").textContent = error.message;
  }

  async copy() {
    const field = byId("share-url", HTMLInputElement);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      toast("Copied.");
    } catch {
      announce("Copying is not allowed here. The link is selected: copy it yourself.");
    }
  }
}
