// Translate turns into the learner's language on request, if the server can.

import * as api from "./api.js";
import { announce, toast } from "./announce.js";
import { find } from "./dom.js";
import * as settings from "./settings.js";

/** @import { Turn } from "./types.d.ts" */

// Codes of the languages that this server translates into. There are none if no engine translates.
const OFFERED = (document.body.dataset.translations ?? "").split(" ").filter(Boolean);

/**
 * Return the language to translate into: that of the explanations. For explanations in English, return the first of the browser's
 * languages that is offered and is not English, or else any offered one, or undefined if there is none.
 * @param {{ explained?: string }} [options]
 * @returns {string | undefined}
 */
export function target({ explained = settings.get("language") } = {}) {
  if (explained !== "en" && OFFERED.includes(explained)) return explained;
  const others = OFFERED.filter((code) => code !== "en");
  return navigator.languages.map((tag) => tag.split("-")[0]).find((code) => others.includes(code)) ?? others[0];
}

export class Translations {
  /**
   * Create the translations. `conversation()` returns the id of the conversation whose turns are shown.
   * @param {{ conversation: () => string }} options
   */
  constructor({ conversation }) {
    this.conversation = conversation;
  }

  /**
   * Show the turn's translation, or hide it again.
   * @param {Turn} turn
   */
  async toggle(turn) {
    const { id, element, text } = turn;
    // The turn may be removed or changed during the request.
    const isThere = () => element.isConnected && turn.text === text;
    const button = find(element, '[data-action="translate"]');
    const words = find(element, ".turn-translation");
    const language = target();
    if (!words.hidden && words.lang === language) return this.hide(element);
    if (!language || button.getAttribute("aria-busy") === "true") return undefined;
    button.setAttribute("aria-busy", "true");
    try {
      const translation = await api.translateMessage(this.conversation(), id, language);
      if (isThere()) this.show(element, translation, language);
    } catch (error) {
      if (isThere()) toast(error.message, { kind: "error" });
    } finally {
      button.removeAttribute("aria-busy");
    }
    return undefined;
  }

  /** @param {HTMLElement} element @param {string} text @param {string} language */
  show(element, text, language) {
    const words = find(element, ".turn-translation");
    words.lang = language;
    words.textContent = text;
    words.hidden = false;
    find(element, '[data-action="translate"]').setAttribute("aria-pressed", "true");
    announce("Translated.");
  }

  /** @param {HTMLElement} element */
  hide(element) {
    find(element, ".turn-translation").hidden = true;
    find(element, '[data-action="translate"]').setAttribute("aria-pressed", "false");
  }
}
