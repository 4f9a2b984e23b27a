// Take one talk along: as a file, as an Anki deck, or as a link for others.

import { announce, toast } from "./announce.js";
import { offerDeck } from "./anki-deck.js";
import { call } from "./api.js";
import { byId, find, findAll } from "./dom.js";
import { linkItem, links } from "./share-links.js";
/** @import { Conversation } from "./types.d.ts" */

export class TakeAlong {
  constructor() {
    /** @type {Conversation | null} */
    this.conversation = null;
    this.dialog = byId("share-dialog", HTMLDialogElement);
    this.button = byId("anki", HTMLButtonElement);
    offerDeck(this.button, byId("anki-status"), () => this.conversation?.id ?? "");
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
